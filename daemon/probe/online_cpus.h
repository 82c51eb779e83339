// SPDX-License-Identifier: Apache-2.0
// Which CPUs of the machine are online.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace throttlelens {

/// The CPUs of a list as the kernel writes it: "0-3,8". What cannot be understood is left out, and
/// so are numbers from 65,536 on.
std::vector<std::uint32_t> cpu_list(std::string_view text);

/// As the kernel says in `file`, in order; where that cannot be read (sysfs is not mounted), as
/// many as the C library knows of, from 0 on. Never empty.
std::vector<std::uint32_t> online_cpus(const std::string& file = "/sys/devices/system/cpu/online");

}  // namespace throttlelens
