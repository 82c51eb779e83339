#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Builds the image by packaging/build-image.sh, from a Debian made here in place of one from a
registry, into an archive that runtimes import.

usage: build_image.py ARCHIVE

Layers are kept in a cache, so that the compilers are installed once.
"""

import fcntl
import os
import subprocess
import sys
import tempfile
import unittest

_HERE = os.path.dirname(os.path.abspath(__file__))
_TOP = os.path.dirname(os.path.dirname(os.path.dirname(_HERE)))
sys.path.append(os.path.join(_TOP, "tests", "e2e", "lib"))

# pylint: disable=wrong-import-position
from needs import need_root, need_tool

NAME = "docker.io/library/throttlelens:"


def cache():
    top = os.environ.get("THROTTLELENS_CACHE") or os.path.expanduser("~/.cache/throttlelens")
    return os.path.join(top, "image")


def overlay_works(folder):
    """A layer of a plain copy of all below it takes gigabytes, but works everywhere."""
    with tempfile.TemporaryDirectory(dir=folder) as tried:
        for name in "abcd":
            os.mkdir(os.path.join(tried, name))
        return subprocess.run(
            ["unshare", "--mount", "mount", "-t", "overlay", "overlay", "-o",
             "lowerdir=a,upperdir=b,workdir=c", "d"], cwd=tried, capture_output=True,
            check=False).returncode == 0


def build(archive):
    """The name and tag of the image in it."""
    need_root()
    for tool in ("buildah", "debootstrap"):
        need_tool(tool, tool)
    folder = cache()
    os.makedirs(os.path.join(folder, "tmp"), exist_ok=True)
    with open(os.path.join(folder, "lock"), "w", encoding="utf-8") as lock, \
            tempfile.TemporaryDirectory() as run:
        fcntl.flock(lock, fcntl.LOCK_EX)
        storage = ["--root", os.path.join(folder, "storage"), "--runroot", run]
        # No cgroups and namespaces to be left behind by an end before its time.
        env = {**os.environ, "BUILDAH_ISOLATION": "chroot",
               "STORAGE_DRIVER": "overlay" if overlay_works(folder) else "vfs",
               "TMPDIR": os.path.join(folder, "tmp"),  # where what ccache has is kept
               "BUILDAH": " ".join(["buildah", *storage])}
        base = subprocess.run([os.path.join(_HERE, "base_image.sh"), *storage], env=env,
                              check=False).returncode
        if base == 77:
            raise unittest.SkipTest("there is no base image")
        if base != 0:
            raise AssertionError("the base image could not be made")
        subprocess.run([os.path.join(_TOP, "packaging", "build-image.sh"), "--pull-never"],
                       env=env, check=True)
        tags = subprocess.run(["buildah", *storage, "images", "--format", "{{.Tag}}",
                               "--filter", "reference=localhost/throttlelens"], env=env,
                              stdout=subprocess.PIPE, text=True, check=True).stdout.split()
        version = min(tags, key=len)
        if os.path.exists(archive):
            os.remove(archive)
        subprocess.run(["buildah", *storage, "push", "-q", f"localhost/throttlelens:{version}",
                        f"oci-archive:{archive}:{NAME}{version}"], env=env, check=True)
    return NAME + version


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if os.geteuid() == 0 and not os.environ.get("MOUNTS_ARE_OUR_OWN"):
        # Those of a build that was killed go away with it.
        os.environ["MOUNTS_ARE_OUR_OWN"] = "yes"
        os.execvp("unshare", ["unshare", "--mount", sys.executable, "-B", *sys.argv])
    try:
        print(build(os.path.abspath(sys.argv[1])))
    except unittest.SkipTest as reason:
        print(reason)
        return 77
    return 0


if __name__ == "__main__":
    sys.exit(main())
