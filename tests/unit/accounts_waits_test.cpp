// SPDX-License-Identifier: Apache-2.0
// Waits on their way from the timeline's readings to the rows: totals over restarts, windows, what
// lies above a row, and the reason.
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <catch2/catch.hpp>

#include "accounts/accounts.h"

namespace throttlelens {
namespace {

using namespace std::chrono_literals;

constexpr CgroupKey kRoot{1};
constexpr CgroupKey kPod{11};
constexpr CgroupKey kWeb{13};
constexpr CgroupKey kWebAgain{14};

/// Durations all different, so that a field in another's place is seen.
WaitTotals totals(std::uint64_t n) {
  WaitTotals waits;
  waits.throttle = n * 1ms;
  waits.contention = n * 2ms;
  waits.throttled_while_idle = n * 3ms;
  waits.lost = n * 4ms;
  waits.throttle_waits.buckets[1] = n;
  waits.throttle_waits.sum = n * 5ms;
  waits.contention_waits.buckets[2] = 10 * n;
  waits.contention_waits.sum = n * 6ms;
  for (std::size_t level = 0; level < kThrottleLevels; ++level) {
    waits.episodes[level].buckets[level] = (level + 3) * n;
    waits.episodes[level].sum = (level + 7) * n * 1ms;
  }
  return waits;
}

WaitAmounts waited(Nanoseconds throttle, Nanoseconds contention = 0ns) {
  WaitAmounts waits;
  waits.throttle = throttle;
  waits.contention = contention;
  return waits;
}

/// Plays the rooms around: what a test says of a cgroup is what the timeline has read of it.
class Waiting {
 public:
  Waiting() : accounts_(options()) {
    appear(kRoot, {}, "/");
    appear(kPod, kRoot, "/pod");
    WindowBatch batch;
    batch.node.cpus_online = 4;
    accounts_.apply(batch, now_);
    reading_.node = {{100ms, 400ms, {}}, {1s, 4s, {}}};
  }

  static AccountsOptions options() {
    AccountsOptions options;
    options.reported = {100ms, 1s};
    options.keep_dead = 60s;
    return options;
  }

  void appear(CgroupKey key, CgroupKey parent, const std::string& path) {
    WindowBatch batch;
    batch.appeared.push_back({.key = key, .parent = parent, .path = path, .usage_before = 0ns});
    accounts_.apply(batch, now_);
    series_[key] = {.key = key,
                    .total = 1s,
                    .windows = {{100ms, 10ms, {}, {}}, {1s, 100ms, {}, {}}},
                    .limit_ratio = {},
                    .waits = {},
                    .peak = {}};
  }
  void name(CgroupKey key, CgroupKey pod_cgroup, ContainerRole role = ContainerRole::application) {
    auto identity = std::make_shared<ContainerIdentity>();
    identity->role = role;
    identity->from_files = true;
    identity->container = "web";
    identity->container_id = std::to_string(key.id);
    identity->pod_namespace = "shop";
    identity->pod = "cart-0";
    identity->pod_cgroup = pod_cgroup;
    accounts_.identify({{.key = key, .identity = identity}}, {}, now_);
  }
  void limit(CgroupKey key, std::optional<CpuLimit> limit) {
    WindowBatch batch;
    Bandwidth bandwidth;
    bandwidth.limit = limit;
    batch.bandwidth.push_back({.key = key, .value = bandwidth});
    accounts_.apply(batch, now_);
  }
  void gone(CgroupKey key) {
    accounts_.identify({}, {key}, now_);
    WindowBatch batch;
    batch.gone.push_back(key);
    accounts_.apply(batch, now_);
  }
  void pass(Nanoseconds time) {
    now_.since_boot += time;
    const auto last = [this](CgroupKey key) -> std::optional<SeriesReading> {
      const auto found = series_.find(key);
      return found == series_.end() ? std::nullopt : std::optional(found->second);
    };
    for (const CgroupKey key : accounts_.take_ended(now_, last)) series_.erase(key);
  }
  std::shared_ptr<const Snapshot> look() {
    reading_.cgroups.clear();
    for (const auto& [key, one] : series_) reading_.cgroups.push_back(one);
    return accounts_.snapshot(reading_, {}, {}, {}, now_);
  }
  CgroupRow web() { return look()->containers.at(0).cpu; }
  SeriesReading& series(CgroupKey key) { return series_.at(key); }
  TimelineReading& reading() { return reading_; }

