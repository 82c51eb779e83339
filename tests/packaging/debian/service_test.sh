#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The installed package under a real systemd, in a guest: what the service may do is enough for all
# that it does. See service_in_guest.sh for what is looked at.
#
#   service_test.sh PACKAGE.deb [KERNEL]     KERNEL: 6.1, that of Debian 12, if not given
set -euo pipefail
# shellcheck source=tests/packaging/debian/root.sh
. "$(dirname "$0")/root.sh"
own_namespace "$@"

here=$(cd "$(dirname "$0")" && pwd)
package=$1 kernel=${2:-6.1}
work=$(mktemp -d)
# shellcheck disable=SC2317 # called by the trap
cleanup() { umount -R "$work/root" 2> /dev/null || true; rm -rf --one-file-system "$work"; }
trap cleanup EXIT

make_root "$work/root"
cp "$package" "$root/tmp/throttlelens.deb"
inside_apt update
inside_apt install --no-install-recommends systemd-sysv /tmp/throttlelens.deb
keep_archives

# An emulated CPU unpacks this at every boot: without what only people read, or install with.
rm -rf "$root"/usr/share/{doc,man,locale,info,zoneinfo,perl,bash-completion} "$root"/usr/lib/x86_64-linux-gnu/{gconv,perl-base} \
  "$root"/var/{cache,lib}/apt "$root"/var/lib/dpkg/info "$root"/tmp/* "$root"/lib/udev/hwdb.d "$root"/usr/lib/locale
rm -f "$root"/usr/bin/{apt*,perl*,dpkg*,gpgv,localedef} "$root"/usr/lib/x86_64-linux-gnu/libapt* "$root"/etc/systemd/system/*.wants/*timer
for unit in systemd-udevd.service systemd-udev-trigger.service systemd-timesyncd.service systemd-firstboot.service \
  systemd-logind.service systemd-hwdb-update.service getty.target serial-getty@ttyS0.service dev-hugepages.mount \
  sys-kernel-debug.mount systemd-modules-load.service modprobe@.service; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
# A system call that the service may not make gives it an error; here it ends it, to be seen.
mkdir -p "$root/etc/systemd/system/throttlelens.service.d"
printf '[Service]\nSystemCallErrorNumber=kill\n' > "$root/etc/systemd/system/throttlelens.service.d/strict.conf"
echo 00000000000000000000000000000001 > "$root/etc/machine-id"
tar --create --file "$work/root.tar" --directory "$root" --numeric-owner --exclude='./proc/*' --exclude='./dev/*' .
umount -R "$root"

"$here/../../vm/run_guest.sh" --timeout 400 --memory 1536 --root "$work/root.tar" \
  --script "$here/service_in_guest.sh" "$kernel"
