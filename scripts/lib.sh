# Shared by the scripts here: where things are, and progress that is never
# silent for long. Sourced, not run.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build_dir=${SCHOOLGATE_BUILD_DIR:-$here/build}

if [ -t 1 ]; then
  bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
else
  bold= dim= red= green= plain=
fi

say() { printf '%s\n' "$*"; }
fail() {
  printf '%s%s%s\n' "$red" "$*" "$plain" >&2
  exit 1
}

# The script's head comment, for --help.
show_help() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; }
# wrong_usage WHY: ends as a wrong command line does.
wrong_usage() {
  printf 'scripts/%s: %s: see --help\n' "${0##*/}" "$*" >&2
  exit 2
}

# step TITLE LOG COMMAND...: runs COMMAND with its output in LOG, shows that it
# is alive (its newest line, on a terminal; every 5 s elsewhere), and prints
# the end of LOG when it fails.
step() {
  local title=$1 log=$2 started=$SECONDS shown=-5 line
  shift 2
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 </dev/null &
  local job=$!
  while kill -0 "$job" 2>/dev/null; do
    sleep 0.2
    if [ -t 1 ]; then
      line=$(tail -n 1 "$log" 2>/dev/null | tr -d '\r' | cut -c1-60)
      printf '\r\e[K%s … %ds %s%s%s' "$title" $((SECONDS - started)) \
        "$dim" "$line" "$plain"
    elif [ $((SECONDS - shown)) -ge 5 ]; then
      shown=$SECONDS
      line=$(tail -n 1 "$log" 2>/dev/null | tr -d '\r' | cut -c1-100)
      printf '%s … %ds %s\n' "$title" $((SECONDS - started)) "$line"
    fi
  done
  if wait "$job"; then
    [ -t 1 ] && printf '\r\e[K'
    printf '%s%s%s (%ds)\n' "$green" "$title: done" "$plain" \
      $((SECONDS - started))
  else
    [ -t 1 ] && printf '\r\e[K'
    tail -n 40 "$log" >&2
    fail "$title: failed; the whole output is in $log"
  fi
}
