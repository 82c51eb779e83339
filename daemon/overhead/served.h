// SPDX-License-Identifier: Apache-2.0
// Whom a shim, conmon or runc serves, from its command line. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/process.h"

namespace throttlelens::overhead {

/// The id of a sandbox or container, as in ContainerIdentity::container_id; absent when the
/// arguments name none. `arguments` are ProcessSeen::arguments, hostile bytes: one that was cut is
/// not believed, and an id is letters, digits, '_', '-' and '.' only.
///
/// | kind    | program                       | names                                           |
/// |---------|-------------------------------|-------------------------------------------------|
/// | shim    | containerd-shim-*-v2          | `-id`: CRI: the sandbox, `start` and `delete`   |
/// |         |                               | of a container: that; else the container        |
/// | shim    | containerd-shim (v1)          | `-workdir .../<container>`                      |
/// | monitor | conmon                        | `-c`, `--cid`: the container                    |
/// | monitor | conmonrs                      | `--runtime-dir .../<sandbox>/userdata`          |
/// | helper  | runc, crun, started by CRI-O, | the first argument after the subcommand that is |
/// |         | Podman or a person            | an id, or that is no option                     |
std::optional<std::string> served_container(ProcessKind kind, std::string_view comm,
                                            std::string_view arguments);

}  // namespace throttlelens::overhead
