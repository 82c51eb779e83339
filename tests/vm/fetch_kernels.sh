#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fetches the kernels the guests boot: Debian's own cloud kernels, from the mirror this machine
# already uses, each once, into a cache. apt checks the signature of the release and the hash of
# the package; a hash kept beside the extracted image is checked at each reuse.
#
#   fetch_kernels.sh [--print] [VERSION…]     VERSION: 5.10, 6.1, 6.12, sid (all of them)
#
# --print writes only the path of each image. Exits 77 with the reason when one cannot be
# had (1 with CI=true).
set -euo pipefail
# shellcheck source=tests/support/debian_mirror.sh
source "$(dirname "$0")/../support/debian_mirror.sh"

cache=${THROTTLELENS_CACHE:-$HOME/.cache/throttlelens}/kernels
print_only=false
versions=()
for argument in "$@"; do
  case $argument in
    --print) print_only=true ;;
    -h | --help) sed -n '3,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) versions+=("$argument") ;;
  esac
done
[[ ${#versions[@]} -gt 0 ]] || versions=(5.10 6.1 6.12 sid)

say() { $print_only || echo "$*"; }
# Skipped, unless the machine claims to be able to run everything.
unavailable() { echo "no kernel for the guest: $*" >&2; [[ ${CI:-} == true ]] && exit 1; exit 77; }

# Chosen by pattern, the highest version wins: point releases leave the archive when the next one
# comes. Newer kernels ship the image in a package of its own (linux-binary-…).
suites_of() {
  case $1 in
    5.10) echo bullseye bullseye-security ;;
    6.1) echo bookworm bookworm-security ;;
    6.12) echo bookworm bookworm-security bookworm-backports ;;
    sid) echo sid ;;
    *) echo "fetch_kernels.sh: unknown kernel '$1'; known: 5.10 6.1 6.12 sid" >&2; exit 2 ;;
  esac
}
pattern_of() {
  case $1 in
    5.10) echo '^linux-(image|binary)-5\.10\.0-[0-9]+-cloud-amd64$' ;;
    6.1) echo '^linux-(image|binary)-6\.1\.0-[0-9]+-cloud-amd64$' ;;
    6.12) echo '^linux-(image|binary)-6\.12\.[0-9.]+\+deb[0-9.]+-cloud-amd64$' ;;
    sid) echo '^linux-(image|binary)-[0-9][0-9.]+\+deb[0-9.]+-cloud-amd64$' ;;
  esac
}

cached() { [[ -s $cache/$1/vmlinuz.sha256 ]] && (cd "$cache/$1" && sha256sum --check --status vmlinuz.sha256); }

missing=()
for version in "${versions[@]}"; do
  suites_of "$version" > /dev/null
  cached "$version" || missing+=("$version")
done

if [[ ${#missing[@]} -gt 0 ]]; then
  command -v apt-get > /dev/null || unavailable "this machine has no apt to fetch it with"
  mkdir -p "$cache"
  # Guests may be started side by side; only one of them fetches.
  exec 9> "$cache/.lock"
  flock 9
  work=$(mktemp -d "$cache/.fetch.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work"/{lists,archives,state}/partial "$work/none"

  debian_mirror || unavailable "the apt sources of this machine name no Debian mirror"
  options=${keyring:+[signed-by=$keyring] }
  for version in "${missing[@]}"; do
    for suite in $(suites_of "$version"); do
      case $suite in
        *-security) [[ -z $security ]] || echo "deb $options$security $suite main" ;;
        *) echo "deb $options$mirror $suite main" ;;
      esac
    done
  done | sort -u > "$work/sources.list"

  # Lists, cache and preferences of the system are neither read nor touched.
  apt_options=(
    -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts="$work/none"
    -o Dir::Etc::preferences="$work/none.pref" -o Dir::Etc::preferencesparts="$work/none"
    -o Dir::State="$work/state" -o Dir::State::lists="$work/lists"
    -o Dir::Cache="$work" -o Dir::Cache::archives="$work/archives"
    -o APT::Architecture=amd64 -o APT::Architectures=amd64 -o Acquire::Languages=none
    -o APT::Sandbox::User=root
    -o APT::Get::AllowUnauthenticated=false -o Acquire::AllowInsecureRepositories=false
    -o Acquire::AllowDowngradeToInsecureRepositories=false -o Acquire::Retries=2)
  say "looking for kernels: ${missing[*]}"
  # One suite that has moved away must not cost us the others: look at what did arrive.
  apt-get "${apt_options[@]}" -q update > "$work/update.log" 2>&1 || true

  for version in "${missing[@]}"; do
    cached "$version" && continue # another guest fetched it while we waited
    package=$(apt-cache "${apt_options[@]}" search --names-only "$(pattern_of "$version")" |
      awk '{print $1}' | sort -t- -k3V | tail -n 1)
    # Where both exist, linux-image-… only depends on the one that holds the image.
    if [[ $package == linux-image-* ]]; then
      binary=linux-binary-${package#linux-image-}
      if apt-cache "${apt_options[@]}" show "$binary" > /dev/null 2>&1; then package=$binary; fi
    fi
    if [[ -z $package ]]; then
      grep -E '^(E|W|Err):' "$work/update.log" >&2 || true
      unavailable "$version: no package matches in $(suites_of "$version")"
    fi
    say "fetching $package"
    (cd "$work" && apt-get "${apt_options[@]}" -q download "$package" > download.log 2>&1) ||
      { cat "$work/download.log" >&2; unavailable "$version: $package could not be downloaded"; }
    mkdir -p "$work/$version"
    deb=$(find "$work" -maxdepth 1 -name "${package%%+*}*.deb" -print -quit)
    rm -rf "$work/tree"
    dpkg-deb -x "$deb" "$work/tree"
    image=$(find "$work/tree" \( -path '*/boot/vmlinuz-*' -o -path '*/lib/modules/*/vmlinuz' \) -type f -print -quit)
    [[ -n $image ]] || unavailable "$version: $package holds no kernel image"
    cp "$image" "$work/$version/vmlinuz"
    dpkg-deb -W "$deb" | tr '\t' ' ' > "$work/$version/package"
    (cd "$work/$version" && sha256sum vmlinuz > vmlinuz.sha256)
    rm -rf "$deb" "$work/tree" "${cache:?}/$version"
    mv "$work/$version" "$cache/$version"
  done
fi

for version in "${versions[@]}"; do
  if $print_only; then
    echo "$cache/$version/vmlinuz"
  else
    echo "$version: $(cat "$cache/$version/package") in $cache/$version/vmlinuz"
  fi
done
