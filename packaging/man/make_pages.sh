#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Writes the man pages: what commands and keys mean is said once, by --help and by the comments of
# throttlelens.yaml; the templates beside this script have the rest.
#
#   make_pages.sh THROTTLELENS YAML FOLDER      THROTTLELENS: the program, YAML: its configuration
#
# Dated by SOURCE_DATE_EPOCH where that is set.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
program=$1 yaml=$2 folder=$3
version=$("$program" --version)
day=$(date --utc --date="@${SOURCE_DATE_EPOCH:-$(date +%s)}" +%Y-%m-%d)

# fill TEMPLATE MARK FILE: the template with the file in place of the line MARK.
fill() {
  sed -e "s/@VERSION@/$version/" -e "s/@DATE@/$day/" -e "/^$2\$/{
r $3
d
}" "$1"
}

section=$(mktemp)
trap 'rm -f "$section"' EXIT
"$program" --help | awk '/^Subcommands:/ {on = 1; next} on && /^  [a-z]/ {print $1} /^$/ {on = 0}' |
  while read -r command; do
    "$program" "$command" --help | awk -v command="$command" -f "$here/options.awk"
  done > "$section"
fill "$here/throttlelens.1.in" @COMMANDS@ "$section" > "$folder/throttlelens.1"

awk -f "$here/keys.awk" "$yaml" > "$section"
fill "$here/throttlelens.yaml.5.in" @KEYS@ "$section" > "$folder/throttlelens.yaml.5"
