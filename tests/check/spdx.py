#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every source says its licence at its top: bpf/ and every .bpf.c are loaded into the kernel, the
rest is Apache-2.0.
Prose and data are covered by LICENSE; prose that does name a licence must name the right one."""

import pathlib
import sys
import unittest

import tracked

# What cannot carry a comment, or is data that must stay as it was found.
NO_COMMENT = {".json", ".png", ".svg", ".bin", ".txt", ".out", ".csv", ".stat", ".pem", ".crt", ".key"}
NO_SOURCE = {"LICENSE", ".gitignore", ".editorconfig"}
EXEMPT_FOLDERS = ("tests/fuzz/corpus/",)
KERNEL = "GPL-2.0-only OR BSD-2-Clause"
OTHERS = "Apache-2.0"


def wanted(name: str) -> str | None:
    path = pathlib.PurePosixPath(name)
    if path.name in NO_SOURCE or name.startswith(EXEMPT_FOLDERS) or "/fixtures/" in name:
        return None
    if path.suffix in NO_COMMENT and path.name != "CMakeLists.txt":
        return None
    # Prose about the kernel side is ours to give like all other prose.
    loaded = (name.startswith("bpf/") and path.suffix != ".md") or name.endswith(".bpf.c")
    return KERNEL if loaded else OTHERS


def problem(name: str, text: str) -> str | None:
    licence = wanted(name)
    if licence is None:
        return None
    for line in text.splitlines()[:3]:  # a #! line and an encoding may come first
        if "SPDX-License-Identifier:" in line:
            said = line.split("SPDX-License-Identifier:", 1)[1].replace("-->", "").replace("*/", "").strip()
            return None if said == licence else f"{name}: is '{said}', must be '{licence}'"
    if name.endswith(".md"):
        return None
    return f"{name}: no SPDX-License-Identifier in its first three lines"


class SelfTest(unittest.TestCase):
    def test_verdicts(self):
        line = "SPDX-License-Identifier: "
        self.assertIsNone(problem("daemon/a.cpp", f"// {line}{OTHERS}\n"))
        self.assertIsNone(problem("bpf/a.c", f"/* {line}{KERNEL} */\n"))
        self.assertIsNone(problem("tests/a.bpf.c", f"/* {line}{KERNEL} */\n"))
        self.assertIsNone(problem("x.sh", f"#!/bin/sh\n# {line}{OTHERS}\n"))
        self.assertIsNone(problem("a.md", f"<!-- {line}{OTHERS} -->\n"))
        self.assertIsNone(problem("a.json", "{}"))
        self.assertIsNone(problem("a.md", "# Prose\n"))
        self.assertIsNotNone(problem("a.md", f"<!-- {line}MIT -->\n"))
        self.assertIsNotNone(problem("bpf/a.c", f"// {line}{OTHERS}\n"))
        self.assertIsNotNone(problem("daemon/a.cpp", f"// {line}MIT\n"))
        self.assertIsNotNone(problem("daemon/a.cpp", f"\n\n\n// {line}{OTHERS}\n"))
        self.assertIsNotNone(problem("CMakeLists.txt", "project(x)\n"))


def main() -> int:
    if sys.argv[1:] == ["--self-test"]:
        return 0 if unittest.main(argv=[sys.argv[0]], exit=False).result.wasSuccessful() else 1
    root = pathlib.Path(sys.argv[1]).resolve()
    found = [said for name in tracked.files(root)
             if (said := problem(str(name), (root / name).read_text(encoding="utf-8", errors="replace")))]
    print("\n".join(found) or "every file says its licence")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
