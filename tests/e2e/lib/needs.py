# SPDX-License-Identifier: Apache-2.0
"""What this machine must have for a test; where it has not, the test is skipped with the reason.
With CI=true it fails instead."""

import os
import shutil
import unittest


def need(there, reason):
    if there:
        return
    if os.environ.get("CI") == "true":
        raise AssertionError(f"needed with CI=true: {reason}")
    raise unittest.SkipTest(reason)


def need_root():
    need(os.geteuid() == 0, "needs root, to make cgroups")


def need_tool(name, package):
    need(shutil.which(name), f"{name} is not installed (apt-get install {package})")
