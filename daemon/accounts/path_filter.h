// SPDX-License-Identifier: Apache-2.0
// Which paths the user wants to see.
#pragma once

#include <string>
#include <vector>

namespace throttlelens::accounts {

/// Globs as fnmatch knows them; '*' matches '/' as well, so "/kubepods*" is a whole subtree.
struct PathFilter {
  std::vector<std::string> include;  ///< empty: all
  std::vector<std::string> exclude;  ///< wins over include

  bool shows(const std::string& path) const;
};

}  // namespace throttlelens::accounts
