#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From a bare Debian 12 to a running profiler: installs what is missing, builds, says what this
# machine offers, and profiles it in the foreground until Ctrl-C.
#
#   packaging/run.sh [OPTION…]     options of `throttlelens run`, for example --listen 0.0.0.0:9976
set -euo pipefail

case ${1:-} in
  -h | --help) sed -n '3,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT

packaging/install-deps.sh build

# A tree that is configured already keeps its options; a new one is not made to need the test tools.
if [[ ! -f build/build.ninja ]]; then
  cmake --preset release -DTL_TESTS=OFF > "$log" || { cat "$log" >&2; exit 1; }
fi
echo "building build/throttlelens"
cmake --build build --target throttlelens > "$log" || { cat "$log" >&2; exit 1; }

address=127.0.0.1:9976
previous=
for argument in "$@"; do
  case $argument in --listen=*) address=${argument#--listen=} ;; esac
  [[ $previous != --listen ]] || address=$argument
  previous=$argument
done

echo
# What is missing is said here; whether it is enough is for the daemon to decide.
build/throttlelens doctor || true
cat << EOF

Profiling this machine; Ctrl-C ends it. In another terminal:
  build/throttlelens top                     the busiest and most throttled containers, live
  curl -s http://$address/metrics | grep -v '^#' | head
  http://$address/                           what else is served

EOF
rm -f "$log"
trap - EXIT
exec build/throttlelens run "$@"
