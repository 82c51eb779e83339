// SPDX-License-Identifier: Apache-2.0
// Which metric families a scrape leaves out, as the configuration says.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "row_families.h"

namespace throttlelens {

class HiddenFamilies {
 public:
  /// `globs` over names of families.
  explicit HiddenFamilies(std::span<const std::string> globs);

  bool hides(std::string_view family) const;
  /// How many series a container's or another cgroup's row becomes in those of kRowFamilies that
  /// are not hidden.
  std::uint64_t container_series(const CgroupRow& row) const { return count(row, containers_); }
  std::uint64_t cgroup_series(const CgroupRow& row) const { return count(row, cgroups_); }

 private:
  using RowFlags = std::array<bool, kRowFamilies.size()>;
  RowFlags flags(std::string_view prefix) const;
  static std::uint64_t count(const CgroupRow& row, const RowFlags& hidden);

  std::vector<std::string_view> names_;  ///< of the catalogue
  RowFlags containers_{};
  RowFlags cgroups_{};
};

}  // namespace throttlelens
