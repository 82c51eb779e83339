#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the dashboards beside this file from source/: 3,000 lines of JSON that nobody has to keep
alike by hand.

usage: generate.py [--check]     --check: changes nothing, and fails if something would change
"""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE / "source"))

# pylint: disable=wrong-import-position
import fleet
import node
import workload


def main():
    if sys.argv[1:] not in ([], ["--check"]):
        print(__doc__)
        return 2
    changed = 0
    for module in fleet, node, workload:
        path = HERE / f"{module.__name__}.json"
        text = json.dumps(module.make(), indent=2, ensure_ascii=False) + "\n"
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        changed += 1
        if sys.argv[1:]:
            print(f"{path.name} is not what packaging/grafana/generate.py makes of its source")
        else:
            path.write_text(text, encoding="utf-8")
    return 1 if changed and sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
