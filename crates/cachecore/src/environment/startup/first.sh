#!/bin/sh
# The start of a container of an environment: what could not be baked, the run script, and then the command
# in this process's place. Written by envimage, which adds the steps below.

step_kept=/dev/cachecore/environment
step_shell=$(command -v bash || echo /bin/sh)
step_child='' step_heard=''

say() { printf 'envimage: %s\n' "$*" >&2; }

# The first process of a container is not ended by signals that it does not wait for.
hear() {
  step_heard=$1
  [ -z "$step_child" ] || kill -TERM "$step_child" 2>/dev/null
}
trap 'hear 1' HUP
trap 'hear 2' INT
trap 'hear 3' QUIT
trap 'hear 15' TERM

# Runs words to their end, whose code is in $step_code; ends itself if it is told to. What is piped in is the
# command's: only a terminal is a script's, too.
attend() {
  if [ -t 0 ]; then exec 3<&0; else exec 3</dev/null; fi
  # Standard input of what runs beside a shell is /dev/null, unless it is named in another way.
  "$@" <&3 3<&- &
  step_child=$!
  exec 3<&-
  [ -z "$step_heard" ] || kill -TERM "$step_child" 2>/dev/null
  while :; do
    step_code=0
    wait "$step_child" || step_code=$?
    # Only a signal ends waiting while the child is there.
    if [ "$step_code" -le 128 ] || ! kill -0 "$step_child" 2>/dev/null; then break; fi
  done
  step_child=''
  [ -z "$step_heard" ] || exit $((128 + step_heard))
}

# Puts words that become another user (`name`, `number`, and perhaps a group behind a colon) into the place of
# this process, with a program that the image has for it.
become() {
  step_user=${1%%:*} step_group=''
  case $1 in *:*) step_group=${1#*:} ;; esac
  shift
  step_home='' step_uid='' step_gid=''
  while IFS=: read -r step_name _ step_number step_primary _ step_folder _; do
    if [ "$step_name" = "$step_user" ] || [ "$step_number" = "$step_user" ]; then
      step_user=$step_name step_uid=$step_number step_gid=$step_primary step_home=$step_folder
      break
    fi
  done 2>/dev/null </etc/passwd
  case $step_uid$step_user in *[!0-9]*) [ -n "$step_uid" ] || {
    say "cannot become $step_user: the image has no such user"
    exit 126
  } ;; esac
  # docker takes the same for somebody whom the image does not know.
  export HOME="${step_home:-/}"
  # busybox has a smaller one.
  case $(setpriv --help 2>&1) in *--reuid*)
    if [ -n "$step_uid" ] && [ -z "$step_group" ]; then
      exec setpriv --reuid "$step_uid" --regid "$step_gid" --init-groups "$@"
    fi
    exec setpriv --reuid "${step_uid:-$step_user}" --regid "${step_group:-${step_gid:-0}}" --clear-groups "$@"
    ;;
  esac
  # shellcheck disable=SC2016 # Said to the other user's shell.
  if [ -n "$step_uid" ] && [ -z "$step_group" ] && command -v su >/dev/null 2>&1; then
    exec su -p -s /bin/sh -c 'exec "$@"' -- "$step_user" sh "$@"
  fi
  say "cannot become $step_user: the image has neither setpriv nor su"
  exit 126
}

# as USER WORDS...: puts words into the place of this process. USER is empty where nobody else is meant.
as() {
  step_user=$1
  shift
  if [ -z "$step_user" ]; then exec "$@"; else become "$step_user" "$@"; fi
}

# exporting USER KIND SCRIPT SHELL...: a script in a shell of its own, which writes down what it exports, however
# it ends. The script may have a trap of its own. SHELL is a bash if KIND is.
# shellcheck disable=SC2016 # Said to the script's shell.
exporting() {
  step_as=$1 step_kind=$2 step_script=$3
  shift 3
  case $step_kind in
    bash) as "$step_as" "$@" -c '
      _cachecore_keep() {
        if [ "$BASHPID" = "$$" ]; then { builtin export -p; builtin export -pf; } >|'"$step_kept"'; fi
      }
      exit() { local code=${1-$?}; _cachecore_keep; builtin exit "$code"; }
      trap _cachecore_keep EXIT
      . "$0"
      exit' "$step_script" ;;
    *) as "$step_as" "$@" -c '
      trap "export -p >|'"$step_kept"'" EXIT
      . "$0"
      set -- $?
      export -p >|'"$step_kept"'
      exit "$1"' "$step_script" ;;
  esac
}

# baked STAGE STEP: the cached script of a stage that is not in the image.
baked() {
  attend "$2"
  [ "$step_code" -eq 0 ] ||
    say "the cached script of stage $1 failed with exit code $step_code; going on without it"
}

# run HOW STEP: the run script.
run() {
  attend "$2"
  [ "$step_code" -eq 0 ] || {
    say "the run script failed with exit code $step_code"
    exit "$step_code"
  }
  [ "$1" != exporting ] || [ -s "$step_kept" ] ||
    say "what the run script exports does not reach the command: it did not end in its own shell"
}

# finish USER WORDS...: the command, with what the run script exported. Another user has another home.
# shellcheck disable=SC2016 # Said to the command's shell.
# What a shell says of a command that it cannot run begins with the name that it is given.
finish() {
  step_as=$1
  shift
  [ -s "$step_kept" ] || as "$step_as" "$@"
  case $step_shell in
    */bash) as "$step_as" "$step_shell" -c '
      _cachecore_folder=$PWD _cachecore_home=${1:+$HOME}
      shift
      for _cachecore_name in $(compgen -e); do unset "$_cachecore_name"; done 2>/dev/null
      . '"$step_kept"'
      PWD=$_cachecore_folder
      [ -z "$_cachecore_home" ] || HOME=$_cachecore_home
      unset OLDPWD SHLVL _cachecore_name _cachecore_folder _cachecore_home
      exec "$@"' envimage "$step_as" "$@" ;;
    *) as "$step_as" "$step_shell" -c '
      _cachecore_folder=$PWD _cachecore_home=${1:+$HOME}
      shift
      . '"$step_kept"'
      PWD=$_cachecore_folder
      [ -z "$_cachecore_home" ] || HOME=$_cachecore_home
      unset OLDPWD _cachecore_folder _cachecore_home
      exec "$@"' envimage "$step_as" "$@" ;;
  esac
}
