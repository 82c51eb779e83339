#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the root of a small Debian, from the mirror this machine already uses, and prints the path
# of its tar. Kept in a cache: made once, its hash is checked at each reuse, made anew after a month.
#
#   debian_base.sh [--suite S] [--variant V] [--include PACKAGE,…]
#
# S is bookworm and V minbase when not given. The root's apt asks the same mirror, in the same way.
# Needs root. Exits 77 with the reason when it cannot be had (1 with CI=true).
set -euo pipefail
# shellcheck source=tests/support/debian_mirror.sh
source "$(dirname "$0")/../support/debian_mirror.sh"

cache=${THROTTLELENS_CACHE:-$HOME/.cache/throttlelens}/debian
suite=bookworm variant=minbase include=''
while [[ $# -gt 0 ]]; do
  case $1 in
    --suite) suite=$2; shift 2 ;;
    --variant) variant=$2; shift 2 ;;
    --include) include=$2; shift 2 ;;
    -h | --help) sed -n '3,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "debian_base.sh: unknown argument '$1'; see --help" >&2; exit 2 ;;
  esac
done

# Skipped, unless the machine claims to be able to run everything.
unavailable() { echo "no Debian root: $*" >&2; [[ ${CI:-} == true ]] && exit 1; exit 77; }

key=$(printf '%s' "$suite $variant $include" | sha256sum | cut -c 1-12)
tar=$cache/$suite-$variant-$key.tar
cached() {
  [[ -s $tar.sha256 && -n $(find "$tar" -mtime -30 2> /dev/null) ]] &&
    (cd "$cache" && sha256sum --check --status "$tar.sha256")
}
if cached; then echo "$tar"; exit 0; fi

[[ $EUID -eq 0 ]] || unavailable "debootstrap needs root"
for tool in debootstrap apt-get apt-config tar; do
  command -v "$tool" > /dev/null || unavailable "$tool is missing (packaging/install-deps.sh test installs it)"
done
mkdir -p "$cache"
# Tests run side by side; only one of them makes it.
exec 9> "$cache/.lock"
flock 9
if cached; then echo "$tar"; exit 0; fi
work=$(mktemp -d "$cache/.make.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT

debian_mirror || unavailable "the apt sources of this machine name no Debian mirror"
[[ -n $keyring ]] || unavailable "Debian's archive keyring is missing (package debian-archive-keyring)"

packages=$include
# apt in the root must be able to trust such a mirror.
[[ $mirror != https://* ]] || packages=${packages:+$packages,}ca-certificates
proxy=
eval "$(apt-config shell proxy Acquire::http::Proxy)"
if [[ -n $proxy && $proxy != DIRECT ]]; then export http_proxy=$proxy; fi

# debootstrap checks the signature of the release and the hash of each package.
debootstrap --variant="$variant" --keyring="$keyring" ${packages:+--include="$packages"} \
  "$suite" "$work/root" "$mirror" > "$work/log" 2>&1 ||
  { tail -n 20 "$work/log" "$work/root/debootstrap/debootstrap.log" >&2 2> /dev/null; unavailable "debootstrap failed"; }

{
  echo "deb $mirror $suite main"
  echo "deb $mirror $suite-updates main"
  [[ -z $security ]] || echo "deb $security $suite-security main"
} > "$work/root/etc/apt/sources.list"
# How this machine talks to its mirror: proxies, retries, a frozen mirror's dates.
apt-config dump | grep -E '^Acquire::(https?::|Retries|Check-Valid-Until|Check-Date)' \
  > "$work/root/etc/apt/apt.conf.d/90mirror" || true
rm -rf "$work/root"/var/cache/apt/archives/*.deb "$work/root"/var/cache/apt/*.bin \
  "$work/root"/var/lib/apt/lists/* "$work/root"/var/log/{bootstrap,alternatives}.log
# What debootstrap copied from this machine is not Debian's.
: > "$work/root/etc/resolv.conf"
echo debian > "$work/root/etc/hostname"

tar --create --file "$work/root.tar" --directory "$work/root" --numeric-owner --sort=name \
  --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' --xattrs --acls .
(cd "$work" && sha256sum root.tar | sed "s|root.tar|$(basename "$tar")|" > root.tar.sha256)
mv "$work/root.tar" "$tar"
mv "$work/root.tar.sha256" "$tar.sha256"
echo "$tar"
