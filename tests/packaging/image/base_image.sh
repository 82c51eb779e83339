#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the image that packaging/Dockerfile begins with, as no registry of images can be asked here:
# docker.io/library/debian:bookworm-slim, of the mirror this machine already uses.
#
#   base_image.sh BUILDAH-OPTION…     the options say which storage it goes into
set -euo pipefail

name=docker.io/library/debian:bookworm-slim
tar=$("$(dirname "$0")/../debian_base.sh")
hash=$(cut -c1-64 "$tar.sha256")
known=$(buildah "$@" inspect --type image --format '{{index .OCIv1.Config.Labels "base"}}' "$name" 2> /dev/null || true)
[[ $known != "$hash" ]] || exit 0
container=$(buildah "$@" from scratch)
buildah "$@" add -q "$container" "$tar" / > /dev/null
buildah "$@" config --label "base=$hash" --cmd bash "$container"
# With no time of its own, the same archive is the same image.
buildah "$@" commit -q --rm --timestamp 0 "$container" "$name" > /dev/null
