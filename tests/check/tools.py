#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the tools that judge style: clang-format and shellcheck over what git tracks, clang-tidy
over the daemon.

    tools.py format|shellcheck ROOT
    tools.py tidy ROOT BUILD     needs BUILD/compile_commands.json; remembers in BUILD what passed

A missing tool is a skip (exit 77); with CI=true it is a failure.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

import tracked

SKIP = 77


def tool(*names: str) -> str:
    for name in names:
        if shutil.which(name):
            return name
    print(f"{names[0]} is missing; packaging/install-deps.sh test installs it")
    sys.exit(1 if os.environ.get("CI") == "true" else SKIP)


def format_check(root: pathlib.Path) -> int:
    clang_format = tool("clang-format-19")
    names = [str(name) for name in tracked.files(root) if name.suffix in (".c", ".cpp", ".h")]
    return subprocess.run([clang_format, "--dry-run", "-Werror", *names], cwd=root, check=False).returncode


def shellcheck(root: pathlib.Path) -> int:
    program = tool("shellcheck")
    names = []
    for name in tracked.files(root):
        with open(root / name, "rb") as file:
            first = file.readline(80)
        if re.match(rb"#!.*\b(?:ba|da)?sh\b", first):
            names.append(str(name))
    return subprocess.run([program, "--external-sources", *names], cwd=root, check=False).returncode


def project_headers(root: pathlib.Path, source: pathlib.Path, folders: list[pathlib.Path]) -> list[pathlib.Path]:
    """What a source includes of ours, directly or not: its verdict depends on nothing else of ours."""
    seen: dict[pathlib.Path, None] = {}
    waiting = [source]
    while waiting:
        path = waiting.pop()
        for header in re.findall(r'^\s*#\s*include\s*["<]([^">]+)[">]', path.read_text(encoding="utf-8"), re.M):
            for folder in (path.parent, *folders):
                found = folder / header
                if found.is_file():
                    found = found.resolve()
                    if found not in seen:
                        seen[found] = None
                        waiting.append(found)
                    break
    return sorted(seen)


def tidy(root: pathlib.Path, build: pathlib.Path) -> int:
    program = tool("clang-tidy-19")
    # Kept between clones: the key holds all that the verdict depends on, but not where it lies.
    home = pathlib.Path(os.environ.get("THROTTLELENS_CACHE") or pathlib.Path.home() / ".cache/throttlelens")
    cache = home / "tidy-passed"
    cache.mkdir(parents=True, exist_ok=True)
    common = hashlib.sha256((root / ".clang-tidy").read_bytes())
    common.update(subprocess.run([program, "--version"], check=True, capture_output=True).stdout)

    units = []
    for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        source = pathlib.Path(entry["file"]).resolve()
        if (root / "daemon") not in source.parents or not source.is_file():
            continue
        command = entry["command"]
        folders = [pathlib.Path(folder) for folder in re.findall(r"(?:-I|-isystem )\s*(\S+)", command)]
        folders = [folder for folder in folders if root in folder.resolve().parents or build in folder.resolve().parents]
        key = common.copy()
        key.update(command.replace(str(build), "BUILD").replace(str(root), "ROOT").encode())
        for path in [source, *project_headers(root, source, folders)]:
            key.update(path.read_bytes())
        units.append((source, cache / key.hexdigest()))

    def judge(unit):
        source, stamp = unit
        if stamp.exists():
            return source, 0, ""
        done = subprocess.run(
            [program, "-p", str(build), "--quiet", "--extra-arg=-Wno-unknown-warning-option", str(source)],
            capture_output=True, text=True, check=False)
        if done.returncode == 0:
            stamp.touch()
        return source, done.returncode, done.stdout + ("" if done.returncode == 0 else done.stderr)

    if not units:
        print("no source of the daemon is in compile_commands.json")
        return 1
    failures = 0
    fresh = sum(1 for _, stamp in units if not stamp.exists())
    with concurrent.futures.ThreadPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool:
        for source, code, said in pool.map(judge, units):
            if code:
                failures += 1
                print(f"{source.relative_to(root)}:\n{said}")
    # Stamps of what has changed since are of no use.
    current = {stamp for _, stamp in units}
    for stamp in cache.iterdir():
        if stamp not in current and time.time() - stamp.stat().st_mtime > 7 * 86400:
            stamp.unlink(missing_ok=True)
    print(f"{len(units)} sources, {fresh} looked at anew, {failures} with findings")
    return 1 if failures else 0


def main() -> int:
    what, root = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    if what == "format":
        return format_check(root)
    if what == "shellcheck":
        return shellcheck(root)
    if what == "tidy":
        return tidy(root, pathlib.Path(sys.argv[3]).resolve())
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main())
