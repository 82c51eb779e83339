# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# To be sourced: what this machine's apt asks for Debian, so that no test names a host.
#
#   debian_mirror     sets mirror, security (empty: none) and keyring (empty: none); fails without a mirror
debian_mirror() {
  local codename uris file
  # shellcheck source=/dev/null
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  # Whichever of the two formats the sources have.
  uris=$(apt-get update --print-uris 2> /dev/null | sed -n "s|^'\(.*\)/dists/\([^/' ]*\)/InRelease'.*|\2 \1|p")
  # -updates only exists in the distribution's own archive, others reuse the plain codename.
  mirror=$(awk -v a="$codename-updates" -v b="$codename" '$1 == a {print $2; found = 1; exit} $1 == b && !first {first = $2} END {if (!found) print first}' <<< "$uris")
  # shellcheck disable=SC2034 # for whoever sources this
  security=$(awk -v a="$codename-security" '$1 == a {print $2; exit}' <<< "$uris")
  keyring=
  for file in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp}; do
    # shellcheck disable=SC2034
    if [[ -r $file ]]; then keyring=$file; break; fi
  done
  [[ -n $mirror ]]
}
