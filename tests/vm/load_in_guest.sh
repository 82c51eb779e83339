#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs in a guest, under busybox: what tl_load says it used must be what the kernel charged to its
# cgroup. The kernel charges a little more: threads and the process begin before their first look at
# the clock and end after the last. On an emulated CPU that is milliseconds, so it is measured first,
# by a load that does nothing else.
set -eu
group=/sys/fs/cgroup/load
uname -r
mkdir "$group"

charged() { sed -n 's/^usage_usec //p' "$group/cpu.stat"; }
# told FILE: microseconds the load says it used since it joined; fails when its windows do not add up
told() {
  tr '{' '\n' < "$1" | awk -F '[:,]' '
    /^"cpu_ns"/ { total += $2 - $4 }                     # the main thread, since it joined
    /^"tid"/ { total += $6; threads += $6 }
    /^"index"/ { windows += $4; ++count }
    END {
      if (windows != threads || count == 0) { exit 1 }
      printf "%d", total / 1000
    }'
}
load() { tl_load --cgroup-procs "$group/cgroup.procs" --threads 2 --busy 70ms --idle 30ms "$@" > /tmp/load.json; }

load --duration 1ms # the first run also pays for translating the program
before=$(charged)
load --duration 1ms
around=$(($(charged) - before - $(told /tmp/load.json)))

echo "60000 100000" > "$group/cpu.max"
before=$(charged)
load --duration 3s
kernel=$(($(charged) - before))
used=$(told /tmp/load.json)
grep nr_throttled "$group/cpu.stat"
rmdir "$group"
echo "load $used us, kernel $kernel us, begin and end of a load $around us"
if [ "$used" -gt $((kernel + 2000)) ] || [ "$used" -lt $((kernel * 97 / 100 - 3 * around - 20000)) ]; then
  echo "load and kernel disagree"
  exit 1
fi
