// SPDX-License-Identifier: Apache-2.0
// The tree and the cpustat source on the real cgroupfs, with cgroups of our own.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <iterator>
#include <optional>
#include <thread>

#include <catch2/catch.hpp>
#include <poll.h>

#include "base/clock.h"
#include "cgroup/cgroup_tree.h"
#include "probe/source.h"
#include "scoped_cgroup.h"

using namespace throttlelens;
using namespace throttlelens::test;
using namespace std::chrono_literals;

namespace {

// Other programs make cgroups too: only what is ours is looked at.
struct Ours {
  TreeChanges changes;
  std::vector<std::string> appeared;
};

class RealTree {
 public:
  explicit RealTree(const std::string& ours) : ours_(ours) {
    INFO(ScopedCgroup::unavailable());
    auto tree = CgroupTree::open({});
    REQUIRE(tree);
    tree_ = std::move(*tree);
  }
  CgroupTree& operator*() { return *tree_; }
  CgroupTree* operator->() { return tree_.get(); }
  Ours look() {
    auto changes = tree_->changes();
    REQUIRE(changes);
    Ours out{.changes = std::move(*changes), .appeared = {}};
    for (const CgroupNode& node : out.changes.appeared) {
      if (node.path == ours_ || node.path.starts_with(ours_ + "/")) {
        out.appeared.push_back(node.path.substr(ours_.size()));
      }
    }
    return out;
  }
  bool readable(int milliseconds) const {
    pollfd poll{.fd = tree_->notify_fd(), .events = POLLIN, .revents = 0};
    return ::poll(&poll, 1, milliseconds) == 1;
  }

 private:
  std::string ours_;
  std::unique_ptr<CgroupTree> tree_;
};

bool has(const std::vector<CgroupKey>& keys, CgroupKey key) {
  return std::ranges::find(keys, key) != keys.end();
}

}  // namespace

TEST_CASE("a real cgroup comes, is limited, goes, and is another one when made again") {
  ScopedCgroup top;
  RealTree tree(top.path());
  const Ours first = tree.look();
  CHECK(first.appeared == std::vector<std::string>{""});
  CHECK(first.changes.appeared.front().path == "/");

  ScopedCgroup child = top.child(std::string("\xff\xfe ") + std::string(200, 'n'));
  CHECK(tree.readable(0));
  CHECK(tree.look().appeared.size() == 1);
  const CgroupKey old = child.key();
  REQUIRE(tree->bandwidth(old));
  CHECK_FALSE(tree->bandwidth(old)->limit);
  CHECK(tree->usage(old));

  const CpuLimit limit{.quota = 50ms,
                       .period = 20ms,
                       .burst = child.has_burst() ? Nanoseconds(10ms) : Nanoseconds(0)};
  child.set_limit(limit);
  const Ours limited = tree.look();
  CHECK(std::ranges::count(limited.changes.limits_changed, old) == 1);
  CHECK(tree->bandwidth(old)->limit == limit);
  CHECK(tree->bandwidth(old)->nr_bursts.has_value() == child.stat_field("nr_bursts").has_value());
  child.clear_limit();
  CHECK(has(tree.look().changes.limits_changed, old));
  CHECK_FALSE(tree->bandwidth(old)->limit);

  ScopedChild process;
  child.add_process(process.pid());
  CHECK_FALSE(has(tree.look().changes.limits_changed, old));

  child.remove();
  CHECK_FALSE(tree->usage(old));
  child.create();
  const Ours again = tree.look();
  CHECK(has(again.changes.gone, old));
  REQUIRE(again.appeared.size() == 1);
  CHECK(child.key() != old);
  CHECK(tree->usage(child.key()));
  CHECK(tree->usage(old).error().code == ENOENT);
}

TEST_CASE("the real root has usage and no bandwidth") {
  RealTree tree("/");
  const CgroupKey root = tree.look().changes.appeared.front().key;
  REQUIRE(tree->usage(root));
  CHECK(*tree->usage(root) > 0ns);
  REQUIRE_FALSE(tree->bandwidth(root));
  CHECK(tree->bandwidth(root).error().code == ENOENT);
}

TEST_CASE("a real cgroup in the cpu hierarchy only") {
  ScopedCgroup top;
  ScopedCgroup half = top.cpu_only_child("half");
  if (half.usage_dir() == half.cpu_dir()) return;  // one hierarchy does both here
  RealTree tree(top.path());
  tree.look();
  CHECK(tree->usage(half.key()).error().code == ENOENT);
  CHECK(tree->bandwidth(half.key()));
}

