// SPDX-License-Identifier: Apache-2.0
// Durations are decimal numbers with a unit. Six decimals are enough for a nanosecond in the
// smallest unit, and keep the arithmetic in whole numbers.
#include "base/duration.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>

namespace throttlelens {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kValidUnits = "valid units are ms, s, m and h, as in 100ms, 0.5s or 5m";
constexpr std::size_t kMostDecimals = 6;
constexpr std::int64_t kMillion = 1'000'000;

struct Unit {
  std::string_view name;
  std::int64_t nanoseconds;
};
constexpr std::array kUnits{Unit{.name = "h", .nanoseconds = 3'600'000'000'000},
                            Unit{.name = "m", .nanoseconds = 60'000'000'000},
                            Unit{.name = "s", .nanoseconds = 1'000'000'000},
                            Unit{.name = "ms", .nanoseconds = 1'000'000}};

/// Not a number when it does not fit.
std::expected<std::int64_t, std::string> whole(std::string_view digits) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{}) return std::unexpected("is too long a duration");
  return value;
}

}  // namespace

std::expected<Nanoseconds, std::string> parse_duration(std::string_view text) {
  const auto wrong = [](std::string_view why) {
    return std::unexpected(std::string(why) + "; " + std::string(kValidUnits));
  };
  if (text.starts_with('-')) return wrong("is negative");
  const std::size_t digits = std::min(text.find_first_not_of(kDigits), text.size());
  if (digits == 0) return wrong("is not a duration: it must start with a number");
  std::string_view rest = text.substr(digits);
  std::string decimals;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    decimals = rest.substr(0, rest.find_first_not_of(kDigits));
    rest.remove_prefix(decimals.size());
    if (decimals.empty()) return wrong("has no digit after the point");
    if (decimals.size() > kMostDecimals) return wrong("has more than 6 decimals");
  }
  if (rest.empty()) return wrong("has no unit");
  const auto* const unit = std::ranges::find(kUnits, rest, &Unit::name);
  if (unit == kUnits.end()) return wrong("has an unknown unit");

  decimals.resize(kMostDecimals, '0');
  const auto units = whole(text.substr(0, digits));
  const auto millionths = whole(decimals);
  if (!units) return wrong(units.error());
  const std::int64_t fraction = *millionths * (unit->nanoseconds / kMillion);
  if (*units > (std::numeric_limits<std::int64_t>::max() - fraction) / unit->nanoseconds) {
    return wrong("is too long a duration");
  }
  return Nanoseconds(*units * unit->nanoseconds + fraction);
}

std::string duration_text(Nanoseconds duration) {
  const std::int64_t count = duration.count();
  if (count == 0) return "0s";
  for (const auto& unit : kUnits) {
    if (count % unit.nanoseconds == 0) {
      return std::to_string(count / unit.nanoseconds) + std::string(unit.name);
    }
  }
  std::string decimals = std::to_string(count % kMillion + kMillion).substr(1);
  decimals.erase(decimals.find_last_not_of('0') + 1);
  return std::to_string(count / kMillion) + "." + decimals + "ms";
}

}  // namespace throttlelens
