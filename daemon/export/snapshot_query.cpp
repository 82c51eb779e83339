// SPDX-License-Identifier: Apache-2.0
#include "export/snapshot_query.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "http_query.h"
#include "top_names.h"

namespace throttlelens {

namespace {

constexpr std::size_t kMostRows = 1'000'000;
constexpr std::size_t kShownBytes = 64;  ///< of what is quoted in an error

std::string quoted(std::string_view text) {
  return "'" + printable(text.substr(0, kShownBytes)) + (text.size() > kShownBytes ? "...'" : "'");
}

/// What is wrong; empty if nothing is.
std::string take_rows(SnapshotQuery& query, const std::string& value) {
  std::size_t rows = 0;
  const char* const end = value.data() + value.size();
  const auto [parsed, error] = std::from_chars(value.data(), end, rows);
  if (error != std::errc() || parsed != end || rows == 0 || rows > kMostRows) {
    return "top=" + quoted(value) + " is not a whole number from 1 to " + std::to_string(kMostRows);
  }
  query.top = rows;
  return {};
}

std::string take_format(SnapshotQuery& /*query*/, const std::string& value) {
  if (value == "json") return {};
  return "format=" + quoted(value) + " is not known; known: json";
}

struct Known {
  std::string_view name;
  std::string (*take)(SnapshotQuery&, const std::string& value);
};
constexpr std::array kKnown{
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
    Known{.name = "top", .take = take_rows}};

std::string known_names() {
  std::string text;
  for (const Known& known : kKnown) text.append(text.empty() ? "" : ", ").append(known.name);
  return text;
}

}  // namespace

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

}  // namespace throttlelens
