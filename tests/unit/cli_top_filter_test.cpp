// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>

#include <catch2/catch.hpp>

#include "top_filter.h"

using namespace throttlelens;
using Taken = TopFilter::Taken;

namespace {

void type(TopFilter& filter, std::string_view keys) {
  for (const char key : keys) filter.take(key);
}

}  // namespace

TEST_CASE("a slash begins a filter; until then keys mean something else") {
  TopFilter filter("");
  CHECK(filter.take('q') == Taken::no);
  CHECK(filter.take('\n') == Taken::no);
  CHECK(filter.take('/') == Taken::changed);
  CHECK(filter.typing());
  CHECK(filter.take('q') == Taken::changed);
  CHECK(filter.text() == "q");
}

TEST_CASE("Enter keeps the filter, and keys mean what they meant") {
  TopFilter filter("");
  type(filter, "/web\n");
  CHECK(filter.text() == "web");
  CHECK_FALSE(filter.typing());
  CHECK(filter.take('q') == Taken::no);
  type(filter, "/-0\r");
  CHECK(filter.text() == "web-0");
}

TEST_CASE("Backspace takes one back, Escape all") {
  TopFilter filter("start");
  CHECK(filter.text() == "start");
  type(filter, "/\x7f\b");
  CHECK(filter.text() == "sta");
  CHECK(filter.take('\x1b') == Taken::changed);
  CHECK(filter.text().empty());
  CHECK_FALSE(filter.typing());
  CHECK(filter.take('\x1b') == Taken::nothing);
  type(filter, "/");
  CHECK(filter.take('\x7f') == Taken::nothing);
}

TEST_CASE("what no shown name can have is not taken, nor more than a line") {
  TopFilter filter("");
  type(filter, "/a");
  for (const char key : {'\t', '\x01', '\xff', '\0'}) CHECK(filter.take(key) == Taken::nothing);
  CHECK(filter.text() == "a");
  type(filter, std::string(1000, 'x'));
  CHECK(filter.text().size() == 128);
}

TEST_CASE("arrows and the like are no Escape") {
  CHECK(without_sequences("a\x1b[Ab\x1b[1;5Cc\x1bOPd") == "abcd");
  CHECK(without_sequences("\x1b") == "\x1b");
  CHECK(without_sequences("\x1bq") == "\x1bq");
  CHECK(without_sequences("\x1b[").empty());
  CHECK(without_sequences("\x1b[12").empty());
  CHECK(without_sequences("\x1bO").empty());
  CHECK(without_sequences("/w\x1b") == "/w\x1b");
}
