// SPDX-License-Identifier: Apache-2.0
// The tables of a snapshot: how wide, and of which bytes. Their numbers are held against JSON by
// export_snapshot_schema_test.py.
#include <algorithm>
#include <string>

#include <catch2/catch.hpp>

#include "export/snapshot_answer.h"
#include "export_hostile.h"
#include "export_report_samples.h"
#include "export_text.h"

using namespace throttlelens;
using namespace throttlelens::samples;

namespace {

std::string table(const Past& past, SnapshotQuery query) {
  return answer_snapshot(past.now, past.start.get(), query).body;
}

}  // namespace

TEST_CASE("no line of the table is wider than asked, and names have room at 80") {
  Snapshot now = full_snapshot();
  const std::string name = "checkout-service-7d9f8b6c5d-x2x4z";
  now.pods.push_back(pod(waiting_row(7, "/x"), "production-europe-west", name));
  now.pods.back().cpu.why = Why::ancestor_quota;
  const Past past = with_past(now);
  SnapshotQuery query;
  query.format = SnapshotFormat::table;
  for (std::size_t width = 1; width <= 160; ++width) {
    query.width = width;
    for (const std::string& line : lines(table(past, query))) REQUIRE(line.size() <= width);
  }
  query.width = 80;
  const std::string text = table(past, query);
  CHECK(text.find("-x2x4z ") != std::string::npos);
  for (const char* heading : {" CPU ", " LIMIT ", " WHY ", " OVERHEAD "}) {
    CHECK(text.find(heading) != std::string::npos);
  }
}

TEST_CASE("no name commands a terminal, in no table") {
  const Past past = with_past(hostile_snapshot());
  for (const SnapshotFormat format : {SnapshotFormat::table, SnapshotFormat::wide}) {
    SnapshotQuery query;
    query.format = format;
    const std::string text = table(past, query);
    CHECK(std::ranges::all_of(text, [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
  }
}

TEST_CASE("what top leaves out is counted") {
  SnapshotQuery query;
  query.format = SnapshotFormat::table;
  query.top = 1;
  const std::string text = table(with_past(full_snapshot()), query);
  CHECK(text.find("and 1 more cgroups\n") != std::string::npos);
  CHECK(text.find("more pods") == std::string::npos);
}

TEST_CASE("without a past the table says so, and has no column of it") {
  SnapshotQuery query;
  query.format = SnapshotFormat::table;
  const std::string text = answer_snapshot(full_snapshot(), nullptr, query).body;
  CHECK(text.starts_with("throttlelens  no past yet"));
  CHECK(text.find("OVERHEAD") == std::string::npos);
  CHECK(text.find("MEMORY") != std::string::npos);
}
