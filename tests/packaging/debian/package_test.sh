#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The package against Debian's policy, its own claims, and itself built once more.
#
#   package_test.sh PACKAGE.deb SOURCE BUILD
set -euo pipefail
package=$1 source=$2 build=$3

for tool in lintian dpkg-deb; do
  if ! command -v "$tool" > /dev/null; then
    echo "$tool is missing; packaging/install-deps.sh test installs it"
    [[ ${CI:-} == true ]] && exit 1
    exit 77
  fi
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
fail() { echo "FAILED: $*"; failures=$((failures + 1)); }
equal() { [[ $2 == "$3" ]] || fail "$1: '$2', must be '$3'"; }

# As lintian is asked to be by those who build packages; root is no reason to distrust it here.
lintian --allow-root --fail-on error,warning "$package" || fail "lintian finds mistakes"

field() { dpkg-deb -f "$package" "$1"; }
version=$(field Version)
equal "version in the changelog" "$(dpkg-parsechangelog -l "$source/packaging/debian/changelog.txt" -S Version)" "$version"
equal "package" "$(field Package)" throttlelens
equal "section" "$(field Section)" admin
equal "configuration files" "$(dpkg-deb -I "$package" conffiles)" /etc/throttlelens/throttlelens.yaml
for library in libc6 libbpf1 libmicrohttpd12 libyaml-cpp0.7; do
  grep -qE "(^|, )$library(:any)? \(>= " <<< "$(field Depends)" || fail "does not depend on $library: $(field Depends)"
done

dpkg-deb -R "$package" "$work/tree"
tree=$work/tree
for file in usr/bin/throttlelens etc/throttlelens/throttlelens.yaml lib/systemd/system/throttlelens.service \
  usr/share/man/man1/throttlelens.1.gz usr/share/man/man5/throttlelens.yaml.5.gz \
  usr/share/doc/throttlelens/{changelog.gz,changelog.Debian.gz,copyright}; do
  [[ -f $tree/$file ]] || fail "$file is not in the package"
done
for file in prometheus/recording.rules.yaml prometheus/alerts.rules.yaml grafana/node.json; do
  [[ ! -f $source/packaging/$file || -f $tree/usr/share/throttlelens/$file ]] || fail "$file is not in the package"
done
cmp "$tree/etc/throttlelens/throttlelens.yaml" "$source/config/throttlelens.yaml" || fail "not the configuration of the source"
program=$tree/usr/bin/throttlelens
! readelf -S "$program" | grep -q '\.debug_' || fail "the program has debug information"
! grep -aqF "$source" "$program" || fail "the program tells where it was built"
readelf -h "$program" | grep -q 'Type:.*DYN' || fail "the program's address is fixed"
readelf -d "$program" | grep -q BIND_NOW || fail "the program's relocations stay writable"
[[ $(stat -c %s "$package") -lt 4000000 ]] || fail "the package is larger than 4 MB"

# The same program and date give the same package, whenever it is packed.
for again in 1 2; do
  SOURCE_DATE_EPOCH=1700000000 cpack --config "$build/CPackConfig.cmake" -G DEB -B "$work/$again" > "$work/log" 2>&1 ||
    { cat "$work/log"; fail "the package does not build again"; }
done
cmp "$work"/{1,2}/*.deb || fail "two builds differ"
exit $((failures > 0))
