#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Prints what the profiler costs as tables: per context switch, per cgroup watched, per container made.
#
#   tests/bench/run.sh [--quick] [--check] [BUILD]     BUILD: configured with TL_BENCH=ON; default: build
#
# Needs root. Wants a quiet machine: it says how busy it was. --check: exit 1 when a bound does not
# hold. --quick: fewer rounds, about a minute.
set -euo pipefail

build=$(dirname "$0")/../../build
rounds=(15 3 10)
check=()
for word in "$@"; do
  case $word in
    --quick) rounds=(3 1 3) ;;
    --check) check=(--check) ;;
    -h | --help) sed -n '3,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "bench/run.sh: unknown option '$word'" >&2; exit 2 ;;
    *) build=$word ;;
  esac
done
bench=$build/tests/bench
if [[ ! -x $bench/switch_cost ]]; then
  echo "bench/run.sh: $bench has no benchmarks: configure with -DTL_BENCH=ON and build" >&2
  exit 2
fi

failed=0
echo "Kernel $(uname -r), $(nproc) CPUs, $(sed -n 's/^model name\s*: //p;T;q' /proc/cpuinfo), load $(cut -d' ' -f1-3 /proc/loadavg)"
printf '\n### Added to a context switch\n\n'
for where in "" --apart; do
  "$bench/switch_cost" --attach "$bench/bench_attach" --rounds "${rounds[0]}" ${where:+"$where"} "${check[@]}" ||
    failed=1
  echo
done
printf '### Processes that nobody follows\n\n'
"$bench/process_cost" --attach "$bench/bench_attach" --rounds "${rounds[0]}" "${check[@]}" || failed=1
echo
printf '### The sampler\n\n'
"$bench/sampler_cost" --daemon "$build/throttlelens" --poller "$bench/naive_poller" \
  --rounds "${rounds[1]}" --seconds "${rounds[2]}" "${check[@]}" || failed=1
printf '\n### Containers coming and going\n\n'
python3 -B "$(dirname "$0")/container_cost.py" "$build/throttlelens" --rounds "${rounds[1]}" || failed=1
printf '\nLoad at the end: %s\n' "$(cut -d' ' -f1-3 /proc/loadavg)"
exit "$failed"
