// SPDX-License-Identifier: Apache-2.0
// Counters made up by a test, and the cpustat source on them at times the test gives.
#pragma once

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "probe/source.h"

namespace throttlelens::test {

class FakeCounters final : public CgroupCounters {
 public:
  Result<Nanoseconds> usage(CgroupKey key) override {
    ++usage_reads;
    if (const auto fails = failing.find(key.id); fails != failing.end()) {
      return std::unexpected(os_error("read", "fake", fails->second));
    }
    const auto it = used.find(key.id);
    if (it == used.end()) return std::unexpected(os_error("read", "fake", ENOENT));
    return it->second;
  }
  Result<Bandwidth> bandwidth(CgroupKey key) override {
    ++bandwidth_reads;
    const auto it = bandwidths.find(key.id);
    if (it == bandwidths.end()) return std::unexpected(os_error("read", "fake", ENOENT));
    return it->second;
  }
  std::map<std::uint64_t, Nanoseconds> used;
  std::map<std::uint64_t, Bandwidth> bandwidths;
  std::map<std::uint64_t, int> failing;  ///< error of the next readings of usage
  int usage_reads = 0;
  int bandwidth_reads = 0;
};

inline CgroupNode node(std::uint64_t id, std::uint64_t parent, std::string path) {
  return {.key = {id}, .parent = {parent}, .path = std::move(path)};
}

inline TreeChanges appeared(std::vector<CgroupNode> nodes) {
  return {.appeared = std::move(nodes), .gone = {}, .limits_changed = {}, .weights_changed = {}};
}

inline TreeChanges gone(std::vector<CgroupKey> keys) {
  return {.appeared = {}, .gone = std::move(keys), .limits_changed = {}, .weights_changed = {}};
}

struct Bench {
  explicit Bench(std::uint32_t most = 100) {
    SourceOptions options;
    options.max_cgroups = most;
    source = make_cpustat_source(options, ProbeInfo{}, counters);
  }
  std::vector<WindowBatch> at(Nanoseconds now, const TreeChanges& tree = {}) {
    auto batches = source->collect(MonoTime{now}, tree);
    REQUIRE(batches);
    return std::move(*batches);
  }
  WindowBatch one(Nanoseconds now, const TreeChanges& tree = {}) {
    auto batches = at(now, tree);
    REQUIRE(batches.size() == 1);
    return std::move(batches.front());
  }
  FakeCounters counters;
  std::unique_ptr<Source> source;
};

inline Nanoseconds used(const WindowBatch& batch, std::uint64_t id) {
  Nanoseconds sum{0};
  for (const CgroupUse& use : batch.use) {
    CHECK(use.used.count() > 0);
    if (use.key.id == id) sum += use.used;
  }
  return sum;
}

inline Nanoseconds corrected(const WindowBatch& batch, std::uint64_t id) {
  Nanoseconds sum{0};
  for (const UsageCorrection& correction : batch.corrections) {
    if (correction.key.id == id) sum += correction.missed;
  }
  return sum;
}

inline bool is_unknown(const WindowBatch& batch, std::uint64_t id) {
  return std::ranges::find(batch.unknown, CgroupKey{id}) != batch.unknown.end();
}

inline const TreeChanges kRootAndA = appeared({node(1, 0, "/"), node(2, 1, "/a")});

}  // namespace throttlelens::test
