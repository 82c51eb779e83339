# SPDX-License-Identifier: Apache-2.0
"""Waiting for conditions, never for time to pass."""

import time

PATIENCE = 20.0  # seconds; only reached when something is broken


def until(condition, what, patience=PATIENCE):
    """The first true value of `condition`. `what` may be a function that tells how it stands."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {patience:g} s: {what() if callable(what) else what}")
        time.sleep(0.02)


def until_agreed(check, patience=PATIENCE):
    """Calls `check` until it raises no AssertionError: for values at rest that are still on their
    way. What it raised last is raised when time is over."""
    end = time.monotonic() + patience
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > end:
                raise
        time.sleep(0.1)
