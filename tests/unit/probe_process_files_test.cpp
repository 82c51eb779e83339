// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <fstream>
#include <string>

#include <catch2/catch.hpp>
#include <unistd.h>

#include "process_files.h"
#include "process_names.h"

using namespace throttlelens;

namespace {

// Fields from state on: 11 that do not matter, utime, stime, 6 more, the start, and what follows.
std::string line(const std::string& pid, const std::string& comm, const std::string& utime,
                 const std::string& stime, const std::string& started) {
  return pid + " (" + comm + ") S 1 2 3 0 -1 4194560 100 0 0 0 " + utime + " " + stime +
         " 7 8 20 0 5 0 " + started + " 1000000 200 18446744073709551615\n";
}

}  // namespace

TEST_CASE("a process's line is read") {
  const auto stat = parse_process_stat(line("4321", "containerd-shim", "150", "50", "987654"));
  REQUIRE(stat);
  CHECK(stat->pid == 4321);
  CHECK(stat->comm == "containerd-shim");
  CHECK(stat->cpu == 200);
  CHECK(stat->started == 987654);
}

TEST_CASE("a process may call itself what it likes") {
  for (const std::string name : {") S 1 2 3", "a b", "(", ")", "((x))", "x) (y", "a\nb", "",
                                 "1 (2) S 1 1 1 1 1", "\xff\xfe"}) {
    INFO(name);
    const auto stat = parse_process_stat(line("77", name, "1", "2", "3"));
    REQUIRE(stat);
    CHECK(stat->comm == name);
    CHECK(stat->cpu == 3);
    CHECK(stat->started == 3);
  }
}

TEST_CASE("what is no such line is not taken for one") {
  for (const std::string& text :
       {std::string(), std::string("\n"), std::string("12"), std::string("12 (sh"),
        std::string("12 (sh) "), std::string("12 (sh) S 1 2 3"), std::string(") ("),
        std::string(5000, '('), std::string(5000, ' '), line("-1", "sh", "1", "2", "3"),
        line("0", "sh", "1", "2", "3"), line("99999999999", "sh", "1", "2", "3"),
        line("12", "sh", "-1", "2", "3"), line("12", "sh", "1", "x", "3"),
        line("12", "sh", "1", "2", "99999999999999999999"), line("12x", "sh", "1", "2", "3")}) {
    INFO(text.substr(0, 80));
    CHECK_FALSE(parse_process_stat(text));
  }
}

TEST_CASE("a line that ends right after the start will do") {
  std::string text = line("12", "sh", "1", "2", "33");
  text.resize(text.find(" 1000000"));
  const auto stat = parse_process_stat(text);
  REQUIRE(stat);
  CHECK(stat->started == 33);
}

TEST_CASE("a process is known by its pid and the tick it was started in") {
  const ProcessStat stat{.pid = 5, .comm = {}, .cpu = 0, .started = 100};
  const Nanoseconds tick = ticks(1);
  CHECK(is_same_process(stat, {.pid = 5, .started = tick * 100}));
  CHECK(is_same_process(stat, {.pid = 5, .started = tick * 101 - Nanoseconds(1)}));
  CHECK_FALSE(is_same_process(stat, {.pid = 5, .started = tick * 101}));
  CHECK_FALSE(is_same_process(stat, {.pid = 5, .started = tick * 100 - Nanoseconds(1)}));
  CHECK_FALSE(is_same_process(stat, {.pid = 6, .started = tick * 100}));
}

TEST_CASE("arguments are cut, not refused; what is gone has none") {
  std::string dir = (std::filesystem::temp_directory_path() / "tl-proc-XXXXXX").string();
  REQUIRE(::mkdtemp(dir.data()) != nullptr);
  std::filesystem::create_directory(dir + "/12");
  std::ofstream(dir + "/12/cmdline", std::ios::binary) << std::string(100'000, 'a');
  std::ofstream(dir + "/12/stat") << line("13", "sh", "1", "2", "3");
  CHECK(read_arguments(dir, 12, 1024) == std::string(1024, 'a'));
  CHECK(read_arguments(dir, 13, 1024).empty());
  CHECK_FALSE(read_process_stat(dir, 12));  // it is another's
  CHECK_FALSE(read_process_stat(dir, 13));
  std::ofstream(dir + "/12/stat") << line("12", "sh", "1", "2", "3");
  CHECK(read_process_stat(dir, 12));
  std::filesystem::remove_all(dir);
}

TEST_CASE("programs are known by their whole name, shims by its beginning") {
  CHECK(kind_of_program("containerd-shim") == ProcessKind::shim);
  CHECK(kind_of_program("containerd-shim-runc-v2") == ProcessKind::shim);
  CHECK(kind_of_program("containerd") == ProcessKind::service);
  CHECK(kind_of_program("conmon") == ProcessKind::monitor);
  CHECK(kind_of_program("runc") == ProcessKind::helper);
  for (const char* other : {"", "runcible", "run", "containerd-shi", "containerdx", "conmonr"}) {
    INFO(other);
    CHECK_FALSE(kind_of_program(other));
  }
}
