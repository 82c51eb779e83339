// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace throttlelens {

/// Of the libbpf in use at run time, without the leading v: "1.1".
std::string libbpf_version();

}  // namespace throttlelens
