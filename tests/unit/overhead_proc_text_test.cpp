// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <catch2/catch.hpp>

#include "proc_text.h"

using namespace throttlelens::overhead;

namespace {

std::string stat(const std::string& comm, const std::string& start = "4711") {
  return "12 (" + comm + ") S 1 12 12 0 -1 4194560 5 6 7 8 9 10 11 12 20 0 10 0 " + start +
         " 1234 56 18446744073709551615 1 1 0 0\n";
}

}  // namespace

TEST_CASE("the start in stat, whatever the name is") {
  CHECK(parse_start_ticks(stat("containerd-shim")) == 4711u);
  CHECK(parse_start_ticks(stat("tmux: server")) == 4711u);
  CHECK(parse_start_ticks(stat("a) S 1 2 3 4 5")) == 4711u);
  CHECK(parse_start_ticks(stat("((\n) \n")) == 4711u);
  CHECK(parse_start_ticks(stat("")) == 4711u);
  CHECK(parse_start_ticks(stat("x", "18446744073709551615")) == 18446744073709551615u);
}

TEST_CASE("a stat that is not understood has no start") {
  CHECK_FALSE(parse_start_ticks(""));
  CHECK_FALSE(parse_start_ticks("12 (x"));
  CHECK_FALSE(parse_start_ticks("12 (x) "));
  CHECK_FALSE(parse_start_ticks("12 (x) S 1 2 3"));
  CHECK_FALSE(parse_start_ticks(stat("x", "-1")));
  CHECK_FALSE(parse_start_ticks(stat("x", "18446744073709551616")));
  CHECK_FALSE(parse_start_ticks(stat("x", "12x")));
  CHECK_FALSE(parse_start_ticks(stat("x", "")));
}

TEST_CASE("private memory is clean and dirty, no huge pages and no shared ones") {
  CHECK(parse_private_memory("55d0-7ffe ---p 00000000 00:00 0    [rollup]\n"
                             "Rss:               14132 kB\n"
                             "Shared_Clean:      10852 kB\n"
                             "Private_Clean:        64 kB\n"
                             "Private_Dirty:      3216 kB\n"
                             "Private_Hugetlb:    2048 kB\n") == (64u + 3216u) * 1024u);
  CHECK(parse_private_memory("Private_Dirty: 0 kB\nPrivate_Clean: 0 kB") == 0u);
}

TEST_CASE("half of it is not known, nor is what overflows or is no number") {
  CHECK_FALSE(parse_private_memory(""));
  CHECK_FALSE(parse_private_memory("Private_Clean: 1 kB\n"));
  CHECK_FALSE(parse_private_memory("Private_Dirty: 1 kB\n"));
  CHECK_FALSE(parse_private_memory("Private_Clean: 1\nPrivate_Dirty: 1 kB\n"));
  CHECK_FALSE(parse_private_memory("Private_Clean: -1 kB\nPrivate_Dirty: 1 kB\n"));
  CHECK_FALSE(parse_private_memory("Private_Clean: kB\nPrivate_Dirty: 1 kB\n"));
  CHECK_FALSE(parse_private_memory("Private_Clean: 18014398509481984 kB\nPrivate_Dirty: 1 kB\n"));
  const std::string most = "18014398509481983 kB\n";
  CHECK_FALSE(parse_private_memory("Private_Clean: " + most + "Private_Dirty: " + most));
  CHECK(parse_private_memory("Private_Clean: " + most + "Private_Dirty: 0 kB\n"));
}
