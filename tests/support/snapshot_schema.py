# SPDX-License-Identifier: Apache-2.0
"""Answers of /api/v1/snapshot against their schema. Needs python3-jsonschema."""

import json
import math
import os

import jsonschema

_SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "daemon", "export",
                       "snapshot.schema.json")


def _closed(schema):
    """The same, but a key that the schema does not name is an error: readers must bear with new
    keys, tests must not."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    if closed.get("type") == "object":
        closed["additionalProperties"] = False
    return closed


def _refuse(constant):
    raise AssertionError(f"{constant} is no JSON")


def _unique(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise AssertionError(f"a key comes twice: {[key for key, _ in pairs]}")
    return found


def _finite(text):
    value = float(text)
    if not math.isfinite(value):
        raise AssertionError(f"{text} is no finite number")
    return value


def schema():
    with open(_SCHEMA, encoding="utf-8") as file:
        return json.load(file)


def checked(body):
    """What the bytes of an answer say; an AssertionError if they are not what the schema says, no
    valid UTF-8, or no strict JSON."""
    answer = json.loads(body.decode("utf-8"), parse_constant=_refuse, parse_float=_finite,
                        object_pairs_hook=_unique)
    validator = jsonschema.Draft202012Validator(_closed(schema()))
    problems = [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"
                for error in validator.iter_errors(answer)]
    if problems:
        raise AssertionError("\n".join(problems[:10]))
    return answer
