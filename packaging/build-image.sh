#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the container image: throttlelens:VERSION, and throttlelens:VERSION-COMMIT, which is the same.
# The version is the project's; a tree with changes gets the name of its commit and "-dirty".
#
#   packaging/build-image.sh [OPTION…]     options of `buildah build`, for example --layers=false
#
# Needs buildah. STORAGE_DRIVER, BUILDAH_ISOLATION and the like are buildah's own; BUILDAH is the
# command, and may have options of its own ("buildah --root FOLDER").
set -euo pipefail

case ${1:-} in
  -h | --help) sed -n '3,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac
cd "$(dirname "$0")/.."
read -ra buildah <<< "${BUILDAH:-buildah}"

version=$(sed -nE 's/^project\(throttlelens VERSION ([0-9.]+).*/\1/p' CMakeLists.txt)
git() { command git -c safe.directory=* "$@" 2> /dev/null; }
revision=$(git rev-parse HEAD || echo unknown)
commit=${revision:0:12}
if [[ -n $(git status --porcelain -- CMakeLists.txt LICENSE bpf config daemon packaging/{Dockerfile,*.sh}) ]]; then
  revision+=-dirty commit+=-dirty
fi
# As old as its commit, so that the same tree gives the same image.
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct || echo 0)}

"${buildah[@]}" build --layers --identity-label=false --timestamp "$epoch" \
  --file packaging/Dockerfile --ignorefile packaging/Dockerfile.dockerignore \
  --build-arg "VERSION=$version" --build-arg "REVISION=$revision" \
  --build-arg "CREATED=$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ)" \
  --tag "throttlelens:$version" --tag "throttlelens:$version-$commit" "$@" .
