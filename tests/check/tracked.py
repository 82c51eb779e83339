# SPDX-License-Identifier: Apache-2.0
"""The files a check looks at: those git tracks, or all of them in a tree without git."""

import pathlib
import subprocess

SKIPPED_FOLDERS = {".git", ".cache", "__pycache__"}


def files(root: pathlib.Path) -> list[pathlib.PurePosixPath]:
    """Paths relative to root, sorted; only what exists."""
    try:
        # The tree may belong to somebody else than who runs the tests.
        listing = subprocess.run(
            ["git", "-c", "safe.directory=*", "-C", str(root), "ls-files", "-z"],
            check=True, capture_output=True, text=True).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        listing = []
    if not any(listing):
        listing = [
            str(path.relative_to(root)) for path in root.rglob("*")
            if path.is_file() and not any(
                part in SKIPPED_FOLDERS or part == "build" or part.startswith("build-")
                for part in path.relative_to(root).parts[:-1])]
    return sorted(pathlib.PurePosixPath(name) for name in listing if name and (root / name).is_file())
