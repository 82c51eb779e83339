# SPDX-License-Identifier: Apache-2.0
"""An OCI archive with one image of one or more layers."""

import io
import json
import tarfile


class Archive:
    """`files` are those of its last layer by path; `compressed` and `uncompressed` sizes in bytes."""

    def __init__(self, path):
        with tarfile.open(path) as archive:
            def blob(about):
                return archive.extractfile("blobs/" + about["digest"].replace(":", "/")).read()

            index = json.load(archive.extractfile("index.json"))
            (self.about,) = index["manifests"]
            self.name = self.about["annotations"]["org.opencontainers.image.ref.name"]
            manifest = json.loads(blob(self.about))
            self.config = json.loads(blob(manifest["config"]))
            (layer,) = manifest["layers"]  # all of it was made elsewhere and copied at once
            data = blob(layer)
        self.compressed = layer["size"]
        self._layer = tarfile.open(fileobj=io.BytesIO(data))  # pylint: disable=consider-using-with
        self.files = {entry.name.removeprefix("./"): entry for entry in self._layer}
        self.uncompressed = sum(entry.size for entry in self.files.values())

    def read(self, path):
        return self._layer.extractfile(self.files[path]).read()
