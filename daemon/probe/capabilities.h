// SPDX-License-Identifier: Apache-2.0
// What this process may do; capabilities(7).
#pragma once

namespace throttlelens {

// linux/capability.h of Debian 12 has all of them, older toolchains do not.
inline constexpr unsigned kCapSysPtrace = 19, kCapSysAdmin = 21, kCapSysResource = 24,
                          kCapPerfmon = 38, kCapBpf = 39;

/// Whether it is in the effective set.
bool has_capability(unsigned capability);

}  // namespace throttlelens
