// SPDX-License-Identifier: Apache-2.0
// What this binary is. The build passes the facts to version.cpp only.
#pragma once

#include <string>

namespace throttlelens {

struct VersionInfo {
  std::string version;
  std::string commit;  ///< "unknown" when built outside git
  std::string compiler;
  std::string build_type;
  std::string sanitizers;  ///< empty: none
};

VersionInfo version_info();

}  // namespace throttlelens
