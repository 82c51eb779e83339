// SPDX-License-Identifier: Apache-2.0
#include "cgroup/counters_text.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>

namespace throttlelens {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\t';
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<Nanoseconds> scaled(std::int64_t value, std::int64_t unit) {
  if (value < 0 || value > std::numeric_limits<std::int64_t>::max() / unit) return std::nullopt;
  return Nanoseconds(value * unit);
}

constexpr std::int64_t kMicro = 1000;

ParsedLimit make_limit(std::int64_t quota, std::string_view period, std::string_view burst) {
  const auto period_us = parse_number(period);
  const auto burst_us = burst.empty() ? std::optional<std::int64_t>(0) : parse_number(burst);
  if (!period_us || !burst_us) return std::nullopt;
  const auto quota_ns = scaled(quota, kMicro);
  const auto period_ns = scaled(*period_us, kMicro);
  const auto burst_ns = scaled(*burst_us, kMicro);
  if (!quota_ns || !period_ns || !burst_ns || period_ns->count() == 0) return std::nullopt;
  return CpuLimit{.quota = *quota_ns, .period = *period_ns, .burst = *burst_ns};
}

}  // namespace

std::optional<std::int64_t> parse_number(std::string_view text) {
  text = trim(text);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<CpuStatText> parse_cpu_stat(std::string_view text) {
  CpuStatText stat;
  Bandwidth bandwidth;
  bool has_periods = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) continue;
    const std::string_view name = line.substr(0, space);

    enum class Field { usage, periods, throttled, throttled_time, bursts, burst_time };
    Field field{};
    std::int64_t unit = 1;
    if (name == "usage_usec") {
      field = Field::usage;
      unit = kMicro;
    } else if (name == "nr_periods") {
      field = Field::periods;
    } else if (name == "nr_throttled") {
      field = Field::throttled;
    } else if (name == "throttled_usec" || name == "throttled_time") {
      field = Field::throttled_time;
      unit = name.ends_with("usec") ? kMicro : 1;
    } else if (name == "nr_bursts") {
      field = Field::bursts;
    } else if (name == "burst_usec" || name == "burst_time") {
      field = Field::burst_time;
      unit = name.ends_with("usec") ? kMicro : 1;
    } else {
      continue;
    }

    const auto number = parse_number(line.substr(space + 1));
    const auto value = number ? scaled(*number, unit) : std::nullopt;
    if (!value) return std::nullopt;
    const auto count = static_cast<std::uint64_t>(value->count());
    switch (field) {
      case Field::usage:
        stat.usage = *value;
        break;
      case Field::periods:
        has_periods = true;
        bandwidth.nr_periods = count;
        break;
      case Field::throttled:
        bandwidth.nr_throttled = count;
        break;
      case Field::throttled_time:
        bandwidth.throttled_time = *value;
        break;
      case Field::bursts:
        bandwidth.nr_bursts = count;
        break;
      case Field::burst_time:
        bandwidth.burst_time = *value;
        break;
    }
  }
  if (has_periods) stat.bandwidth = bandwidth;
  return stat;
}

ParsedLimit parse_cpu_max(std::string_view max, std::string_view burst) {
  max = trim(max);
  const std::size_t space = std::min(max.find(' '), max.size());
  const std::string_view quota = max.substr(0, space);
  if (quota == "max") return ParsedLimit(std::in_place, std::nullopt);
  const auto number = parse_number(quota);
  if (!number) return std::nullopt;
  return make_limit(*number, max.substr(space), burst);
}

ParsedLimit parse_cfs(std::string_view quota, std::string_view period, std::string_view burst) {
  const auto number = parse_number(quota);
  if (!number) return std::nullopt;
  if (*number < 0) return ParsedLimit(std::in_place, std::nullopt);
  return make_limit(*number, period, burst);
}

std::vector<std::uint32_t> parse_processes(std::string_view text) {
  std::vector<std::uint32_t> out;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const auto pid = parse_number(line);
    if (pid && *pid > 0 && *pid <= std::numeric_limits<std::int32_t>::max()) {
      out.push_back(static_cast<std::uint32_t>(*pid));
    }
  }
  return out;
}

std::optional<std::string_view> cpu_cgroup_path(std::string_view text, bool v2) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    // NUMBER:CONTROLLERS:PATH; no name of a controller has a colon, paths may.
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string controllers =
        "," + std::string(line.substr(first + 1, second - first - 1)) + ",";
    const bool ours =
        v2 ? controllers == ",," : controllers.find(",cpu,") != std::string_view::npos;
    const std::string_view path = line.substr(second + 1);
    if (!ours || path.starts_with("/..")) continue;
    return path;
  }
  return std::nullopt;
}

}  // namespace throttlelens
