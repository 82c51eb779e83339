// SPDX-License-Identifier: Apache-2.0
#include "human.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

namespace throttlelens {

namespace {

std::string number(const char* format, double value, const char* unit) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return std::string(text.data()) + unit;
}

/// "2h05m": the second number keeps its width so that columns line up.
std::string pair_of(long long high, const char* high_unit, long long low, const char* low_unit) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%lld%s%02lld%s", high, high_unit, low, low_unit);
  return text.data();
}

/// The borders lie where rounding would reach the next digit; some is not none.
std::string two_digits(double value, const char* unit) {
  if (value > 0 && value < 0.01) return std::string("<0.01") + unit;
  if (value > 0 && value < 0.995) return number("%.2f", value, unit);
  return number(value > 0 && value < 9.95 ? "%.1f" : "%.0f", value, unit);
}

}  // namespace

std::string exact_duration(Nanoseconds value) {
  constexpr std::array<std::pair<long long, const char*>, 6> units{{{3'600'000'000'000, "h"},
                                                                    {60'000'000'000, "m"},
                                                                    {1'000'000'000, "s"},
                                                                    {1'000'000, "ms"},
                                                                    {1'000, "us"},
                                                                    {1, "ns"}}};
  const long long count = value.count();
  if (count == 0) return "0s";
  for (const auto& [size, unit] : units) {
    if (count % size == 0) return std::to_string(count / size) + unit;
  }
  return {};
}

std::string short_duration(Nanoseconds value) {
  if (value.count() < 0) return "-" + short_duration(-value);
  if (value.count() == 0) return "0";
  // The borders lie where rounding would reach the next unit: no "1000ms", no "60.0s".
  const double seconds = to_seconds(value);
  if (seconds < 999.5e-6) return number("%.0f", std::ceil(seconds * 1e6), "us");
  if (seconds < 9.95e-3) return number("%.1f", seconds * 1e3, "ms");
  if (seconds < 999.5e-3) return number("%.0f", seconds * 1e3, "ms");
  if (seconds < 59.95) return number("%.1f", seconds, "s");
  const long long whole = std::llround(seconds);
  if (whole < 3600) return pair_of(whole / 60, "m", whole % 60, "s");
  if (whole < 86400) return pair_of(whole / 3600, "h", whole % 3600 / 60, "m");
  return pair_of(whole / 86400, "d", whole % 86400 / 3600, "h");
}

std::string millicores(double cores) {
  return number("%.0f", cores * 1000, "m");
}

std::string fine_millicores(double cores) {
  return two_digits(cores * 1000, "m");
}

std::string percent(double ratio) {
  if (ratio > 0 && ratio < 0.005) return "<1%";
  return number("%.0f", ratio * 100, "%");
}

std::string fine_percent(double ratio) {
  return two_digits(ratio * 100, "%");
}

std::string mebibytes(double bytes) {
  const double mebi = bytes / (1024.0 * 1024.0);
  return number(mebi < 99.95 ? "%.1f" : "%.0f", mebi, "MiB");
}

}  // namespace throttlelens
