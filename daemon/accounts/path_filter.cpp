// SPDX-License-Identifier: Apache-2.0
#include "path_filter.h"

#include <algorithm>

#include <fnmatch.h>

namespace throttlelens::accounts {

bool PathFilter::shows(const std::string& path) const {
  const auto matches = [&path](const std::string& glob) {
    return ::fnmatch(glob.c_str(), path.c_str(), 0) == 0;
  };
  return (include.empty() || std::ranges::any_of(include, matches)) &&
         std::ranges::none_of(exclude, matches);
}

}  // namespace throttlelens::accounts
