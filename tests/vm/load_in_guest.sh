#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs in a guest, under busybox: what tl_load says it used must be what the kernel charged to its
# cgroup. The kernel may have charged a little more: starting and ending the process.
set -eu
group=/sys/fs/cgroup/load
uname -r
mkdir "$group"
echo "60000 100000" > "$group/cpu.max"
tl_load --cgroup-procs "$group/cgroup.procs" --threads 2 --busy 70ms --idle 30ms --duration 3s > /tmp/load.json
charged=$(sed -n 's/^usage_usec //p' "$group/cpu.stat")
grep nr_throttled "$group/cpu.stat"
rmdir "$group"
tr '{' '\n' < /tmp/load.json | awk -F '[:,]' -v charged="$charged" '
  /^"cpu_ns"/ { total += $2 - $4 }                     # the main thread, since it joined
  /^"tid"/ { total += $6; threads += $6 }
  /^"index"/ { windows += $4; ++count }
  END {
    printf "load %.0f us in %d windows, kernel %d us\n", total / 1000, count, charged
    if (windows != threads) { print "the windows do not add up to the threads"; exit 1 }
    if (count < 60) { print "windows are missing"; exit 1 }
    if (total / 1000 > charged + 2000 || total / 1000 < charged * 0.98 - 20000) {
      print "load and kernel disagree"; exit 1
    }
  }'
