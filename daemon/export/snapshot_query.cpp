// SPDX-License-Identifier: Apache-2.0
#include "export/snapshot_query.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/duration.h"
#include "http_query.h"
#include "top_names.h"

namespace throttlelens {

namespace {

constexpr std::size_t kMostRows = 1'000'000;
constexpr std::size_t kMostColumns = 1000;
constexpr std::size_t kShownBytes = 64;  ///< of what is quoted in an error

// In the order of their enumerators.
constexpr std::array<std::string_view, 4> kFormats{"table", "wide", "json", "csv"};
constexpr std::array<std::string_view, 8> kSorts{"why",       "cpu",      "peak",   "wait",
                                                 "throttled", "overhead", "memory", "name"};

template <typename Enum, std::size_t N>
std::optional<Enum> named(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

std::string quoted(std::string_view text) {
  return "'" + printable(text.substr(0, kShownBytes)) + (text.size() > kShownBytes ? "...'" : "'");
}

template <std::size_t N>
std::string not_known(std::string_view parameter, const std::string& value,
                      const std::array<std::string_view, N>& names) {
  std::string text = std::string(parameter) + "=" + quoted(value) + " is not known; known: ";
  for (const std::string_view name : names) {
    text.append(name == names.front() ? "" : ", ").append(name);
  }
  return text;
}

/// What is wrong; empty if nothing is. So are those below.
std::string take_count(std::optional<std::size_t>& count, std::string_view parameter,
                       const std::string& value, std::size_t most) {
  std::size_t number = 0;
  const char* const end = value.data() + value.size();
  const auto [parsed, error] = std::from_chars(value.data(), end, number);
  if (error != std::errc() || parsed != end || number == 0 || number > most) {
    return std::string(parameter) + "=" + quoted(value) + " is not a whole number from 1 to " +
           std::to_string(most);
  }
  count = number;
  return {};
}

std::string take_format(SnapshotQuery& query, const std::string& value) {
  const auto format = snapshot_format(value);
  if (!format) return not_known("format", value, kFormats);
  query.format = *format;
  return {};
}

std::string take_sort(SnapshotQuery& query, const std::string& value) {
  query.sort = snapshot_sort(value);
  return query.sort ? std::string() : not_known("sort", value, kSorts);
}

std::string take_duration(SnapshotQuery& query, const std::string& value) {
  const auto duration = parse_duration(value);
  if (!duration) return "duration=" + quoted(value) + " " + duration.error();
  if (*duration < kShortestSnapshot || *duration > kLongestSnapshot) {
    return "duration=" + quoted(value) + " is not between " + duration_text(kShortestSnapshot) +
           " and " + duration_text(kLongestSnapshot);
  }
  query.duration = *duration;
  return {};
}

struct Known {
  std::string_view name;
  std::string (*take)(SnapshotQuery&, const std::string& value);
};
constexpr std::array kKnown{
    Known{.name = "duration", .take = take_duration},
    Known{.name = "format", .take = take_format},
    Known{.name = "namespace",
          .take = [](SnapshotQuery& query, const std::string& value) -> std::string {
            query.pod_namespace = value;
            return {};
          }},
    Known{.name = "pod",
          .take = [](SnapshotQuery& query, const std::string& value) -> std::string {
            query.pod = value;
            return {};
          }},
    Known{.name = "sort", .take = take_sort},
    Known{.name = "top",
          .take =
              [](SnapshotQuery& query, const std::string& value) {
                return take_count(query.top, "top", value, kMostRows);
              }},
    Known{.name = "width", .take = [](SnapshotQuery& query, const std::string& value) {
            return take_count(query.width, "width", value, kMostColumns);
          }}};

std::string known_names() {
  std::string text;
  for (const Known& known : kKnown) text.append(text.empty() ? "" : ", ").append(known.name);
  return text;
}

}  // namespace

std::optional<SnapshotFormat> snapshot_format(std::string_view name) {
  return named<SnapshotFormat>(kFormats, name);
}

std::optional<SnapshotSort> snapshot_sort(std::string_view name) {
  return named<SnapshotSort>(kSorts, name);
}

std::expected<SnapshotQuery, std::string> parse_snapshot_query(std::string_view text) {
  const auto parameters = parse_query(text);
  if (!parameters) return std::unexpected(parameters.error());
  SnapshotQuery query;
  for (const QueryParameter& parameter : *parameters) {
    const auto known = std::ranges::find(kKnown, parameter.name, &Known::name);
    if (known == kKnown.end()) {
      return std::unexpected("no parameter is called " + quoted(parameter.name) +
                             "; known: " + known_names());
    }
    if (std::ranges::count(*parameters, parameter.name, &QueryParameter::name) > 1) {
      return std::unexpected(std::string(known->name) + " is there more than once");
    }
    if (std::string problem = known->take(query, parameter.value); !problem.empty()) {
      return std::unexpected(std::move(problem));
    }
  }
  return query;
}

std::string to_query_string(const SnapshotQuery& query) {
  // Duration and format also when they are the built-in ones: another version may have others.
  std::string text = "duration=" + duration_text(query.duration) +
                     "&format=" + std::string(kFormats[static_cast<std::size_t>(query.format)]);
  if (query.pod_namespace) text += "&namespace=" + percent_encoded(*query.pod_namespace);
  if (query.pod) text += "&pod=" + percent_encoded(*query.pod);
  if (query.sort) text.append("&sort=").append(kSorts[static_cast<std::size_t>(*query.sort)]);
  if (query.top) text += "&top=" + std::to_string(*query.top);
  if (query.width) text += "&width=" + std::to_string(*query.width);
  return text;
}

}  // namespace throttlelens
