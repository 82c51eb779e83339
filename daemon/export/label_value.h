// SPDX-License-Identifier: Apache-2.0
// Names and paths are bytes that others choose; label values are UTF-8, unique and not too long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace throttlelens {

/// Longer values are cut: 1 KiB is five times a pod's path, and a scrape pays for every byte.
inline constexpr std::size_t kMaxLabelBytes = 1024;

/// The value as it may be exposed: invalid UTF-8 and NUL as \xNN, cut at a character's border.
std::string readable_value(std::string_view bytes, std::size_t max_bytes = kMaxLabelBytes);

/// A distinct value for each text. One that had to be changed ends in ~ and a hash of the text, so
/// that two that only differ in what was changed stay two, and stay the same from scrape to scrape.
class LabelValues {
 public:
  /// All texts there are; they must outlive this.
  explicit LabelValues(const std::vector<std::string_view>& texts);
  /// Of one of the texts.
  std::string_view of(std::string_view text) const;

 private:
  std::unordered_map<std::string_view, std::string> changed_;
};

}  // namespace throttlelens