 private:
  Accounts accounts_;
  MonoTime now_{1000s};
  std::map<CgroupKey, SeriesReading> series_;
  TimelineReading reading_;
};

TEST_CASE("a row's waits are the timeline's, and absent where it tells none") {
  Waiting node;
  node.series(kPod).waits = totals(1);
  const auto seen = node.look();
  CHECK_FALSE(seen->cgroups.at(0).waits);
  CHECK(seen->cgroups.at(1).waits == totals(1));
}

TEST_CASE("waits of one name add up over restarts, each field to its own") {
  Waiting node;
  node.appear(kWeb, kPod, "/pod/web");
  node.name(kWeb, kPod);
  node.series(kWeb).waits = totals(3);
  node.series(kWeb).windows[1].waits = waited(1ms);
  node.gone(kWeb);
  node.pass(5s);
  CHECK(node.web().waits == totals(3));
  node.appear(kWebAgain, kPod, "/pod/web-again");
  node.name(kWebAgain, kPod);
  node.series(kWebAgain).waits = totals(4);
  node.series(kWebAgain).windows[1].waits = waited(2ms);
  // The same while the row of the first is kept and after it ended.
  for (int i = 0; i < 2; ++i) {
    CHECK(node.web().waits == totals(7));
    CHECK(node.web().windows.at(1).waits->throttle == 2ms);
    node.pass(60s);
  }
}

TEST_CASE("what only one of a name knows is known") {
  Waiting node;
  node.appear(kWeb, kPod, "/pod/web");
  node.name(kWeb, kPod);
  node.appear(kWebAgain, kPod, "/pod/web-again");
  node.name(kWebAgain, kPod);
  CHECK_FALSE(node.web().waits);
  node.series(kWeb).waits = totals(3);
  CHECK(node.web().waits == totals(3));
  node.series(kWebAgain).waits = totals(4);
  node.series(kWebAgain).waits->lost.reset();
  CHECK(node.web().waits->lost == 12ms);
  CHECK(node.web().waits->throttle == 7ms);
  node.series(kWeb).waits->lost.reset();
  CHECK_FALSE(node.web().waits->lost);
}

TEST_CASE("waits stop at what a number can hold") {
  Waiting node;
  for (const CgroupKey key : {kWeb, kWebAgain}) {
    node.appear(key, kPod, "/pod/" + std::to_string(key.id));
    node.name(key, kPod);
    WaitTotals& waits = node.series(key).waits.emplace();
    waits.throttle = waits.contention = waits.throttled_while_idle = Nanoseconds::max();
    waits.lost = Nanoseconds::max();
  }
  const WaitTotals waits = node.web().waits.value();
  CHECK(waits.throttle == Nanoseconds::max());
  CHECK(waits.contention == Nanoseconds::max());
  CHECK(waits.throttled_while_idle == Nanoseconds::max());
  CHECK(waits.lost == Nanoseconds::max());
}

TEST_CASE("a removed cgroup keeps its waits as long as its row") {
  Waiting node;
  node.series(kPod).waits = totals(1);
  node.gone(kPod);
  node.pass(59s);
  CHECK(node.look()->cgroups.at(1).waits == totals(1));
  node.pass(1s);
  CHECK(node.look()->cgroups.size() == 1);
}

TEST_CASE("a row knows whether its pod is right above it") {
  Waiting node;
  node.appear(kWeb, kPod, "/pod/web");
  SECTION("a container right below its pod") {
    node.name(kWeb, kPod);
    CHECK(node.web().standing == Standing::pod_container);
    const auto seen = node.look();
    CHECK(seen->pods.at(0).cpu.standing == Standing::cgroup);
    for (const CgroupRow& row : seen->cgroups) CHECK(row.standing == Standing::cgroup);
  }
  SECTION("a container further below its pod") {
    node.name(kWeb, kRoot);
    CHECK(node.web().standing == Standing::container);
  }
  SECTION("a container without a pod") {
    node.name(kWeb, {});
    CHECK(node.web().standing == Standing::container);
  }
  SECTION("a container that has nothing above it, and no pod") {
    node.name(kRoot, {});
    CHECK(node.web().standing == Standing::container);
  }
  SECTION("what watches a container is none") {
    node.name(kWeb, kPod, ContainerRole::monitor);
    CHECK(node.look()->cgroups.at(2).standing == Standing::cgroup);
  }
}

TEST_CASE("the quota of a pod is its container's own when both are the same") {
  Waiting node;
  node.appear(kWeb, kPod, "/pod/web");
  node.name(kWeb, kPod);
  node.series(kWeb).windows[1].waits = WaitAmounts{
      .throttle = 1s, .contention = 0s, .throttled = 100ms, .level = ThrottleLevel::parent};
  constexpr CpuLimit kLimit{.quota = 20ms, .period = 100ms};
  CHECK(node.web().why == Why::pod_quota);
  node.limit(kPod, kLimit);
  CHECK(node.web().why == Why::pod_quota);
  node.limit(kWeb, kLimit);
  CHECK(node.web().why == Why::quota);
  node.limit(kWeb, CpuLimit{.quota = 10ms, .period = 100ms});
  CHECK(node.web().why == Why::pod_quota);
  node.limit(kWeb, std::nullopt);
  CHECK(node.web().why == Why::pod_quota);
}

TEST_CASE("the reason is that of the longest window, wherever it stands") {
  Waiting node;
  node.appear(kWeb, kPod, "/pod/web");
  node.name(kWeb, kPod);
  auto& windows = node.series(kWeb).windows;
  CHECK_FALSE(node.web().why);
  windows[0].waits = WaitAmounts{
      .throttle = 1s, .contention = 0s, .throttled = 100ms, .level = ThrottleLevel::own};
  CHECK_FALSE(node.web().why);
  windows[1].waits = WaitAmounts{};
  CHECK(node.web().why == Why::fine);
  windows[1].waits = WaitAmounts{
      .throttle = 1s, .contention = 0s, .throttled = 100ms, .level = ThrottleLevel::parent};
  CHECK(node.web().why == Why::pod_quota);
  std::swap(windows[0], windows[1]);
  CHECK(node.web().why == Why::pod_quota);
  windows[0].last.reset();
  CHECK_FALSE(node.web().why);
  windows.clear();
  CHECK_FALSE(node.web().why);
}

TEST_CASE("the reason takes what the node did in the same window") {
  Waiting node;
  auto& windows = node.series(kPod).windows;
  windows[1].waits = waited(0s, 1s);
  const auto why = [&] { return node.look()->cgroups.at(1).why; };
  CHECK(why() == Why::neighbours);
  node.reading().node[1].busy = 100ms;
  CHECK(why() == Why::own_threads);
  node.reading().node = {{100ms, 0ms, {}}};
  CHECK(why() == Why::neighbours);
}

}  // namespace
}  // namespace throttlelens
