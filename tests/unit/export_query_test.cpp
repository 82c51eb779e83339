// SPDX-License-Identifier: Apache-2.0
// Queries: how they are taken apart, and what /api/v1/snapshot takes.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "export/snapshot_query.h"
#include "http_query.h"

using namespace throttlelens;

namespace {

using Parameters = std::vector<QueryParameter>;

std::string problem(std::string_view text) {
  const auto query = parse_snapshot_query(text);
  return query ? "none" : query.error();
}

}  // namespace

TEST_CASE("a query is taken apart and decoded") {
  CHECK(parse_query("").value().empty());
  CHECK(parse_query("&&").value().empty());
  CHECK(parse_query("a=1&b&c=&=d&&e=f=g").value() ==
        Parameters{{"a", "1"}, {"b", ""}, {"c", ""}, {"", "d"}, {"e", "f=g"}});
  CHECK(parse_query("a%3D=%26%2b+%e4%B8%AD%00%ff").value() ==
        Parameters{{"a=", std::string("&+ \xe4\xb8\xad\0\xff", 8)}});
  // Decoded once.
  CHECK(parse_query("a=%2541").value() == Parameters{{"a", "%41"}});
}

TEST_CASE("a percent sign without two digits is said to be none") {
  for (const char* text : {"a=%", "a=%4", "a=%4g", "a=%g4", "%zz=1", "a=%-1", "a=%+1", "a=% 1",
                           "a=%0x", "a=%4&b=1", "a=1&b=%\xff\x1b"}) {
    CAPTURE(text);
    const auto parsed = parse_query(text);
    REQUIRE_FALSE(parsed);
    CHECK_THAT(parsed.error(), Catch::Contains("is no byte"));
    CHECK(std::ranges::all_of(parsed.error(), [](char c) { return c >= ' ' && c <= '~'; }));
  }
  CHECK(parse_query("a=%4g").error() == "'%4g' is no byte: after % come two hexadecimal digits");
}

TEST_CASE("what a snapshot is asked for") {
  CHECK(parse_snapshot_query("") == SnapshotQuery{});
  CHECK(parse_snapshot_query("format=json") == SnapshotQuery{});
  CHECK(parse_snapshot_query("namespace=shop&pod=cart%2D1&top=20&format=json") ==
        SnapshotQuery{.pod_namespace = "shop", .pod = "cart-1", .top = 20});
  CHECK(parse_snapshot_query("namespace=") ==
        SnapshotQuery{.pod_namespace = "", .pod = {}, .top = {}});
  CHECK(parse_snapshot_query("top=1000000").value().top == 1000000U);
}

TEST_CASE("what cannot be meant is refused, and what is known is said") {
  CHECK(problem("nmespace=x") ==
        "no parameter is called 'nmespace'; known: duration, format, namespace, pod, sort, top, "
        "width");
  CHECK(problem("Top=1") ==
        "no parameter is called 'Top'; known: duration, format, namespace, pod, sort, top, width");
  CHECK(problem("=1") ==
        "no parameter is called ''; known: duration, format, namespace, pod, sort, top, width");
  CHECK(problem("format=xml") == "format='xml' is not known; known: table, wide, json, csv");
  CHECK(problem("format") == "format='' is not known; known: table, wide, json, csv");
  for (const char* value : {"", "0", "-1", "+1", "1.5", "1e3", "x", "10x", "%201", "1000001",
                            "99999999999999999999999"}) {
    CAPTURE(value);
    CHECK_THAT(
        problem("top=" + std::string(value)),
        Catch::StartsWith("top='") && Catch::EndsWith("' is not a whole number from 1 to 1000000"));
  }
  CHECK(problem("pod=a&pod=a") == "pod is there more than once");
  CHECK(problem("namespace=%x") == "'%x' is no byte: after % come two hexadecimal digits");
}

TEST_CASE("duration, order and width have their bounds") {
  const SnapshotQuery query =
      parse_snapshot_query("duration=0.5m&sort=memory&width=80&format=csv").value();
  CHECK(query.duration == std::chrono::seconds(30));
  CHECK(query.sort == SnapshotSort::memory);
  CHECK(query.width == 80U);
  CHECK(query.format == SnapshotFormat::csv);
  CHECK(parse_snapshot_query("duration=1s").has_value());
  CHECK(parse_snapshot_query("duration=1h").has_value());
  CHECK(problem("duration=999ms") == "duration='999ms' is not between 1s and 1h");
  CHECK(problem("duration=61m") == "duration='61m' is not between 1s and 1h");
  CHECK_THAT(problem("duration=5"), Catch::StartsWith("duration='5' has no unit"));
  CHECK(problem("sort=size") ==
        "sort='size' is not known; known: why, cpu, peak, wait, throttled, overhead, memory, name");
  CHECK(problem("width=1001") == "width='1001' is not a whole number from 1 to 1000");
}

TEST_CASE("a query survives its way through a URL, whatever the names") {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  std::vector<SnapshotQuery> queries(1);
  for (const std::string& name :
       {std::string(), all, std::string("a&pod=b"), std::string("%41+")}) {
    SnapshotQuery& query = queries.emplace_back();
    query.pod_namespace = name;
    query.pod = name + "=";
  }
  for (const char* sort :
       {"why", "cpu", "peak", "wait", "throttled", "overhead", "memory", "name"}) {
    queries.emplace_back().sort = snapshot_sort(sort);
    REQUIRE(queries.back().sort);
  }
  for (const char* format : {"table", "wide", "json", "csv"}) {
    SnapshotQuery& query = queries.emplace_back();
    query.format = snapshot_format(format).value();
    query.top = 7;
    query.width = 80;
    query.duration = Nanoseconds(1'234'567'891);
  }
  for (const SnapshotQuery& query : queries) {
    const std::string text = to_query_string(query);
    CAPTURE(text);
    CHECK(std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~' && c != '#'; }));
    CHECK(parse_snapshot_query(text) == query);
  }
}

TEST_CASE("an error is one short line that commands no terminal") {
  const std::string said = problem("%1b[2J%0a%ff" + std::string(9000, 'a') + "=1");
  CHECK_THAT(said, Catch::Contains(R"('\x1b[2J\x0a\xffaaa)") && Catch::Contains("aaa...'"));
  CHECK(said.size() < 200);
}