TEST_CASE("more events than the kernel queues: nothing is lost") {
  ScopedCgroup top;
  ScopedCgroup busy = top.child("busy");
  ScopedCgroup other = top.child("other");
  ScopedCgroup victim = top.child("victim");
  RealTree tree(top.path());
  tree.look();
  const CgroupKey gone = victim.key();
  REQUIRE(tree->bandwidth(busy.key()));

  // Two by turns, because the kernel folds equal neighbours into one.
  int queue = 0;
  std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> queue;
  REQUIRE(queue > 0);
  const CpuLimit limit{.quota = 20ms, .period = 100ms, .burst = 0ns};
  for (int i = 0; i < queue / 2 + 100; ++i) {
    busy.set_limit(limit);
    other.set_limit(limit);
  }
  victim.remove();
  ScopedCgroup late = top.child("late");
  ScopedCgroup below = late.child("below");
  Ours after = tree.look();
  for (int i = 0; i < 20 && tree.readable(0); ++i) {
    const Ours more = tree.look();
    after.appeared.insert(after.appeared.end(), more.appeared.begin(), more.appeared.end());
    std::ranges::copy(more.changes.gone, std::back_inserter(after.changes.gone));
  }
  CHECK(after.appeared == std::vector<std::string>{"/late", "/late/below"});
  CHECK(has(after.changes.gone, gone));
  CHECK(tree->bandwidth(busy.key())->limit == limit);
}

namespace {

// A cpustat source on the real tree and what it said about one cgroup.
class Followed {
 public:
  Followed(const ScopedCgroup& group, Nanoseconds base)
      : key_(group.key()), base_(base), tree_(group.path()) {
    SourceOptions options;
    options.base = base;
    source_ = make_cpustat_source(options, ProbeInfo{}, *tree_);
  }
  void collect() {
    const auto changes = tree_->changes();
    REQUIRE(changes);
    const auto batches = source_->collect(clock_.now(), *changes);
    REQUIRE(batches);
    for (const WindowBatch& batch : *batches) {
      ended = MonoTime{base_ * static_cast<Nanoseconds::rep>(batch.first + batch.count)};
      for (const CgroupAppeared& a : batch.appeared) {
        if (a.key == key_) before = a.usage_before;
      }
      for (const CgroupUse& use : batch.use) {
        if (use.key == key_) sum += use.used;
      }
      for (const BandwidthSample& sample : batch.bandwidth) {
        if (sample.key == key_) bandwidth = sample.value;
      }
    }
  }
  /// Until a window has ended after a reading that is taken now or later.
  void settle() {
    collect();
    const MonoTime read = clock_.now();
    while (ended <= read) {
      std::this_thread::sleep_for(base_ / 10);
      collect();
    }
  }

  std::optional<Nanoseconds> before;
  Nanoseconds sum{0};
  std::optional<Bandwidth> bandwidth;
  MonoTime ended{};

 private:
  CgroupKey key_;
  Nanoseconds base_;
  RealTree tree_;
  std::unique_ptr<Source> source_;
  SystemClock clock_;
};

}  // namespace

TEST_CASE("windows of a real load add up to the kernel's counter") {
  ScopedCgroup top;
  ScopedCgroup group = top.child("load");
  ScopedChild process;
  group.add_process(process.pid());
  Followed followed(group, 20ms);
  followed.collect();
  for (int i = 0; i < 20; ++i) {
    process.burn(15ms);
    followed.collect();
  }
  process.stop();
  followed.settle();
  REQUIRE(followed.before);
  CHECK(*followed.before + followed.sum == group.usage());
  CHECK(group.usage() >= 20 * 15ms);
}

TEST_CASE("throttling of a real load reaches the batches") {
  ScopedCgroup top;
  ScopedCgroup group = top.child("limited");
  const CpuLimit limit{.quota = 5ms, .period = 20ms, .burst = 0ns};
  group.set_limit(limit);
  ScopedChild process;
  group.add_process(process.pid());
  Followed followed(group, 50ms);
  followed.collect();
  process.burn(60ms);
  process.stop();
  // The period timer goes on for a moment: what stood still around a reading is what it read.
  std::string text;
  do {
    text = group.stat_text();
    followed.settle();
  } while (text != group.stat_text());
  REQUIRE(followed.bandwidth);
  const Bandwidth& last = *followed.bandwidth;
  CHECK(last.limit == limit);
  CHECK(last.nr_throttled > 0);
  CHECK(last.nr_throttled == group.stat_field("nr_throttled"));
  CHECK(last.nr_periods == group.stat_field("nr_periods"));
  const auto usec = group.stat_field("throttled_usec");
  const auto nsec = group.stat_field("throttled_time");
  CHECK(last.throttled_time ==
        (usec ? Nanoseconds(std::chrono::microseconds(*usec)) : Nanoseconds(nsec.value_or(0))));
}
