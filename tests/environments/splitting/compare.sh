#!/bin/bash
# Runs each script in /cases as a whole and as two halves, each on a layer of its own over this container's files,
# and prints what is there afterwards.
set -u
mkdir -p /over /over/out
mount -t tmpfs none /over && mkdir -p /over/out
# Writing is not for ever here.
echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/quick
names='sudo apt-get curl wget gpg git conda pip pip3 pipx uv npm pnpm yarn corepack cargo go gem bundle dnf yum apk
  pacman yay service chsh frobnicate locale-gen fc-cache'
for name in $names; do ln -s /cases/standin.sh "/usr/local/bin/$name"; done
chmod 755 /cases/standin.sh
apt-get update >/dev/null

workspace() {
  mkdir -p "$1/workspace/dotfiles" "$1/workspace/assets"
  echo '{}' >"$1/workspace/config.json"
  echo 'flask' >"$1/workspace/requirements.txt"
  printf 'b\na\n' >"$1/workspace/names"
  echo 'FROM_FILE=yes' >"$1/workspace/task.env"
  echo 2 >"$1/workspace/choice"
  echo 'PS1=x' >"$1/workspace/dotfiles/bashrc"
  printf '#!/bin/bash\necho ran >/etc/ran\n' >"$1/workspace/setup.sh"
  chmod 755 "$1/workspace/setup.sh"
}

# shell ROOT FOLDER VARIABLE...: runs /.case/script.sh
shell() {
  local root=$1 folder=$2
  shift 2
  chroot "$root" /usr/bin/env -i -C "$folder" HOME=/root DEBIAN_FRONTEND=noninteractive "$@" \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    bash /.case/script.sh </dev/null >"/over/out/$name.$mode.log" 2>&1
}
session=(TASK_ID=t1 AGENTS_RUNNER_ID=r1 WORKSPACE=/workspace GIT_NAME=somebody GIT_TOKEN=secret NPM_TOKEN=npm
  INDEX_USER=me NODE_VERSION=18 USER_THEME=dark SETUP_EXTRA='export EXTRA_SET=1' USE_FAST=1 FROM_OUTSIDE=o)

# give SCRIPT: puts it where it runs, with a line that keeps what it exports.
give() {
  { cat "$1" && printf '\n/usr/bin/env >/.case/environment\n'; } >"$root/.case/script.sh"
}

run() {
  local name=$1 mode=$2 base=/over/$1.$2 root=/over/$1.$2/root code=0
  mkdir -p "$base/upper" "$base/work" "$root"
  mount -t overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" none "$root" || exit 1
  mount --bind /dev "$root/dev" && mount -t proc none "$root/proc"
  mkdir -p "$root/.case" "$root/workspace"
  exec 3>"/over/out/$name.$mode"
  if [[ $mode == halves ]]; then
    if [[ -s /cases/$name/cached ]]; then
      cp "/cases/$name/cached" "$root/.case/script.sh"
      shell "$root" / || echo "the cached half ends with $?" >&3
      rm -rf "$root"/tmp/*
    fi
    workspace "$root"
    give "/cases/$name/run"
  else
    workspace "$root"
    give "/cases/$name/whole"
  fi
  shell "$root" /workspace "${session[@]}"
  code=$?
  {
    echo "exit $code"
    # A script that ends early leaves none.
    grep -vE '^(_|SHLVL)=' "$root/.case/environment" 2>/dev/null | sort
    # shellcheck disable=SC2016 # dpkg's own
    chroot "$root" dpkg-query -W -f '${Package} ${Version} ${Status}\n'
    cd "$base/upper" && find . \( -path ./.case -o -path ./proc -o -path ./dev -o -path ./var/log -o -path ./var/cache \
      -o -path ./var/lib/apt -o -path ./var/lib/dpkg -o -path ./run \) -prune -o -printf '%y %m %U:%G %p %l\n' -type f \
      -exec sha256sum {} \; | sort
  } >&3 2>&1
  exec 3>&-
  umount "$root/dev" "$root/proc" "$root" && rm -rf "$base"
}

run_both() {
  run "$1" whole && run "$1" halves
}
cases=(/cases/*/)
running=0
for case in "${cases[@]}"; do
  ((running < 4)) || { wait -n && running=$((running - 1)); }
  run_both "$(basename "$case")" &
  running=$((running + 1))
done
wait
for file in /over/out/*; do
  echo "=== ${file##*/}"
  cat "$file"
done
