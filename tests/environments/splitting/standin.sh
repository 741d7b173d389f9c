#!/bin/bash
# Stands for programs that need a network: each call leaves a file that says how it was called, and what it saw.
name=${0##*/}
record() {
  local folder=/var/lib/standin/$name
  case "$name $*" in
    *npm\ *\ -g* | *npm\ *\ --global* | corepack* | yarn\ global*) ;;
    npm* | pnpm* | bundle* | uv\ sync* | go\ mod* | *\ -r\ *) folder=$PWD/.installed/$name ;;
  esac
  mkdir -p "$folder"
  {
    echo "$name $*"
    env | grep -E '^(PIP_.*|UV_.*|GOFLAGS|CARGO_.*|LANG|LC_ALL|A|B|E)=' | sort
    case $name in npm | pnpm | yarn) cat ~/.npmrc 2>/dev/null ;; esac
  } >>"$folder/$(echo "$*" | tr -c 'a-zA-Z0-9.=\n' _)"
  return 0
}
case $name in
  sudo)
    while [[ ${1:-} == -* ]]; do shift; done
    exec "$@"
    ;;
  apt-get)
    real=()
    for word; do
      case $word in
        zsh | redis | ruby | nodejs | python3-* | example-tool) record "$word" ;;
        *) real+=("$word") ;;
      esac
    done
    [[ " ${real[*]} " =~ " install "(-y|--no-install-recommends|" ")*$ ]] && exit 0
    exec /usr/bin/apt-get -o APT::Update::Error-Mode=any "${real[@]}"
    ;;
  curl | wget)
    output='' url='' remote=no
    while (($#)); do
      case $1 in
        -*O) remote=yes ;;
        -H | --proto) shift ;;
        --output) output=$2 && shift ;;
        -*o) output=$2 && shift ;;
        -*) ;;
        *) url=$1 ;;
      esac
      shift
    done
    [[ $remote == no ]] || output=${url##*/}
    body() {
      case $url in
        *.tar.gz)
          local root
          root=$(mktemp -d)
          echo "$url" >"$root/unpacked-${url##*/}"
          tar -C "$root" --mtime=@0 -cz .
          rm -rf "$root"
          ;;
        *.sh | *setup_*)
          echo "mkdir -p ~/.cargo /opt/installed; echo 'export CARGO_READY=1' >~/.cargo/env"
          echo "echo '$url' >/opt/installed/${url##*/}"
          ;;
        *latest) echo 9.9 ;;
        *) echo "content of $url" ;;
      esac
    }
    if [[ -n $output ]]; then body >"$output"; else body; fi
    ;;
  gpg)
    while (($#)); do
      [[ $1 != -o ]] || exec cat >"$2"
      shift
    done
    cat
    ;;
  git)
    case $1 in
      clone) mkdir -p "${!#}" && echo "$*" >"${!#}/cloned" ;;
      config) echo "$*" >>~/.gitconfig ;;
    esac
    ;;
  conda)
    record "$@"
    # shellcheck disable=SC2016 # for the shell that evaluates it
    [[ $1 != shell.bash ]] || echo 'conda() { command conda "$@"; export CONDA_PREFIX=/opt/conda; }'
    ;;
  *) record "$@" ;;
esac
