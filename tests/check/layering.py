#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The arrows between rooms: what a room includes and what it links, against what it may know.

    layering.py ROOT         exit 1 and one line for each arrow that is not allowed
    layering.py --self-test  proves that a forbidden arrow is found
"""

import pathlib
import re
import sys
import tempfile
import unittest

# Data flows one way. "bpf" is the header both sides of the kernel share. daemon/README.md shows the
# same table to people; a test below keeps the two equal.
MAY_KNOW = {
    "base": set(),
    "model": {"base"},
    "config": {"base"},
    "probe": {"base", "model", "bpf"},
    "cgroup": {"base", "model"},
    "runtime": {"base", "model"},
    "timeline": {"base", "model"},
    "overhead": {"base", "model"},
    "accounts": {"base", "model"},
    "export": {"base", "model"},
    "cli": {"base", "model", "config", "probe", "cgroup", "runtime", "timeline", "overhead",
            "accounts", "export"},
}

# A library that only some rooms may know: how its headers begin, how its CMake targets are called.
LIBRARIES = {
    "libbpf": (r"bpf/|linux/bpf\.h|linux/btf\.h", r"\bPkgConfig::LIBBPF\b|\bbpf\b|\belf\b", {"probe"}),
    "yaml-cpp": (r"yaml-cpp/", r"\byaml-cpp\b", {"config"}),
    "prometheus-cpp": (r"prometheus/", r"\bprometheus-cpp::", {"export"}),
    "libmicrohttpd": (r"microhttpd\.h", r"\bPkgConfig::MICROHTTPD\b", {"export"}),
    "gnutls": (r"gnutls/", r"\bPkgConfig::GNUTLS\b", {"export"}),
    "libcrypt": (r"crypt\.h", r"\bPkgConfig::CRYPT\b", {"export"}),
    "cpp-httplib": (r"httplib\.h", r"\bPkgConfig::HTTPLIB\b", {"cli"}),
    "CLI11": (r"CLI/", r"\bCLI11::", {"cli"}),
    "spdlog": (r"spdlog/", r"\bspdlog::", {"cli"}),
}

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.MULTILINE)


def arrow_of_include(path: str, rooms: set[str]) -> str | None:
    first = path.split("/", 1)[0]
    if first == "bpf_abi" or path.endswith(".skel.h"):
        return "bpf"
    return first if "/" in path and first in rooms else None


def violations(root: pathlib.Path) -> list[str]:
    found = []
    daemon = root / "daemon"
    folders = {path.name for path in daemon.iterdir() if path.is_dir()}
    rooms = folders | MAY_KNOW.keys()
    for room in sorted(folders - MAY_KNOW.keys()):
        found.append(f"daemon/{room}: a room that is not in the table of tests/check/layering.py")

    for room in sorted(folders & MAY_KNOW.keys()):
        allowed = MAY_KNOW[room] | {room}
        for path in sorted((daemon / room).rglob("*")):
            if path.suffix not in (".h", ".cpp"):
                continue
            text = path.read_text(encoding="utf-8")
            for match in INCLUDE.finditer(text):
                where = f"{path.relative_to(root)}:{text.count(chr(10), 0, match.start(2)) + 1}"
                bracket, header = match.groups()
                if bracket == '"' and ".." in header.split("/"):
                    found.append(f"{where}: includes {header}: a path out of its room")
                arrow = arrow_of_include(header, rooms)
                if arrow and arrow not in allowed:
                    found.append(f"{where}: includes {header}: {room} may not know {arrow}")
                for library, (headers, _, users) in LIBRARIES.items():
                    if room not in users and re.match(headers, header) and arrow != "bpf":
                        found.append(f"{where}: includes {header}: {room} may not know {library}")

        lists = daemon / room / "CMakeLists.txt"
        if lists.is_file():
            text = re.sub(r"#.*", "", lists.read_text(encoding="utf-8"))
            for target in sorted(set(re.findall(r"\btl_(\w+)", text)) - {"room"}):
                arrow = "bpf" if target.endswith("_bpf") else target
                if arrow not in allowed:
                    found.append(f"{lists.relative_to(root)}: links tl_{target}: {room} may not know {arrow}")
            for library, (_, targets, users) in LIBRARIES.items():
                if room not in users and re.search(targets, re.sub(r"\btl_\w+", "", text)):
                    found.append(f"{lists.relative_to(root)}: links {library}: {room} may not know it")

    # The kernel side knows nobody.
    for path in sorted((root / "bpf").rglob("*")):
        if path.suffix not in (".h", ".c"):
            continue
        for _, header in INCLUDE.findall(path.read_text(encoding="utf-8")):
            if arrow_of_include(header, rooms) not in (None, "bpf"):
                found.append(f"{path.relative_to(root)}: includes {header}: bpf may know no room")
    return found


def documented(readme: str) -> dict[str, set[str]]:
    """The table of daemon/README.md: rows `| [room](…) | owns | may know |`."""
    table = {}
    for line in readme.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        name = re.match(r"(?:\[)?`([a-z]+)/?`", cells[0])
        if len(cells) == 3 and name:
            known = re.findall(r"`([a-z]+)`", cells[2])
            table[name.group(1)] = set(MAY_KNOW["cli"]) if cells[2] == "all rooms" else set(known)
    return table


class SelfTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name)
        self.write("bpf/accounting.bpf.c", '#include "bpf_abi/accounting.h"\n#include <bpf/bpf_helpers.h>\n')
        self.write("daemon/base/clock.h", "#include <ctime>\n")
        self.write("daemon/probe/source.cpp",
                   '#include "probe/source.h"\n#include "base/error.h"\n#include "bpf_abi/accounting.h"\n'
                   "#include <bpf/libbpf.h>\n")
        self.write("daemon/probe/CMakeLists.txt",
                   "tl_room(probe SOURCES source.cpp KNOWS tl_base tl_model USES tl_accounting_bpf bpf elf z)\n")
        self.write("daemon/cli/cli.cpp", '#include "probe/source.h"\n#include <spdlog/spdlog.h>\n')

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def one(self, *parts):
        found = violations(self.root)
        self.assertEqual(len(found), 1, found)
        for part in parts:
            self.assertIn(part, found[0])

    def test_what_is_allowed_is_quiet(self):
        self.assertEqual(violations(self.root), [])

    def test_upstream_include(self):
        self.write("daemon/timeline/ring.cpp", '#include "base/units.h"\n\n  #  include "probe/source.h"\n')
        self.one("daemon/timeline/ring.cpp:3", "timeline may not know probe")

    def test_room_header_in_angle_brackets(self):
        self.write("daemon/model/cgroup.h", "#include <cgroup/cgroup_tree.h>\n")
        self.one("model may not know cgroup")

    def test_abi_header_outside_the_probe(self):
        self.write("daemon/accounts/rows.cpp", '#include "bpf_abi/accounting.h"\n')
        self.one("accounts may not know bpf")

    def test_skeleton_outside_the_probe(self):
        self.write("daemon/export/x.cpp", '#include "accounting.skel.h"\n')
        self.one("export may not know bpf")

    def test_library_outside_its_room(self):
        self.write("daemon/accounts/rows.cpp", "#include <yaml-cpp/yaml.h>\n")
        self.one("accounts may not know yaml-cpp")

    def test_link(self):
        self.write("daemon/timeline/CMakeLists.txt", "tl_room(timeline SOURCES a.cpp KNOWS tl_base\n  USES tl_export)\n")
        self.one("links tl_export", "timeline may not know export")

    def test_linked_library(self):
        self.write("daemon/model/CMakeLists.txt", "tl_room(model KNOWS tl_base USES PkgConfig::LIBBPF)\n")
        self.one("links libbpf")

    def test_comment_in_cmake_is_no_link(self):
        self.write("daemon/base/CMakeLists.txt", "# never tl_export\ntl_room(base SOURCES clock.cpp)\n")
        self.assertEqual(violations(self.root), [])

    def test_path_out_of_the_room(self):
        self.write("daemon/base/clock.cpp", '#include "../model/cgroup.h"\n')
        self.one("out of its room")

    def test_unknown_room(self):
        self.write("daemon/attic/x.cpp", "")
        self.one("daemon/attic", "not in the table")

    def test_bpf_knows_nobody(self):
        self.write("bpf/accounting.bpf.c", '#include "model/cgroup.h"\n')
        self.one("bpf may know no room")

    def test_the_table_of_the_readme_is_read(self):
        self.assertEqual(documented("| [`probe`](probe/README.md) | counts | `base`, `bpf` |\n| `cli` | x | all rooms |"),
                         {"probe": {"base", "bpf"}, "cli": MAY_KNOW["cli"]})


def main() -> int:
    if sys.argv[1:] == ["--self-test"]:
        return 0 if unittest.main(argv=[sys.argv[0]], exit=False).result.wasSuccessful() else 1
    root = pathlib.Path(sys.argv[1]).resolve()
    found = violations(root)
    table = documented((root / "daemon/README.md").read_text(encoding="utf-8"))
    for room in sorted(path.name for path in (root / "daemon").iterdir() if path.is_dir()):
        if table.get(room) != MAY_KNOW.get(room):
            found.append(f"daemon/README.md: the row of {room} differs from the table of tests/check/layering.py")
    print("\n".join(found) or "every arrow is allowed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
