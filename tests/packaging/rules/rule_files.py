# SPDX-License-Identifier: Apache-2.0
"""The rules as they are shipped, read by the tests."""

import os
import re

_TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
FOLDER = os.path.join(_TOP, "packaging", "prometheus")
RECORDING, ALERTS = (os.path.join(FOLDER, name)
                     for name in ("recording.rules.yaml", "alerts.rules.yaml"))
RUNBOOKS = os.path.join(FOLDER, "runbooks")

# What a test that does not wait for minutes changes, and nothing else: how often rules are looked
# at, over how long a time, and for how long a thing must hold. [pattern, replacement]
FASTER = (
    (r"(?m)^(    interval:) 1m$", r"\1 1s"),
    (r"\[5m\]", "[10s]"),
    (r"/ 300\b", "/ 10"),
    (r"\[1h\]", "[20s]"),
    (r"\boffset 1h\b", "offset 20s"),
    (r"(?m)^(        for:) \d+m$", r"\1 5s"),
)


def faster(text):
    for pattern, replacement in FASTER:
        text = re.sub(pattern, replacement, text)
    left = re.search(r"\[\d+[mh]\]|offset \d+[mh]|(?m:^ +(?:for|interval): \d+[mh])", text)
    if left:
        raise AssertionError(f"nobody says how {left[0]!r} is to be shortened")
    return text


def faster_files(folder):
    """Paths of copies, for a Prometheus that does not wait for minutes."""
    made = []
    for path in (RECORDING, ALERTS):
        made.append(os.path.join(folder, os.path.basename(path)))
        with open(path, encoding="utf-8") as source, open(made[-1], "w", encoding="utf-8") as file:
            file.write(faster(source.read()))
    return made
