// SPDX-License-Identifier: Apache-2.0
// Numbers of rows, never used twice: what finds a row in an earlier snapshot or mark.
#pragma once

#include <cstdint>

namespace throttlelens::accounts {

/// Of rows of one kind, so that those who give numbers need not know each other. Never 0.
class RowIds {
 public:
  enum class Kind : std::uint8_t { cgroup, container, pod, sandbox, overhead };

  explicit RowIds(Kind kind) : kind_(kind) {}
  std::uint64_t next() { return ++count_ * kKinds + static_cast<std::uint64_t>(kind_); }

 private:
  static constexpr std::uint64_t kKinds = 8;

  Kind kind_;
  std::uint64_t count_ = 0;
};

}  // namespace throttlelens::accounts
