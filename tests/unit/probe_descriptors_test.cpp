// SPDX-License-Identifier: Apache-2.0
// The BPF source without descriptors: says so, whatever the kernel and libbpf would make of it.
#include <cerrno>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "probe_cpustat_fake.h"

using namespace throttlelens;
using namespace throttlelens::test;

namespace {

/// Leaves this process a few descriptors until the end of the scope.
class FewDescriptors {
 public:
  explicit FewDescriptors(int few) {
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    const int next = ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
    REQUIRE(next >= 0);
    ::close(next);
    rlimit lowered = before_;
    lowered.rlim_cur = static_cast<rlim_t>(next + few);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &lowered) == 0);
  }
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("too few descriptors for BPF are named as such, with what to do") {
  const int few = GENERATE(0, 3, 11, 15, 17, 31);
  CAPTURE(few);
  FakeCounters counters;
  Result<std::unique_ptr<Source>> source = nullptr;
  {
    const FewDescriptors limited(few);
    source = make_bpf_source({}, ProbeInfo{}, counters);
  }
  REQUIRE_FALSE(source);
  CHECK(source.error().code == EMFILE);
  const std::string message = source.error().message();
  CHECK(
      message.starts_with("cannot load the BPF programs: Too many open files, they need 32 file "
                          "descriptors, there is room for "));
  CHECK(message.ends_with(" (raise LimitNOFILE, or ulimit -n)"));
}
