# SPDX-License-Identifier: Apache-2.0
"""What is in the memory of a process."""

import re

_CHUNK = 1 << 22


def find(pid, *texts):
    """Of the given bytes, those that are in its readable memory, whatever it is for: in use, freed,
    or on a stack."""
    found = set()
    longest = max(map(len, texts))
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as file:
        mappings = re.findall(r"^([0-9a-f]+)-([0-9a-f]+) r\S+ .*?(\[v\w+\])?$", file.read(), re.M)
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for begin, end, of_kernel in mappings:
            at, end, rest = int(begin, 16), int(end, 16), b""
            while at < end and not of_kernel:
                try:
                    memory.seek(at)
                    data = memory.read(min(_CHUNK, end - at))
                except OSError:
                    break  # of a device, or gone
                if not data:
                    break
                found |= {text for text in texts if text in rest + data}
                rest = data[-longest:]
                at += len(data)
    return found
