// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstdint>

#include <catch2/catch.hpp>

#include "request.h"

namespace throttlelens::accounts {
namespace {

using Scale = CpuWeight::Scale;

CpuWeight shares(std::uint64_t value) {
  return {.scale = Scale::shares, .value = value};
}
CpuWeight weight(std::uint64_t value) {
  return {.scale = Scale::weight, .value = value};
}

TEST_CASE("both mappings from shares to weight, as runc and crun have them") {
  // Least, default and most; the others are from the table of Kubernetes' documentation on cgroup
  // v2.
  CHECK(weight_of(2, WeightMapping::linear) == 1);
  CHECK(weight_of(1024, WeightMapping::linear) == 39);
  CHECK(weight_of(262144, WeightMapping::linear) == 10000);
  CHECK(weight_of(102, WeightMapping::linear) == 4);
  CHECK(weight_of(2, WeightMapping::log) == 1);
  CHECK(weight_of(1024, WeightMapping::log) == 100);
  CHECK(weight_of(262144, WeightMapping::log) == 10000);
  CHECK(weight_of(102, WeightMapping::log) == 17);
  // What is out of range is what the kernel would make of it.
  CHECK(weight_of(0, WeightMapping::log) == 1);
  CHECK(weight_of(1U << 30U, WeightMapping::linear) == 10000);
}

TEST_CASE("weights rise with shares and never leave their range") {
  const auto mapping = GENERATE(WeightMapping::linear, WeightMapping::log);
  std::uint64_t before = 1;
  for (std::uint64_t s = 2; s <= 262144; s += 1 + s / 97) {
    const std::uint64_t w = weight_of(s, mapping);
    CHECK(w >= before);
    CHECK(w <= 10000);
    before = w;
  }
}

TEST_CASE("the mapping a node uses shows where only one of them fits") {
  CHECK(mapping_of(1024, 39) == WeightMapping::linear);
  CHECK(mapping_of(512, weight_of(512, WeightMapping::log)) == WeightMapping::log);
  CHECK_FALSE(mapping_of(1024, 100));  // where every cgroup begins
  CHECK_FALSE(mapping_of(1024, 55));
  CHECK_FALSE(mapping_of(2, 1));
}

TEST_CASE("v1: the request is what cpu.shares says now") {
  const auto request = request_of({.shares = 256, .weight = shares(512), .kubernetes = true});
  CHECK(request == CpuRequest{.cores = 0.5, .source = "shares"});
  CHECK(request_of({.shares = {}, .weight = shares(128), .kubernetes = true})->cores == 0.125);
  CHECK_FALSE(request_of({.shares = 2, .weight = shares(2), .kubernetes = true}));
}

TEST_CASE("outside of Kubernetes the default weight is no request") {
  CHECK_FALSE(request_of({.shares = {}, .weight = shares(1024)}));
  CHECK_FALSE(request_of({.shares = 0, .weight = weight(100)}));
  CHECK(request_of({.shares = 512, .weight = shares(512)})->cores == 0.5);
}

TEST_CASE("v2: the bundle's shares count while the weight is theirs by either mapping") {
  for (const std::uint64_t live : {39U, 100U}) {
    CHECK(request_of({.shares = 1024, .weight = weight(live), .kubernetes = true}) ==
          CpuRequest{.cores = 1, .source = "shares"});
  }
  CHECK_FALSE(request_of({.shares = 2, .weight = weight(1), .kubernetes = true}));
}

TEST_CASE("v2: where the mapping is known the other one explains nothing") {
  // 290m by the new mapping is 39, which by the old one is a whole core.
  const auto request = request_of(
      {.shares = 1024, .weight = weight(39), .kubernetes = true, .mapping = WeightMapping::log});
  REQUIRE(request);
  CHECK(request->source == "weight_log");
  CHECK(request->cores == Approx(0.29).margin(0.02));
}

TEST_CASE("v2: a weight that was changed is computed back by the node's mapping, and says so") {
  const auto mapping = GENERATE(WeightMapping::linear, WeightMapping::log);
  for (const std::uint64_t wanted : {128U, 250U, 512U, 1024U, 2048U, 8192U, 100000U}) {
    const std::uint64_t live = weight_of(wanted, mapping);
    const auto request =
        request_of({.shares = 3, .weight = weight(live), .kubernetes = true, .mapping = mapping});
    REQUIRE(request);
    CHECK(request->source == (mapping == WeightMapping::linear ? "weight_linear" : "weight_log"));
    // As near as whole weights allow: a weight next to it is a request further away.
    const auto off = [&](std::uint64_t s) {
      return std::abs(static_cast<double>(s) / 1024 - request->cores);
    };
    CHECK(weight_of(static_cast<std::uint64_t>(std::lround(request->cores * 1024)), mapping) >=
          live - 1);
    CHECK(off(wanted) * 1024 <=
          (mapping == WeightMapping::linear ? 27.0 : 0.06 * static_cast<double>(wanted) + 2));
  }
  CHECK_FALSE(request_of({.shares = 512, .weight = weight(1), .kubernetes = true}));
}

TEST_CASE("without the kernel's file the bundle is all there is") {
  CHECK(request_of({.shares = 512, .weight = {}, .kubernetes = true}) ==
        CpuRequest{.cores = 0.5, .source = "bundle"});
  CHECK_FALSE(request_of({.shares = {}, .weight = {}, .kubernetes = true}));
}

}  // namespace
}  // namespace throttlelens::accounts
