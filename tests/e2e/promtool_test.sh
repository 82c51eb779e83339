#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: promtool_test.sh PRINT_METRICS
# Prometheus' own checker finds nothing to say about what the program prints.
set -eu

if ! command -v promtool >/dev/null; then
  echo "skipped: promtool is not installed (apt-get install prometheus)"
  [ "${CI:-}" = true ] && exit 1
  exit 77
fi
text=$("$1")
said=$(printf '%s\n' "$text" | promtool check metrics 2>&1) || {
  echo "promtool check metrics failed: $said"
  exit 1
}
if [ -n "$said" ]; then
  echo "promtool check metrics says: $said"
  exit 1
fi
