// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"

namespace throttlelens {

/// Raises the soft limit of open files to the hard one: every cgroup keeps a descriptor or two.
Result<void> raise_open_file_limit();
/// A reader that goes away must be an error of that write, not our end.
void ignore_broken_pipes();

}  // namespace throttlelens
