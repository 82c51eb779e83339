# SPDX-License-Identifier: Apache-2.0
"""The text format of Prometheus, read strictly."""

import re

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')
_SAMPLE = re.compile(rf'({_NAME})(?:\{{((?:[^"}}]|"(?:[^"\\]|\\.)*")*)\}})? (\S+)')
_COMMENT = re.compile(rf"# (HELP|TYPE) {_NAME} .+")
_ESCAPED = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


class Samples(dict):
    """(name, frozenset of label pairs) -> value."""

    def value(self, metric, **labels):
        """None if there is no such series."""
        return self.get((metric, frozenset(labels.items())))

    def rows(self, metric):
        """[(labels, value)] of one name."""
        return [(dict(labels), value) for (name, labels), value in self.items() if name == metric]


def _labels(text):
    labels, at = {}, 0
    while at < len(text):
        match = _LABEL.match(text, at)
        if not match:
            raise AssertionError(f"no label at {text[at:at + 80]!r}")
        name, value = match.groups()
        if name in labels:
            raise AssertionError(f"label {name} twice in {text!r}")
        labels[name] = re.sub(r'\\[\\"n]', lambda m: _ESCAPED[m[0]], value)
        at = match.end()
    return labels


def parse(body, below=None):
    """Of bytes: invalid UTF-8, a timestamp or a series that comes twice is an error. An empty label
    is none. With a path, only of that cgroup and those below it, beside what belongs to none."""
    samples = Samples()
    for line in body.decode("utf-8").split("\n"):
        if below and 'cgroup="' in line and f'cgroup="{below}' not in line:
            continue
        if not line or _COMMENT.fullmatch(line):
            continue
        match = _SAMPLE.fullmatch(line)
        if not match:
            raise AssertionError(f"no sample: {line!r}")
        labels = _labels(match[2] or "").items()
        key = (match[1], frozenset((name, value) for name, value in labels if value))
        if key in samples:
            raise AssertionError(f"a series comes twice: {line!r}")
        samples[key] = float(match[3])
    return samples
