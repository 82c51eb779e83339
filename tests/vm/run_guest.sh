#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Boots a kernel in QEMU, runs one command in it as root, and returns that command's exit code.
#
#   run_guest.sh [options] KERNEL -- COMMAND [ARG…]
#
# KERNEL: a version fetch_kernels.sh knows (5.10, 6.1, 6.12, sid), or the path of an image.
#   --add FILE      put a statically linked program, or any file, into the guest's /bin (again and again)
#   --script FILE   run this shell script instead of a command
#   --root TAR      boot the system in this tar, by its own systemd; the command is a service of it,
#                   and files that were added are in /usr/local/bin
#   --timeout S     give up after S seconds (300)
#   --memory MB     memory of the guest (1024)
#   --cpus N        CPUs of the guest (2)
#   --log FILE      keep the console here as well
#
# The guest has busybox, proc, sys, a tracefs, and cgroup v2 with the cpu controller handed down.
# No KVM is needed: the CPU is emulated, so give a guest the machine to itself when time matters.
# Exits 77 with the reason when this machine cannot run a guest (1 with CI=true), 124 on timeout,
# 125 when the guest died before the command ended.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
timeout=300 memory=1024 cpus=2 log='' script='' system='' kernel=''
files=()
while [[ $# -gt 0 ]]; do
  case $1 in
    --add) files+=("$2"); shift 2 ;;
    --script) script=$2; shift 2 ;;
    --root) system=$2; shift 2 ;;
    --timeout) timeout=$2; shift 2 ;;
    --memory) memory=$2; shift 2 ;;
    --cpus) cpus=$2; shift 2 ;;
    --log) log=$2; shift 2 ;;
    --) shift; break ;;
    -h | --help) sed -n '3,20s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "run_guest.sh: unknown option $1" >&2; exit 2 ;;
    *) kernel=$1; shift ;;
  esac
