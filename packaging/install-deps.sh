#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that are missing, and does nothing at all when none is.
#
#   install-deps.sh [--list] [GROUP…]     GROUP: build, test (both)
#
# --list only prints the packages. Without root, or without apt, it says what is missing and exits 1.
# Nothing that comes along is started, and no service is left enabled.
set -euo pipefail

build=(
  build-essential ccache cmake git ninja-build pkg-config
  bpftool clang-19 llvm libbpf-dev libelf-dev zlib1g-dev # the BPF programs and their loader
  libcli11-dev libcpp-httplib-dev libcrypt-dev libgnutls28-dev libmicrohttpd-dev libspdlog-dev libssl-dev libyaml-cpp-dev nlohmann-json3-dev prometheus-cpp-dev
)
test=(
  catch2 libbenchmark-dev
  clang-format-19 clang-tidy-19 libclang-rt-19-dev shellcheck
  curl prometheus python3 python3-jsonschema stress-ng
  conmon containerd crun podman runc           # containers, of runtimes of our own
  protobuf-compiler python3-grpcio             # to ask containerd for pods, as the kubelet does
  binutils busybox-static cpio qemu-system-x86 # the guests
  apache2-utils buildah debootstrap lintian man-db openssl python3-yaml systemd unzip # what is packaged
)

# Where Node.js is not Debian's, its npm comes along, and Debian's would not fit.
command -v npm > /dev/null || test+=(npm)

list=false
groups=()
for argument in "$@"; do
  case $argument in
    --list) list=true ;;
    build | test) groups+=("$argument") ;;
    -h | --help) sed -n '3,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "install-deps.sh: unknown group '$argument'; known: build test" >&2; exit 2 ;;
  esac
done
[[ ${#groups[@]} -gt 0 ]] || groups=(build test)

wanted=()
for group in "${groups[@]}"; do
  case $group in
    build) wanted+=("${build[@]}") ;;
    test) wanted+=("${test[@]}") ;;
  esac
done
if $list; then
  printf '%s\n' "${wanted[@]}"
  exit 0
fi

if ! command -v apt-get > /dev/null; then
  echo "install-deps.sh: no apt-get here; needed are what Debian calls: ${wanted[*]}" >&2
  exit 1
fi
declare -A have=()
# It fails when it does not know one of them, and still tells about the others.
installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${wanted[@]}" 2> /dev/null) || true
while read -r status package; do
  [[ $status != installed ]] || have[$package]=yes
done <<< "$installed"
missing=()
for package in "${wanted[@]}"; do
  [[ -n ${have[$package]:-} ]] || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

if [[ $EUID -ne 0 ]]; then
  echo "install-deps.sh: missing packages; as root: apt-get install --no-install-recommends ${missing[*]}" >&2
  exit 1
fi

echo "installing ${#missing[@]} packages: ${missing[*]}"
work=$(mktemp -d)
policy=/usr/sbin/policy-rc.d
made_policy=false
# shellcheck disable=SC2317 # called by the trap
cleanup() {
  if $made_policy; then rm -f "$policy"; fi
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Test tools such as prometheus are also services; this is how a package is told not to start one.
if [[ ! -e $policy ]]; then
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod +x "$policy"
  made_policy=true
fi

packages_now() { dpkg-query -W -f='${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | sort -u; }
apt() {
  DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 "$@" \
    < /dev/null > "$work/log" 2>&1
}
packages_now > "$work/before"
# The lists may be absent or too old: only then is an update worth its time.
if ! apt install --no-install-recommends "${missing[@]}"; then
  apt update || true # one broken foreign source must not stop us; what is missing shows below
  if ! apt install --no-install-recommends "${missing[@]}"; then
    tail -n 30 "$work/log" >&2
    echo "install-deps.sh: apt-get could not install ${missing[*]}" >&2
    exit 1
  fi
fi

# Not started now, and not at the next boot either, unless it was there before us.
packages_now > "$work/after"
comm -13 "$work/before" "$work/after" | while read -r package; do
  dpkg -L "$package" 2> /dev/null |
    sed -nE 's,^(/usr)?/lib/systemd/(system|user)/([^/@]*\.(service|timer|socket))$,\2 \3,p' |
    while read -r whose unit; do
      # Debian's own helper: works without a running systemd, in a container too.
      DPKG_MAINTSCRIPT_PACKAGE=$package deb-systemd-helper "--$whose" disable "$unit" > /dev/null 2>&1 || true
      if [[ -e /etc/init.d/${unit%.*} ]]; then update-rc.d "${unit%.*}" disable > /dev/null 2>&1 || true; fi
    done
done
