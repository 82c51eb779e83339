// SPDX-License-Identifier: Apache-2.0
// Collects what is wrong with one file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace throttlelens::config {

/// Both from 1; 0 when there is no place.
struct Place {
  int line = 0;
  int column = 0;
};

class Problems {
 public:
  explicit Problems(std::string file) : file_(std::move(file)) {}

  void add(Place place, std::string message);
  bool empty() const { return found_.empty(); }
  /// In the order of the file.
  ConfigProblems take();

 private:
  std::string file_;
  ConfigProblems found_;
  std::size_t dropped_ = 0;
};

/// `text` between double quotes, safe to print: cut when long, control characters spelled out.
std::string quoted(std::string_view text);

/// "a, b, c".
std::string listed(const std::vector<std::string_view>& words);

}  // namespace throttlelens::config