done
[[ -n $kernel && ($# -gt 0 || -n $script) ]] || { echo "run_guest.sh: no kernel or no command; see --help" >&2; exit 2; }

# Skipped, unless the machine claims to be able to run everything.
cannot() { echo "no guest: $*" >&2; [[ ${CI:-} == true ]] && exit 1; exit 77; }
[[ $(uname -m) == x86_64 ]] || cannot "the guests' kernels are for x86_64, this machine is $(uname -m)"
for tool in qemu-system-x86_64 busybox cpio; do
  command -v "$tool" > /dev/null || cannot "$tool is missing (Debian: qemu-system-x86 busybox-static cpio)"
done
if readelf -l "$(command -v busybox)" | grep -q INTERP; then cannot "busybox is not the static one (Debian: busybox-static)"; fi
if [[ ! -f $kernel ]]; then
  kernel=$("$here/fetch_kernels.sh" --print "$kernel")
fi

work=$(mktemp -d)
qemu=
# shellcheck disable=SC2317 # called by the trap
cleanup() {
  if [[ -n $qemu ]]; then kill "$qemu" 2> /dev/null || true; fi
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

root=$work/root
mkdir -p "$root"/{bin,dev,etc,proc,sys,tmp,run,root}
cp "$(command -v busybox)" "$root/bin/busybox"
for file in "${files[@]}"; do
  if readelf -l "$file" 2> /dev/null | grep -q INTERP; then
    echo "run_guest.sh: $file is not statically linked; the guest has no libraries" >&2
    exit 2
  fi
  # Debug information would only make the guest slower to unpack.
  strip --strip-debug -o "$root/bin/$(basename "$file")" "$file" 2> /dev/null ||
    cp "$file" "$root/bin/$(basename "$file")"
done
if [[ -n $script ]]; then
  cp "$script" "$root/command"
else
  # Single quotes are the quoting every shell agrees on.
  { printf exec; printf " '%s'" "${@//\'/\'\\\'\'}"; } > "$root/command"
fi

# Unlikely to be printed by anything else, so the exit code cannot be forged by a test's output.
marker="guest-exit-$$-$RANDOM"
cat > "$root/init" << EOF
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
mount -t tmpfs run /run
mount -t tracefs trace /sys/kernel/tracing
mount -t cgroup2 cgroup /sys/fs/cgroup
echo +cpu > /sys/fs/cgroup/cgroup.subtree_control
ip link set lo up
export PATH=/bin HOME=/root
cd /root
sh /command < /dev/null
echo "$marker=\$?"
# The console is slow: let it take the last line before the machine is gone.
sync
poweroff -f
sleep 5
reboot -f
EOF
# A whole system: the same initramfs only unpacks it. Not to the root of the initramfs, which cannot
# give services the mount namespaces they ask for.
if [[ -n $system ]]; then
  cp "$system" "$root/system.tar"
  cat > "$root/init" << EOF
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
mkdir /system
mount -t tmpfs -o size=90%,mode=755 system /system
tar -x -f /system.tar -C /system
rm /system.tar
find /bin -type f -exec cp {} /system/usr/local/bin/ ';'
cp /command /system/
chmod +x /system/command
cp /command.service /system/etc/systemd/system/
mkdir -p /system/etc/systemd/system/multi-user.target.wants
ln -s ../command.service /system/etc/systemd/system/multi-user.target.wants/
mount --move /dev /system/dev
exec switch_root /system /sbin/init
EOF
  cat > "$root/command.service" << EOF
[Unit]
Description=The command this guest is for
[Service]
Environment=HOME=/root
WorkingDirectory=/root
ExecStart=sh -c '/command < /dev/null; echo "$marker=\$?"; sync; exec systemctl poweroff -ff'
StandardOutput=tty
TTYPath=/dev/console
EOF
fi
chmod +x "$root/init"
# Not compressed: unpacking costs an emulated CPU more than reading.
(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) > "$work/initramfs"

# No -icount: time in the guest is the time of this machine. The emulated TSC follows it on all CPUs
# alike; older kernels distrust it and would fall back to the HPET, which is slow to read.
boot() {
  local reader
  rm -f "$work/serial"
  mkfifo "$work/serial"
  tr -d '\r' < "$work/serial" | tee "$work/console" ${log:+"$log"} |
    grep --line-buffered -av "^$marker=" &
  reader=$!
  timeout --foreground --kill-after=5 "$timeout" \
    qemu-system-x86_64 -accel tcg,thread=multi -smp "$cpus" -m "$memory" \
    -display none -monitor none -serial stdio -nodefaults -no-user-config -no-reboot \
    -kernel "$kernel" -initrd "$work/initramfs" \
    -append "console=ttyS0 quiet panic=-1 mitigations=off clocksource=tsc tsc=reliable" \
    < /dev/null > "$work/serial" &
  qemu=$!
  status=0
  wait "$qemu" || status=$?
  qemu=
  wait "$reader" || true # grep: nothing was printed
  code=$(sed -n "s/^$marker=//p" "$work/console" | tail -n 1)
}

boot
# A kernel patches its own code when a tracepoint is attached to, by way of an int3. An emulated CPU
# now and then runs the old instruction when the patch is long complete, and the kernel ends with
# "Oops: int3" (seen in 6.12 under QEMU 7.2, in __schedule). Not ours, and not the kernel's.
for again in 1 2; do
  if [[ -n $code ]] || ! grep -aq 'Oops: int3' "$work/console"; then break; fi
  echo "run_guest.sh: the emulator missed a patch of the kernel's code (Oops: int3); boot $((again + 1))"
  boot
done
if [[ -n $code ]]; then
  exit "$code"
elif [[ $status -eq 124 || $status -eq 137 ]]; then
  echo "run_guest.sh: the guest did not end within $timeout s" >&2
  exit 124
fi
echo "run_guest.sh: the guest died before the command ended (qemu exit code $status)" >&2
exit 125
