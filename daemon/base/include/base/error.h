// SPDX-License-Identifier: Apache-2.0
// Errors are values: what was attempted, on what, why it failed, and what to do about it.
#pragma once

#include <expected>
#include <string>

namespace throttlelens {

struct Error {
  std::string what;      ///< what was attempted, as a verb phrase: "open the cgroup file"
  std::string on;        ///< the object: a path, an address, a map's name; may be empty
  int code = 0;          ///< errno, or 0 when the failure is not the operating system's
  std::string why = {};  ///< the reason when there is no errno, or beside it; may be empty
  std::string fix = {};  ///< what a person can do about it; may be empty

  /// One line for people: "cannot WHAT ON: WHY (FIX)".
  std::string message() const;
};

/// An Error for a system call that just failed with `code` (pass errno).
Error os_error(std::string what, std::string on, int code);

template <typename T>
using Result = std::expected<T, Error>;

}  // namespace throttlelens
