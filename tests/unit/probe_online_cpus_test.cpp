// SPDX-License-Identifier: Apache-2.0
// Lists of CPUs as the kernel writes them.
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <stdlib.h>
#include <unistd.h>

#include "online_cpus.h"

using namespace throttlelens;

namespace {

using Cpus = std::vector<std::uint32_t>;

// A file of its own with such content.
class File {
 public:
  explicit File(const std::string& content) {
    const int fd = ::mkstemp(name_.data());
    REQUIRE(fd >= 0);
    ::close(fd);
    std::ofstream(name_) << content;
  }
  ~File() { ::unlink(name_.c_str()); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  const std::string& name() const { return name_; }

 private:
  std::string name_ = "/tmp/tl_online_cpus.XXXXXX";
};

// 0 to one below the number that are online.
Cpus counted() {
  Cpus cpus;
  for (std::uint32_t cpu = 0; cpu < ::sysconf(_SC_NPROCESSORS_ONLN); ++cpu) cpus.push_back(cpu);
  return cpus;
}

}  // namespace

TEST_CASE("lists of CPUs as the kernel writes them") {
  CHECK(cpu_list("0\n") == Cpus{0});
  CHECK(cpu_list("0-3,8\n") == Cpus{0, 1, 2, 3, 8});
  CHECK(cpu_list("0-1,4,6-7") == Cpus{0, 1, 4, 6, 7});
}

TEST_CASE("of a list of CPUs that cannot be understood the rest is kept") {
  CHECK(cpu_list("") == Cpus{});
  CHECK(cpu_list("\n\n,,") == Cpus{});
  CHECK(cpu_list("x") == Cpus{});
  CHECK(cpu_list("x,2") == Cpus{2});
  CHECK(cpu_list("5-") == Cpus{5});
  CHECK(cpu_list("-5") == Cpus{});
  CHECK(cpu_list("3-1") == Cpus{});
  CHECK(cpu_list("3-1,4") == Cpus{4});
  CHECK(cpu_list({"1\0,2", 4}) == Cpus{1, 2});
  CHECK(cpu_list("99999999999999999999") == Cpus{});
}

TEST_CASE("a range without end is bounded") {
  const Cpus all = cpu_list("0-4294967295");
  CHECK(all.size() == 65536);
  CHECK(all.back() == 65535);
  CHECK(cpu_list("4294967290-4294967295") == Cpus{});
}

TEST_CASE("the CPUs online are those the kernel lists") {
  CHECK(online_cpus(File("0-2,5\n").name()) == Cpus{0, 1, 2, 5});
  CHECK(online_cpus().size() == counted().size());
}

TEST_CASE("without a list of the kernel CPUs are counted") {
  REQUIRE_FALSE(counted().empty());
  CHECK(online_cpus("/nonexistent/online") == counted());
  CHECK(online_cpus(File("\n0-1\n").name()) == counted());
}
