#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs in a guest whose init is systemd, with the package installed and its service enabled. A guest
# can be slow, and its clock with it: waits are long, and end as soon as they can.
set -u
failures=0
fail() { echo "FAILED: $*"; failures=$((failures + 1)); }
# until_true SECONDS WHAT COMMAND…
until_true() {
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    if [ "$SECONDS" -ge "$end" ]; then fail "not within its time: $what"; return 1; fi
    sleep 0.5
  done
}
# page NAME: to /run/NAME, with its head. By bash itself, as nothing else here speaks HTTP.
page() {
  (
    exec 3<> /dev/tcp/127.0.0.1/9976 || exit 1
    printf 'GET /%s HTTP/1.0\r\n\r\n' "$1" >&3
    cat <&3 > "/run/$1"
    head -n 1 "/run/$1" | grep -q ' 200 '
  ) 2> /dev/null
}
# shellcheck disable=SC2317 # called by until_true
ready() { page readyz; }
# metric LINE-BEGINNING: the value of a row
metric() { grep -F -- "$1" /run/metrics | awk '{print $NF}' | tail -n 1; }
has() { grep -q -- "$1" /run/metrics || fail "no $1 at /metrics"; }
property() { systemctl show -P "$1" throttlelens.service; }

uname -r
busybox ip link set lo up
until_true 300 "ready" ready || SYSTEMD_COLORS=0 SYSTEMD_URLIFY=0 systemctl status --no-pager -l throttlelens.service
[ "$(property ActiveState)" = active ] || fail "the service is $(property ActiveState)"
[ "$(property NRestarts)" = 0 ] || fail "it was restarted"
pid=$(property MainPID)

# What it may do is what the unit says, no more.
grep -E '^(Uid|Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp):' "/proc/$pid/status" | tr '\t\n' '  '
echo
[ "$(awk '/^Uid:/ {print $2}' "/proc/$pid/status")" != 0 ] || fail "it runs as root"
[ "$(awk '/^Seccomp:/ {print $2}' "/proc/$pid/status")" = 2 ] || fail "no filter of system calls"
# bit 2 DAC_READ_SEARCH, 19 SYS_PTRACE, 38 PERFMON, 39 BPF
for set in Prm Eff Bnd Amb; do
  [ "$(awk -v set="Cap$set:" '$1 == set {print $2}' "/proc/$pid/status")" = 000000c000080004 ] || fail "other capabilities: $set"
done
systemd-analyze security --no-pager throttlelens.service | tail -n 1

# And it is enough: everything is counted in the kernel, memory of others is known.
page metrics
has '^throttlelens_probe_info{.*tier="bpf"'
echo "services: $(grep -c '^throttlelens_node_service_private_memory_bytes' /run/metrics) with private memory"
grep '^throttlelens_process_resident_memory_bytes\|^process_resident' /run/metrics

# A unit with a quota: its row says what the kernel says.
cat > /run/busy.sh << 'END'
while :; do :; done
END
systemd-run --quiet --unit=busy -p CPUQuota=20% -p CPUQuotaPeriodSec=100ms bash /run/busy.sh || fail "no unit with a quota"
sleep 8
systemctl kill --signal=STOP busy.service # nothing more is used, and counters are at rest
sleep 4
page metrics
row='cgroup="/system.slice/busy.service"'
stat=/sys/fs/cgroup/system.slice/busy.service/cpu.stat
kernel() { awk -v key="$1" '$1 == key {print $2}' "$stat"; }
throttled=$(metric "throttlelens_cgroup_cpu_cfs_throttled_periods_total{$row}")
limit=$(metric "throttlelens_cgroup_cpu_limit_cores{$row}")
usage=$(metric "throttlelens_cgroup_cpu_usage_seconds_total{$row}")
echo "busy.service: throttled in $throttled periods (kernel $(kernel nr_throttled)), used $usage s (kernel $(kernel usage_usec) us), limit $limit"
[ "${throttled:-none}" = "$(kernel nr_throttled)" ] || fail "throttled periods differ from the kernel's"
[ "$(kernel nr_throttled)" -gt 10 ] || fail "it was hardly throttled"
[ "${limit:-none}" = 0.2 ] || fail "its limit"
awk -v said="${usage:-0}" -v kernel="$(kernel usage_usec)" 'BEGIN { d = said - kernel / 1e6; exit !(d < 0.002 && d > -0.002) }' ||
  fail "usage differs from the kernel's"
systemctl stop busy.service

# A new configuration without a restart; a wrong one changes nothing.
sed -i 's/^  level: info/  level: debug/' /etc/throttlelens/throttlelens.yaml
systemctl reload throttlelens.service || fail "reload"
log() { journalctl --no-pager -q -o cat -u throttlelens.service; }
# shellcheck disable=SC2317 # called by until_true
applied() { log | grep -q 'log.level'; }
until_true 120 "the new configuration is in force" applied
[ "$(property MainPID)" = "$pid" ] || fail "a reload restarted it"

# Nothing was refused: neither the daemon nor the kernel says so, and it still runs.
[ "$(property ActiveState)" = active ] || fail "the service is $(property ActiveState)"
if log | grep -iE 'not permitted|denied|cannot|EPERM'; then fail "something was refused"; fi
if journalctl --no-pager -q -k | grep -E 'audit.*type=1326|sig=31'; then fail "the filter of system calls ended it"; fi
systemctl stop throttlelens.service
ended="$(property Result) $(property ExecMainStatus)"
[ "$ended" = "success 0" ] || fail "the end: $ended"
[ "$failures" = 0 ] || { log; systemctl --no-pager --failed; }
exit $((failures > 0))
