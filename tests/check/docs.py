#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every room has a README, and every link in a document leads somewhere."""

import pathlib
import re
import sys
import tempfile
import unittest
import urllib.parse

import tracked

WITH_README = (".", "bpf", "config", "daemon", "packaging", "tests")
LINK = re.compile(r"(?<!\!)\[[^\]\n]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)|!\[[^\]\n]*\]\(([^)\s]+)\)")


def without_code(text: str) -> str:
    text = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "``", text)


def anchors(text: str) -> set[str]:
    """The names a forge gives to headings."""
    names = set()
    for heading in re.findall(r"^#{1,6}\s+(.*?)\s*#*$", re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.M | re.S), re.M):
        name = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        name = re.sub(r"[^\w\- ]", "", name).replace(" ", "-")
        number = 0
        while (candidate := name if number == 0 else f"{name}-{number}") in names:
            number += 1
        names.add(candidate)
    return names


def problems(root: pathlib.Path, names: list[str]) -> list[str]:
    found = []
    folders = set(WITH_README)
    folders |= {f"daemon/{path.name}" for path in (root / "daemon").iterdir() if path.is_dir()}
    for folder in sorted(folders):
        if not (root / folder / "README.md").is_file():
            found.append(f"{folder}/README.md is missing")
    for name in names:
        if not name.endswith(".md"):
            continue
        page = root / name
        text = page.read_text(encoding="utf-8")
        for match in LINK.finditer(without_code(text)):
            link = match.group(1) or match.group(2)
            if re.match(r"[a-z][a-z0-9+.-]*:", link):
                continue  # the outside world is not ours to test
            path, _, anchor = link.partition("#")
            target = (page.parent / urllib.parse.unquote(path)).resolve() if path else page
            if not target.exists():
                found.append(f"{name}: link to {link}: there is no such file")
            elif root.resolve() not in (target.resolve(), *target.resolve().parents):
                found.append(f"{name}: link to {link}: leads out of the tree")
            elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text(encoding="utf-8")):
                found.append(f"{name}: link to {link}: there is no such heading")
    return found


class SelfTest(unittest.TestCase):
    def test_verdicts(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name in (*WITH_README, "daemon/base"):
                (root / name).mkdir(parents=True, exist_ok=True)
                (root / name / "README.md").write_text("# A `room` here\n")
            (root / "good.md").write_text("[a](daemon/README.md#a-room-here) [b](https://x.example) `[c](none)`\n"
                                          "```\n[d](none)\n```\n")
            self.assertEqual(problems(root, ["good.md"]), [])
            (root / "bad.md").write_text("[a](none.md) [b](daemon/README.md#none) ![c](none.png) [d](../..)\n")
            self.assertEqual(len(problems(root, ["bad.md"])), 4)
            (root / "daemon/base/README.md").unlink()
            self.assertEqual(problems(root, []), ["daemon/base/README.md is missing"])


def main() -> int:
    if sys.argv[1:] == ["--self-test"]:
        return 0 if unittest.main(argv=[sys.argv[0]], exit=False).result.wasSuccessful() else 1
    root = pathlib.Path(sys.argv[1]).resolve()
    found = problems(root, [str(name) for name in tracked.files(root)])
    print("\n".join(found) or "every room has its README, every link its target")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
