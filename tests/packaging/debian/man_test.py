#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The pages as a reader sees them against the program and the configuration file: every command,
option and key is there, and the formatter has nothing to say about them.

    man_test.py THROTTLELENS YAML FOLDER      FOLDER: where the pages are
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

import yaml

PROGRAM, CONFIG, FOLDER = None, None, None


def shown(page):
    """What `man` prints, and what it complains of."""
    done = subprocess.run(
        ["man", "--warnings", "-E", "UTF-8", "-P", "cat", "-l", "-Tutf8", str(page)], capture_output=True, text=True,
        check=True, env={**os.environ, "LC_ALL": "C.UTF-8", "MANROFFOPT": "-rLL=250n", "MAN_KEEP_FORMATTING": "",
                         "GROFF_NO_SGR": "1", "MANWIDTH": "250"})
    return re.sub(r".\x08", "", done.stdout), done.stderr


def sections(text):
    """What stands below each heading of the second level."""
    found, name = {}, None
    for line in text.splitlines():
        heading = re.fullmatch(r"   (\S.*)", line)
        if heading:
            name = heading[1]
            found[name] = ""
        elif re.match(r"\S", line):
            name = None
        elif name:
            found[name] += line + "\n"
    return found


def told(*arguments):
    return subprocess.run([PROGRAM, *arguments, "--help"], capture_output=True, text=True, check=True).stdout


def commands():
    part = told().split("Subcommands:\n", 1)[1].split("\n\n", 1)[0]
    return re.findall(r"^  ([a-z-]+)  ", part, re.M)


def keys(value, path=""):
    """Every key, with its default where it is a plain word."""
    for key, below in value.items():
        if isinstance(below, dict):
            yield from keys(below, f"{path}{key}.")
        else:
            yield path + key, below


class Pages(unittest.TestCase):
    def test_every_command_and_option(self):
        text, complaints = shown(FOLDER / "throttlelens.1")
        self.assertEqual(complaints, "")
        found = sections(text)
        self.assertGreaterEqual(len(commands()), 7)
        for command in commands():
            self.assertIn(command, found)
            # The words of the page, without where its lines break.
            page = " ".join(found[command].split())
            # Said once for all of them.
            help_text = re.sub(r"^  -h,--help .*\n", "", told(command), flags=re.M)
            for option in re.findall(r"^  ((?:-\w,)?--?[a-z-]+)", help_text, re.M):
                self.assertRegex(page, rf"(?<!\S){re.escape(option.replace(',', ', '))}(?!\S)", command)
            for words in re.findall(r"^(?:  -\S.*?   +|   +)(\S.*)$", help_text, re.M):
                if not words.startswith("-"):
                    self.assertIn(" ".join(words.split()), page, command)

    def test_every_key(self):
        text, complaints = shown(FOLDER / "throttlelens.yaml.5")
        self.assertEqual(complaints, "")
        known = dict(keys(yaml.safe_load(CONFIG.read_text(encoding="utf-8"))))
        self.assertGreaterEqual(len(known), 18)
        part = text.split("\nKEYS\n", 1)[1].split("\nEXAMPLE\n", 1)[0]
        for key, default in known.items():
            entry = re.search(rf"^       {re.escape(key)}(?: +|\n +)(.*?)\n +Default: *(.*?)$", part, re.M | re.S)
            self.assertIsNotNone(entry, key)
            self.assertNotRegex(entry[1], "Default:", f"{key} has no default of its own")
            self.assertGreater(len(entry[1]), 5, f"{key} is not described")
            wanted = f"[{', '.join(default)}]" if isinstance(default, list) else str(default) or '""'
            self.assertEqual(" ".join(entry[2].split()), wanted, key)

    def test_nothing_is_left_of_the_template(self):
        for name in ("throttlelens.1", "throttlelens.yaml.5"):
            self.assertNotRegex((FOLDER / name).read_text(encoding="utf-8"), r"@[A-Z]+@")


if __name__ == "__main__":
    for tool in ("man", "groff"):
        if not shutil.which(tool):
            print(f"{tool} is missing; packaging/install-deps.sh test installs it")
            sys.exit(1 if os.environ.get("CI") == "true" else 77)
    PROGRAM, CONFIG, FOLDER = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    unittest.main(argv=sys.argv[:1])
