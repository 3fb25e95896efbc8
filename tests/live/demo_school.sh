# What the tests over scripts/run --demo share: a school of their own, with its
# ports and networks, that ends with the test. Sourced; needs BUILD.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export SCHOOLGATE_BUILT=1 SCHOOLGATE_BUILD_DIR=$BUILD
SCHOOLGATE_RUN_DIR=$(mktemp -d)
chmod 0711 "$SCHOOLGATE_RUN_DIR"   # as any directory that people's agents use
export SCHOOLGATE_RUN_DIR SCHOOLGATE_DEMO=sgtest$((RANDOM % 1000))
export SCHOOLGATE_DEMO_SUBNET=198.19.$((RANDOM % 100))
export SCHOOLGATE_DEMO_LINK=198.19.$((100 + RANDOM % 100))
free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])'
}
SCHOOLGATE_WEB_PORT=$(free_port)
SCHOOLGATE_GRPC_PORT=$(free_port)
export SCHOOLGATE_WEB_PORT SCHOOLGATE_GRPC_PORT
run=$SCHOOLGATE_RUN_DIR bin=$BUILD/bin
export SCHOOLGATE_COLLECTOR_DATA=$run/collector

clean_up() {
  local status=${1:-$?}
  if [ $status -ne 0 ]; then
    for log in "$run"/log/*.log; do
      echo "--- $log" && tail -n 15 "$log"
    done
  fi
  "$here/scripts/run" --forget >/dev/null 2>&1 || true
  exit $status
}
trap clean_up EXIT

# until_true SECONDS WHAT COMMAND...: a state that must come about.
until_true() {
  local seconds=$1 what=$2
  shift 2
  for _ in $(seq $((seconds * 5))); do
    "$@" >/dev/null 2>&1 && { echo "ok: $what"; return; }
    sleep 0.2
  done
  echo "FAILED: $what did not come about within $seconds s" >&2
  return 1
}
# must_fail WHAT COMMAND...: bash's own "!" would not end the script.
must_fail() {
  local what=$1
  shift
  if "$@" >/dev/null 2>&1; then
    echo "FAILED: $what" >&2
    exit 1
  fi
  echo "ok: not $what"
}
