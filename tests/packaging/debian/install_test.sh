#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The package in a small Debian without systemd: apt finds what it needs, it runs, an upgrade keeps
# what an administrator wrote, and a purge leaves nothing.
#
#   install_test.sh PACKAGE.deb
set -euo pipefail
# shellcheck source=tests/packaging/debian/root.sh
. "$(dirname "$0")/root.sh"
own_namespace "$@"

package=$1
work=$(mktemp -d)
# shellcheck disable=SC2317 # called by the trap
cleanup() { umount -R "$work/root" 2> /dev/null || true; rm -rf --one-file-system "$work"; }
trap cleanup EXIT

failures=0
fail() { echo "FAILED: $*"; failures=$((failures + 1)); }
expect() { local what=$1; shift; "$@" || fail "$what"; }
refuse() { local what=$1; shift; if "$@"; then fail "$what"; fi; }

make_root "$work/root"
config=$root/etc/throttlelens/throttlelens.yaml
# Every file but those that keep records of packages, which any installation changes.
files() {
  (cd "$root" && find . -xdev \( -path ./proc -o -path ./dev -o -path ./tmp -o -path ./var/cache -o -path ./var/lib/apt \
    -o -path ./var/lib/dpkg -o -path ./var/log -o -path ./etc/ld.so.cache \) -prune -o -print | sort)
}

# The next version, with another default: what an upgrade would bring.
dpkg-deb -R "$package" "$work/next"
sed -i 's/^Version: .*/Version: 99.0-1/' "$work/next/DEBIAN/control"
echo "# a new default" >> "$work/next/etc/throttlelens/throttlelens.yaml"
(cd "$work/next" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | xargs -0 md5sum > DEBIAN/md5sums)
dpkg-deb --root-owner-group -b "$work/next" "$root/tmp/next.deb" > "$work/log"
cp "$package" "$root/tmp/throttlelens.deb"

inside_apt update
# What it needs comes first, so that the difference is what it brings itself.
mapfile -t needed < <(inside apt-get -s install /tmp/throttlelens.deb | sed -n 's/^Inst \([^ ]*\) .*/\1/p' | grep -vx throttlelens)
[[ ${#needed[@]} -gt 0 ]] || fail "apt sees nothing that the package needs"
inside_apt install --no-install-recommends "${needed[@]}"
keep_archives
files > "$work/before"

inside_apt install --no-install-recommends /tmp/throttlelens.deb
files > "$work/installed"
# /lib is /usr/lib there.
expect "files beside those dpkg knows (<)" \
  diff <(comm -13 "$work/before" "$work/installed" | sed 's/^\.//' | grep -vE '^/(var/lib/systemd/deb-systemd-helper-enabled|etc/systemd/system)(/|$)') \
  <(inside dpkg -L throttlelens | sed 's,^/lib,/usr/lib,' | sort | while read -r path; do [[ $path == /. ]] || grep -qxF ".$path" "$work/before" || echo "$path"; done)
inside throttlelens version
expect "the default configuration is refused" inside throttlelens check-config /etc/throttlelens/throttlelens.yaml
expect "the service is not enabled" test -L "$root/etc/systemd/system/multi-user.target.wants/throttlelens.service"
inside dpkg --verify throttlelens | grep . && fail "files differ from those of the package"
[[ $(stat -c '%U:%G %a' "$config") == "root:root 644" ]] || fail "owner and mode of the configuration: $(stat -c '%U:%G %a' "$config")"
[[ -z $(find "$root/usr/bin/throttlelens" "$root/etc/throttlelens" -perm /6022) ]] || fail "somebody else may write, or set-id"

echo "listen: 127.0.0.1:1234 # mine" > "$config"
rm "$root/etc/systemd/system/multi-user.target.wants/throttlelens.service" # an administrator disabled it
inside_apt -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold install /tmp/next.deb
grep -q mine "$config" || fail "an upgrade changed the configuration"
expect "an upgrade did not leave its new default beside" test -e "$config.dpkg-dist"
refuse "an upgrade enabled what was disabled" test -e "$root/etc/systemd/system/multi-user.target.wants/throttlelens.service"

inside_apt remove throttlelens
refuse "the program is still there" test -e "$root/usr/bin/throttlelens"
grep -q mine "$config" || fail "removal took the configuration"
inside_apt purge throttlelens
files > "$work/after"
expect "purged, and something differs" diff "$work/before" "$work/after"

[[ $failures -eq 0 ]] && echo "installs, upgrades and goes, with ${#needed[@]} packages it needs"
exit $((failures > 0))
