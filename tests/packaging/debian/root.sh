# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# For tests to source: a Debian of their own in memory, gone with the test. Call own_namespace first.

# Skipped, unless the machine claims to be able to run everything.
cannot() { echo "cannot run: $*" >&2; [[ ${CI:-} == true ]] && exit 1; exit 77; }

# own_namespace "$@": starts the script once more, where what it mounts is seen by nobody else and
# what it leaves running ends with it.
own_namespace() {
  [[ $EUID -eq 0 ]] || cannot "needs root, to install a package"
  if [[ ${TL_OWN_NAMESPACE:-} != yes ]]; then
    TL_OWN_NAMESPACE=yes exec unshare --mount --pid --fork --kill-child -- "$0" "$@"
  fi
  unset TL_OWN_NAMESPACE
}

# make_root FOLDER: what debian_base.sh gives, unpacked, able to run apt.
make_root() {
  local tar
  root=$1
  tar=$("$(dirname "${BASH_SOURCE[0]}")/../debian_base.sh")
  mkdir -p "$root"
  mount -t tmpfs -o size=2g,mode=755 root "$root"
  tar --extract --numeric-owner --file "$tar" --directory "$root"
  mount -t proc proc "$root/proc"
  mount -t tmpfs -o mode=755 dev "$root/dev"
  mknod -m 666 "$root/dev/null" c 1 3
  mknod -m 666 "$root/dev/zero" c 1 5
  mknod -m 666 "$root/dev/random" c 1 8
  mknod -m 666 "$root/dev/urandom" c 1 9
  ln -s /proc/self/fd "$root/dev/fd"
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  # Packages fetched before are not fetched again; apt checks their hashes each time.
  archives=${THROTTLELENS_CACHE:-$HOME/.cache/throttlelens}/debian/archives
  mkdir -p "$archives"
  find "$archives" -name '*.deb' -mtime -30 -exec cp -t "$root/var/cache/apt/archives" {} +
  # Packages that bring services are installed, not run.
  rm -f "$root/etc/apt/apt.conf.d/docker-clean"
}

inside() {
  chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive "$@"
}

# inside_apt ARG…: apt-get, quiet unless it fails.
inside_apt() {
  inside apt-get -q -y -o Acquire::Retries=3 -o APT::Keep-Downloaded-Packages=true "$@" > "$root.log" 2>&1 < /dev/null ||
    { tail -n 40 "$root.log" >&2; echo "apt-get $* failed in the Debian root" >&2; return 1; }
}

# keep_archives: for the next test, one file at a time, each whole or not there.
keep_archives() {
  local deb
  for deb in "$root"/var/cache/apt/archives/*.deb; do
    [[ -e $archives/${deb##*/} ]] || { cp "$deb" "$archives/.$$" && mv "$archives/.$$" "$archives/${deb##*/}"; }
  done
}
