# SPDX-License-Identifier: Apache-2.0
"""The runtime interface, as the kubelet calls it."""

import os
import subprocess

# Children are started beside open channels here, but no child ever uses one.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
# pylint: disable=wrong-import-position
import grpc
from google.protobuf import descriptor_pb2, message_factory

Error = grpc.RpcError

_HERE = os.path.dirname(os.path.abspath(__file__))
# A new channel is to connect at once, however long the one before it would still have waited.
_OPTIONS = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)]


class Runtime:
    def __init__(self, socket):
        files = descriptor_pb2.FileDescriptorSet.FromString(subprocess.run(
            ["protoc", f"-I{_HERE}", "--descriptor_set_out=/dev/stdout", "cri.proto"],
            stdout=subprocess.PIPE, check=True).stdout).file
        types = message_factory.GetMessages(files)
        self._channel = grpc.insecure_channel(f"unix:{socket}", options=_OPTIONS)
        self._methods = {}
        for service in files[0].service:
            for method in service.method:
                request, reply = types[method.input_type[1:]], types[method.output_type[1:]]
                self._methods[method.name] = request, self._channel.unary_unary(
                    f"/{files[0].package}.{service.name}/{method.name}",
                    request.SerializeToString, reply.FromString)

    def call(self, method, patience=60, **fields):
        """call("ExecSync", container_id="…", cmd=[…]); messages within messages are dicts."""
        request, send = self._methods[method]
        return send(request(**fields), timeout=patience)

    def close(self):
        self._channel.close()
