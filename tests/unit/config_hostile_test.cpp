// SPDX-License-Identifier: Apache-2.0
// Input made to exhaust or crash the reader. Each case ends quickly; ctest's timeout catches those
// that do not.
#include <catch2/catch.hpp>

#include "config_helpers.h"

using namespace throttlelens;

namespace {

constexpr std::size_t kLargest = 1024UL * 1024;

std::string repeated(std::string_view text) {
  std::string out;
  out.reserve(kLargest);
  while (out.size() + text.size() <= kLargest) out += text;
  return out;
}

}  // namespace

TEST_CASE("a file of the largest size is answered whatever it repeats") {
  for (const std::string_view unit : {"[",        "{",      "- ",
                                      "? ",       "a: ",    "a:\n",
                                      "!a ",      "\"",     "'",
                                      "[a,",      "]",      "&a ",
                                      "*a ",      "|",      ">\n",
                                      "%a\n",     "---\n",  "...\n",
                                      ":",        ",",      "#",
                                      "x: y\n",   " ",      "\n",
                                      "\t",       "{a: b,", "[{",
                                      "\xff",     "\\",     "[[],",
                                      "- - a\n",  "a: [",   "log: {level: a}\n",
                                      "\xc3\xbc", "? [",    "!<",
                                      "\"a\" ",   "a: \"\n"}) {
    INFO(unit);
    const auto lines = problems_of(repeated(unit));
    CHECK(lines.size() <= 101);
  }
}

TEST_CASE("problems without number are cut, and said to be") {
  const auto config = parse_config(repeated("x: y\n"), "f");
  REQUIRE_FALSE(config.has_value());
  REQUIRE(config.error().size() == 101);
  CHECK(config.error()[99].line == 100);
  CHECK(config.error()[100].line == 0);
  CHECK(config.error()[100].text() == "f: " + std::to_string(kLargest / 5 - 100) +
                                          " more problems are not shown; mend those above first");
}

TEST_CASE("nesting is cut short") {
  const std::string deep =
      " nested too deeply; the configuration has sections, keys and lists of "
      "values, nothing deeper";
  std::string yaml;
  for (std::size_t i = 0; i < 400; ++i) yaml += std::string(i, ' ') + "a:\n";
  CHECK(problem_of(yaml) == "f:17:17:" + deep);
  CHECK(problem_of(repeated("- ")) == "f:1:33:" + deep);
}

TEST_CASE("an alias bomb does not multiply") {
  std::string yaml = "a: &a [x, x, x, x, x, x, x, x, x]\n";
  for (char c = 'b'; c <= 'z'; ++c) {
    yaml += std::string{c} + ": &" + c + " [";
    for (int i = 0; i < 9; ++i)
      yaml += std::string(i == 0 ? "*" : ", *") + static_cast<char>(c - 1);
    yaml += "]\n";
  }
  CHECK(problems_of(yaml).size() == 101);
}
