# SPDX-License-Identifier: Apache-2.0
"""What a test made goes away whatever happens: closers run at the end of the process too, and a
SIGTERM is an end like any other."""

import atexit
import os
import signal
import sys
import tempfile

_closers = []


def at_end(closer):
    """Registers a closer that may be called more than once."""
    _closers.append(closer)


def folder(mode=0o700):
    """The path of a temporary folder."""
    made = tempfile.TemporaryDirectory(prefix="throttlelens-e2e-")
    at_end(made.cleanup)
    os.chmod(made.name, mode)
    return made.name


def close_all():
    while _closers:
        closer = _closers.pop()
        try:
            closer()
        except Exception as error:  # pylint: disable=broad-except
            print(f"cleaning up: {error!r}", file=sys.stderr)


def _end(number, _frame):
    raise KeyboardInterrupt(f"got signal {number}")  # unittest lets this one pass


def on_signals():
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    atexit.register(close_all)
