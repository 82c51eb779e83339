#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Lays out the root folder of the container image: a program, what it loads, and the licences of both.
#
#   image-root.sh PROGRAM FOLDER     run by packaging/Dockerfile, in a Debian that has the libraries
set -euo pipefail

program=$1 root=$2
source=$(cd "$(dirname "$0")/.." && pwd)

install -D --strip "$program" "$root/usr/bin/throttlelens"
install -D -m 644 -t "$root/etc/throttlelens" "$source/config/throttlelens.yaml"
install -D -m 644 "$source/LICENSE" "$root/usr/share/doc/throttlelens/copyright"

packages=()
of_package() { # the package that brought a file; dpkg may know it by its name from before /usr was merged
  local path=$1
  dpkg-query -S "$path" 2> /dev/null || dpkg-query -S "${path#/usr}"
}
# Lines are "NAME => PATH (ADDRESS)", or only "PATH (ADDRESS)" for the loader, which must stay there.
while read -r path; do
  real=$(realpath "$path")
  case $path in
    */ld-linux*) target=$path ;;
    *) target=/usr${path#/usr} ;;
  esac
  install -D -m 755 "$real" "$root$target"
  packages+=("$(of_package "$real" | sed 's/:.*//')")
done < <(ldd "$program" | sed -nE 's,^([^/]*=> )?[[:space:]]*(/[^ ]+) \(.*,\2,p')
[[ ${#packages[@]} -gt 0 ]] || { echo "image-root.sh: ldd knows no library of $program" >&2; exit 1; }

# Libraries of headers, and small static parts of others, are within the program.
while read -r package; do
  case $package in lib*-dev) packages+=("$package") ;; esac
done < <("$source/packaging/install-deps.sh" --list build)

# Scanners for known flaws look for packages where images without a package manager have them.
install -D -m 644 /etc/os-release "$root/etc/os-release"
mkdir -p "$root/var/lib/dpkg/status.d"
for package in $(printf '%s\n' "${packages[@]}" | sort -u); do
  install -D -m 644 "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/copyright"
  case $package in lib*-dev) ;; *) dpkg-query -s "$package" > "$root/var/lib/dpkg/status.d/$package" ;; esac
done
# What those files refer to.
cp -a /usr/share/common-licenses "$root/usr/share/"

# It must start from what is there.
chroot "$root" /usr/bin/throttlelens version
