# Completion in bash for Schoolgate's programs and scripts. Verbs, options and
# their values are asked of the programs' own --help, so they are always those
# of the program that is installed.
#
# usage: source scripts/completion/schoolgate.bash
#        or copy it to /usr/share/bash-completion/completions/

# _schoolgate_help WORD...: the help of a program or of one of its verbs.
_schoolgate_help() {
  "$@" --help 2>/dev/null </dev/null
}

# Names in the help's list of verbs.
_schoolgate_verbs() {
  awk '/^Subcommands:/ {list = 1; next} /^[^ ]/ {list = 0}
    list && /^  [a-z]/ {print $1}'
}

# Options in the help, long and short.
_schoolgate_options() {
  awk '/^Options:/ {list = 1; next} /^[^ ]/ {list = 0}
    list && /^  -/ {count = split($1, names, ",")
      for (i = 1; i <= count; i++) print names[i]}'
}

# Values that the help says an option takes: "--place TEXT:{onsite,offsite}".
_schoolgate_values() {
  awk -v option="$1" '/^  -/ {
      found = 0; count = split($1, names, ",")
      for (i = 1; i <= count; i++) if (names[i] == option) found = 1
      if (found && match($0, /\{[^}]*\}/)) {
        values = substr($0, RSTART + 1, RLENGTH - 2)
        gsub(/,/, "\n", values); print values
      }
    }'
}

# Values that the help says an argument takes: "KIND TEXT:{accident,wrong}".
_schoolgate_arguments() {
  awk '/^Positionals:/ {list = 1; next} /^[^ ]/ {list = 0}
    list && match($0, /\{[^}]*\}/) {
      values = substr($0, RSTART + 1, RLENGTH - 2)
      gsub(/,/, "\n", values); print values
    }'
}

_schoolgate_complete() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local command=("$1") verbs help words index
  type "$1" >/dev/null 2>&1 || return
  # The verbs that were typed already lead to the help that counts.
  help=$(_schoolgate_help "${command[@]}")
  for ((index = 1; index < COMP_CWORD; index++)); do
    verbs=$(_schoolgate_verbs <<<"$help")
    if [ -n "$verbs" ] && grep -qxF -e "${COMP_WORDS[index]}" <<<"$verbs"; then
      command+=("${COMP_WORDS[index]}")
      help=$(_schoolgate_help "${command[@]}")
    fi
  done
  if [[ $previous == -* ]]; then
    words=$(_schoolgate_values "$previous" <<<"$help")
    if [ -n "$words" ]; then
      mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
      return
    fi
  fi
  if [[ $current == -* ]]; then
    words=$(_schoolgate_options <<<"$help")
  else
    words=$(_schoolgate_verbs <<<"$help"; _schoolgate_arguments <<<"$help")
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

_schoolgate_script() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local words=
  case ${1##*/} in
    run)
      [ "$previous" = --capture ] && return
      words='--demo --capture --stop --status --forget --help'
      ;;
    test) words='--all --help --' ;;
    build)
      if [ "$previous" = --preset ]; then
        words='dev asan tsan release fuzz'
      else
        words='--preset schoolgate schoolgate-agent schoolgate-uplink
          schoolgate-rules schoolgate-collector dashboard'
      fi
      ;;
    deps) words='--all --list' ;;
    package) words='--built --version --out --only --help' ;;
    demo)
      [ "$COMP_CWORD" = 1 ] && words='up laptop exec as traffic down'
      ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -o default -F _schoolgate_complete schoolgate schoolgate-agent \
  schoolgate-uplink schoolgate-rules schoolgate-collector
# Scripts are completed by their paths only: "run" and "test" are other things
# elsewhere.
complete -o default -F _schoolgate_script scripts/run scripts/test \
  scripts/build scripts/deps scripts/package scripts/demo ./scripts/run ./scripts/test \
  ./scripts/build ./scripts/deps ./scripts/package ./scripts/demo
