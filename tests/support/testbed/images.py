# SPDX-License-Identifier: Apache-2.0
"""Images made of static programs: an OCI archive, as `ctr images import` reads it."""

import hashlib
import io
import json
import os
import subprocess
import tarfile

PAUSE, LOAD = "docker.io/library/pause:1", "docker.io/library/load:1"
_TYPE = "application/vnd.oci.image."


def _add(tar, name, data=b"", kind=tarfile.REGTYPE, mode=0o755, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.size, info.linkname = kind, mode, len(data), target
    tar.addfile(info, io.BytesIO(data))


def _layer(programs):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for folder, mode in (("bin", 0o755), ("etc", 0o755), ("tmp", 0o1777)):
            _add(tar, folder, kind=tarfile.DIRTYPE, mode=mode)
        _add(tar, "etc/passwd", b"root:x:0:0:root:/:/bin/sh\n", mode=0o644)
        for program in programs:
            with open(program, "rb") as file:
                _add(tar, "bin/" + os.path.basename(program), file.read())
        applets = subprocess.run([programs[0], "--list"], stdout=subprocess.PIPE, text=True,
                                 check=True).stdout.split()
        for applet in set(applets) - {os.path.basename(program) for program in programs}:
            _add(tar, "bin/" + applet, kind=tarfile.SYMTYPE, target="busybox")
    return data.getvalue()


def write(path, busybox, programs=()):
    """Both images have the same programs in /bin; that of the pods' own process just sleeps."""
    blobs = {}

    def blob(data):
        digest = hashlib.sha256(data).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = data
        return {"digest": "sha256:" + digest, "size": len(data)}

    def document(value):
        return blob(json.dumps(value).encode())

    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    layer = blob(_layer([busybox, *programs]))
    manifests = []
    for name in (PAUSE, LOAD):
        config = document({
            "architecture": machine, "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
            "config": {"Env": ["PATH=/bin"], "Cmd": ["/bin/sleep", str(1 << 30)],
                       "Labels": {"name": name}}})
        manifests.append({"mediaType": _TYPE + "manifest.v1+json", **document({
            "schemaVersion": 2, "config": {"mediaType": _TYPE + "config.v1+json", **config},
            "layers": [{"mediaType": _TYPE + "layer.v1.tar", **layer}]}),
            "annotations": {"io.containerd.image.name": name}})
    with tarfile.open(path, "w") as tar:
        _add(tar, "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        _add(tar, "index.json", json.dumps({"schemaVersion": 2, "manifests": manifests}).encode())
        for name, data in blobs.items():
            _add(tar, name, data)
