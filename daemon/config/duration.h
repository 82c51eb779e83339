// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/units.h"

namespace throttlelens::config {

/// The way a person writes it in the file, in the largest unit that needs no fraction: "90s".
std::string show(Nanoseconds duration);

}  // namespace throttlelens::config
