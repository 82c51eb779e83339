#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What must not be in the tree: paths of one machine, hosts of package registries, references to
trackers that a reader of the source cannot see. A mirror is read from the system's own settings."""

import pathlib
import re
import sys
import unittest

import tracked

FORBIDDEN = {
    "a path of one machine": r"(?<![\w.$}~-])/(?:home/[a-z]\w*|root|Users/\w+|work|workspace)/[\w.]",
    "the host of a registry": r"\b(?:deb|ftp|security|snapshot|archive)\.debian\.org\b|\bregistry\.npmjs\.org\b"
                              r"|\bpypi\.org\b|\bfiles\.pythonhosted\.org\b|\bproxy\.golang\.org\b|\bstatic\.crates\.io\b",
    "a number of a tracker": r"(?i)\b(?:issue|ticket|bug|pr|pull request|fixes|closes|resolves)[ :]*#\d+",
    "a left-over of a merge": r"^(?:<{7}|>{7}) ",
}
EXEMPT = ("LICENSE", "tests/check/words.py")


def problems(name: str, text: str) -> list[str]:
    return [f"{name}:{number}: {what}: {match.group(0).strip()}"
            for number, line in enumerate(text.splitlines(), 1)
            for what, pattern in FORBIDDEN.items()
            for match in re.finditer(pattern, line)]


class SelfTest(unittest.TestCase):
    def test_found(self):
        for line in ("cd /home/me/src", 'x="/root/.cache"', "(/work/tree)", "http://deb.debian" + ".org/debian",
                     "https://registry.npmjs" + ".org/x", "fixes #12", "see issue #3", "<<<<<<< HEAD"):
            self.assertEqual(len(problems("x", line)), 1, line)

    def test_not_found(self):
        for line in ("HOME=/root", "$HOME/.cache/x", "daemon/work/x", "~/work/x", "/sys/fs/cgroup", "color: #123456",
                     "docker.io/library/pause:1", "\"$work/root/bin\"", "the mirror of the system"):
            self.assertEqual(problems("x", line), [], line)


def main() -> int:
    if sys.argv[1:] == ["--self-test"]:
        return 0 if unittest.main(argv=[sys.argv[0]], exit=False).result.wasSuccessful() else 1
    root = pathlib.Path(sys.argv[1]).resolve()
    found = []
    for name in tracked.files(root):
        if str(name) not in EXEMPT:
            try:
                found += problems(str(name), (root / name).read_text(encoding="utf-8"))
            except UnicodeDecodeError:
                pass  # not text
    print("\n".join(found) or "nothing forbidden is in the tree")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
