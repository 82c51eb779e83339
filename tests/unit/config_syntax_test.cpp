// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "config_helpers.h"

using namespace throttlelens;

TEST_CASE("tabs as indentation are refused, each line of them") {
  const std::string tab = " tab in the indentation; YAML indents with spaces only, replace it";
  CHECK(problems_of("windows:\n\tbase: 1s\n  \thistory: 1m\n") ==
        Lines{"f:2:1:" + tab, "f:3:3:" + tab});
  CHECK(problems_of("windows:\n  history:\t1m\t# comment\n").empty());
}

TEST_CASE("what is opened and never closed is shown where it was opened") {
  const std::string quote = " this quotation mark is never closed; close it";
  const std::string bracket = " this bracket is never closed; close it";
  for (const std::string end : {"", "\n", "\r\n", "\nlog:\n  level: info\n"}) {
    CHECK(problem_of("log: {}\nlisten: \"127.0.0.1:1" + end) == "f:2:9:" + quote);
    CHECK(problem_of("log: {}\nlisten: '127.0.0.1:1" + end) == "f:2:9:" + quote);
  }
  CHECK(problem_of("# it's\nlisten: \"a \\\" b\" # \"\nprobe: 'it''s'\nlog: {level: \"x}\n") ==
        "f:4:14:" + quote);
  CHECK(problem_of("'log: a\n") == "f:1:1:" + quote);
  CHECK(problem_of("cgroup: {include: [/a, /b\n") == "f:1:19:" + bracket);
  CHECK(problem_of("cgroup: {include: [/a, /b]") == "f:1:9:" + bracket);
  CHECK(problem_of("{\n") == "f:1:1:" + bracket);
}

TEST_CASE("syntax errors have a place and advice") {
  const std::string colon =
      " \":\" is not allowed here; check the indentation, and put a value that contains \": \" in "
      "quotes";
  const std::string keys =
      " this does not belong to the keys above; check its indentation, and that it is \"key: "
      "value\"";
  CHECK(problem_of("listen: a: b\n") == "f:1:10:" + colon);
  CHECK(problem_of("log:\n level: info\n  format: text\n") == "f:3:9:" + colon);
  CHECK(problem_of("log:\n   level: info\n  format: text\n") == "f:3:3:" + keys);
  CHECK(problem_of("listen: 'a' b\n") == "f:1:13:" + keys);
  CHECK(problem_of("listen: \xc3\xbc\nlog: {level: \"\xc3\xbc\" x}\n") ==
        "f:2:18: expected \",\" or \"}\" here");
  CHECK(problem_of("cgroup:\n  include:\n  - /a\n   - /b\n  x\n").starts_with("f:5:3:"));
  CHECK(problem_of("cgroup: {include: [/a /b: c d: e]}\n").starts_with("f:1:"));
  CHECK(problem_of("listen: @a\n") ==
        "f:1:9: a value must not start with this character; put it in quotes");
  CHECK(problem_of("log: }\n") ==
        "f:1:6: not valid YAML: illegal flow end; check quotes, brackets and indentation here");
  CHECK(problem_of("%YAML 3.0\n---\n") ==
        "f:1:1: not valid YAML: YAML major version too large; check quotes, brackets and "
        "indentation here");
}

TEST_CASE("a file is one document") {
  const std::string second =
      " a second document starts here, or a line is indented less than the first key; a "
      "configuration file is one document whose sections start in the first column";
  CHECK(problem_of("log: {}\n---\nlog: {}\n") == "f:2:1:" + second);
  CHECK(problem_of("log: {}\n...\nlog: {}\n") == "f:3:1:" + second);
  CHECK(problem_of("---\n---\n") == "f:2:1:" + second);
  CHECK(problem_of("  log: {}\nprobe: {}\n") == "f:2:1:" + second);
  CHECK(problems_of("---\nlog: {}\n...\n").empty());
}

TEST_CASE("anchors, aliases and tags are refused, each of them") {
  const std::string reference =
      " anchors and aliases (&name, *name) are not supported; write the value out, in quotes when "
      "it starts with & or *";
  const std::string tag =
      " tags (!name, !!name) are not supported; remove it, or put a value that starts with ! in "
      "quotes";
  CHECK(problems_of("log: &a {level: info}\nprobe: *a\ncgroup:\n  root: &b /x\n") ==
        Lines{"f:1:6:" + reference, "f:2:8:" + reference, "f:4:9:" + reference});
  CHECK(problem_of("cgroup:\n  include: [*x]\n") == "f:2:13:" + reference);
  CHECK(problems_of("log: !!map\n  level: !x info\n") == Lines{"f:1:6:" + tag, "f:2:10:" + tag});
}

TEST_CASE("only UTF-8 text is read") {
  CHECK(problems_of("listen: a\xff\xfe\n\xc3\n") ==
        Lines{"f:1:10: byte 0xFF is not UTF-8; save the file as UTF-8",
              "f:2:1: byte 0xC3 is not UTF-8; save the file as UTF-8"});
  for (const std::string bad :
       {"\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xef\xbf",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x28\xa1"}) {
    INFO(bad.size());
    CHECK(places_of("# " + bad) == Lines{"1:3"});
  }
  for (const std::string good : {"\xc2\xa0", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                                 "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    CHECK(problems_of("# " + good).empty());
  }
  CHECK(problem_of(std::string_view("l\0i\0", 4)) ==
        "f:1:2: control character 0x00; the file must be plain text in UTF-8, remove it");
  CHECK(places_of("\xff\xfel\0") == Lines{"1:1"});
  for (const char control : {'\x01', '\x04', '\x1b', '\x7f', '\r'}) {
    CHECK(places_of(std::string("log: {}\n# ") + control + "x\n") == Lines{"2:3"});
  }
}

TEST_CASE("columns count characters, lines end with LF or CRLF") {
  CHECK(
      places_of("\xef\xbb\xbf\xc3\xbc: \"\xe2\x82\xac\"\r\nlog: {\xf0\x9f\x90\x8c: 1, x: 2}\r\n") ==
      Lines{"1:1", "2:7", "2:13"});
}

TEST_CASE("what a message quotes is safe to print") {
  CHECK(problem_of("log: {level: \"\\x1b[2J\\n\\x9b\\x7f\xc3\xbc\"}\n")
            .starts_with("f:1:14: log.level: unknown value \"\\x1b[2J\\x0a\\x9b\\x7f\xc3\xbc\";"));
  std::string umlauts;
  for (int i = 0; i < 50; ++i) umlauts += "\xc3\xbc";
  CHECK(
      problem_of("log: {level: a" + umlauts + "}\n")
          .starts_with("f:1:14: log.level: unknown value \"a" + umlauts.substr(0, 58) + "...\";"));
}
