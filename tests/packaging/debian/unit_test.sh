#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The unit by itself: systemd understands every line of it, and rates what it may do.
#
#   unit_test.sh UNIT
set -euo pipefail
unit=$1
# 0.0 is nothing at all, 10.0 is root. What is left: the network, BPF, and looking at others.
worst=2.1

if ! command -v systemd-analyze > /dev/null; then
  echo "systemd-analyze is missing; packaging/install-deps.sh test installs it"
  [[ ${CI:-} == true ]] && exit 1
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

score() { systemd-analyze security --offline=true --no-pager "$1" | sed -n 's/.*exposure level for .*: \([0-9.]*\) .*/\1/p'; }
within() { awk -v score="$1" -v worst="$worst" 'BEGIN { exit !(score != "" && score <= worst) }'; }

rated=$(score "$unit")
echo "exposure: $rated of at most $worst"
within "$rated" || { echo "FAILED: the service may do more than before"; failures=1; }
# The rating must be able to fail.
mkdir "$work/loose"
grep -v -e '^SystemCallFilter' -e '^CapabilityBoundingSet' "$unit" > "$work/loose/throttlelens.service"
! within "$(score "$work/loose/throttlelens.service")" || { echo "FAILED: a looser service passes as well"; failures=1; }

# A misspelt line is only a warning to systemd, and then without effect. The program and its pages
# are not here, which is another test's matter.
sed -e 's,^ExecStart=/usr/bin/throttlelens,ExecStart=/bin/true,' -e '/^Documentation=/d' "$unit" > "$work/throttlelens.service"
said=$(systemd-analyze verify --man=no "$work/throttlelens.service" 2>&1 | grep throttlelens || true)
[[ -z $said ]] || { echo "FAILED: $said"; failures=1; }
sed 's/^ProtectHome/ProtectHomes/' "$work/throttlelens.service" > "$work/loose/throttlelens.service"
systemd-analyze verify --man=no "$work/loose/throttlelens.service" 2>&1 | grep -q ProtectHomes ||
  { echo "FAILED: a misspelt line is not seen"; failures=1; }
exit "$failures"
