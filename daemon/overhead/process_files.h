// SPDX-License-Identifier: Apache-2.0
// One process's directory in /proc, opened once: what is read through it is that process's or, when
// it has ended, an error, whoever has its pid then.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/unique_fd.h"
#include "base/units.h"

namespace throttlelens::overhead {

class ProcessFiles {
 public:
  /// `name`: a pid, or "self". One that does not exist has nothing to tell.
  ProcessFiles(const std::string& proc, const std::string& name);

  /// Whether it is the process that was started then (ProcessKey::started).
  bool started_at(Nanoseconds started) const;
  /// Of smaps_rollup, in bytes; absent when it has ended or may not be read.
  std::optional<std::uint64_t> private_memory() const;

 private:
  UniqueFd directory_;
};

}  // namespace throttlelens::overhead
