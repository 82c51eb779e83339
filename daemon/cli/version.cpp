// SPDX-License-Identifier: Apache-2.0
#include "version.h"

namespace throttlelens {

VersionInfo version_info() {
#if defined(__clang__)
  const std::string compiler = "clang " __clang_version__;
#else
  const std::string compiler = "g++ " __VERSION__;
#endif
  return {.version = TL_VERSION,
          .commit = TL_COMMIT,
          .compiler = compiler,
          .build_type = TL_BUILD_TYPE,
          .sanitizers = TL_SANITIZERS};
}

}  // namespace throttlelens
