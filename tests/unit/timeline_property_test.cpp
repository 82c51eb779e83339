// SPDX-License-Identifier: Apache-2.0
// Random lives of cgroups, compared with a model that recomputes everything from every window.
#include <array>
#include <map>
#include <random>

#include <catch2/catch.hpp>

#include "timeline_batches.h"
#include "timeline_model.h"

namespace throttlelens::test {
namespace {

class RandomLife {
 public:
  RandomLife(const TimelineOptions& options, unsigned seed)
      : options_(options), random_(seed), timeline_(options), model_(options) {
    next_ = 1000 + below(100);
    tells_waits_ = below(2) == 0;
  }

  void step() {
    WindowBatch batch;
    const unsigned kind = below(100);
    if (kind < 4) next_ += 1 + below(12);  // nobody speaks of these windows
    batch.first = next_;
    if (kind >= 92) {
      batch.missed = true;
      batch.count = 1 + below(kind == 99 ? 400 : 20);
    }
    add_lives(batch);
    for (const auto& [key, cgroup] : model_.cgroups) {
      if (is_unknown(key)) batch.unknown.push_back(key);
      if (is_gone(batch, key) || below(10) < key.id % 10) continue;
      batch.use.push_back({key, use()});
    }
    add_waits(batch);
    apply(batch);
    if (kind == 50) {  // everyone sleeps
      for (unsigned n = below(800); n > 0; --n) {
        apply(tells_waits_ ? with_waits(window(next_)) : window(next_));
      }
    }
  }

  void check() {
    const TimelineReading reading = timeline_.read();
    REQUIRE(reading.cgroups.size() == model_.cgroups.size());
    REQUIRE(reading.last_window + 1 == model_.end());
    for (const SeriesReading& series : reading.cgroups) {
      INFO("cgroup " << series.key.id << " after window " << reading.last_window);
      REQUIRE(series.total == model_.cgroups.at(series.key).total);
      for (std::size_t i = 0; i < options_.reported.size(); ++i) {
        INFO("length " << options_.reported[i].count());
        const WindowValue expected = model_.read(series.key, options_.reported[i]);
        REQUIRE(series.windows[i].length == expected.length);
        REQUIRE(series.windows[i].last == expected.last);
        REQUIRE(series.windows[i].peak == expected.peak);
        REQUIRE(series.windows[i].waits == expected.waits);
      }
      REQUIRE(series.waits == model_.wait_totals(series.key));
      check_ratios(series);
      check_history(series.key);
    }
  }

 private:
  unsigned below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }

  /// From nothing to twice a core, some below a microsecond, some equal to others.
  Nanoseconds use() {
    switch (below(4)) {
      case 0:
        return Nanoseconds(below(1500));
      case 1:
        return Nanoseconds(below(3) * 50'000'000);
      default:
        return Nanoseconds(below(200'000'000));
    }
  }

  /// Now and then for one window, or for longer than anything is remembered.
  bool is_unknown(CgroupKey key) {
    if (key.id % 3 != 0) return below(60) == 0;
    unsigned& left = unknown_left_[key];
    if (left == 0 && below(100) == 0) left = 1 + below(below(2) == 0 ? 5 : 900);
    return left != 0 && left-- != 0;
  }

  static bool is_gone(const WindowBatch& batch, CgroupKey key) {
    return std::ranges::find(batch.gone, key) != batch.gone.end();
  }

  void add_lives(WindowBatch& batch) {
    if (model_.cgroups.size() < 8 && below(5) == 0) {
      const CgroupKey key{++last_key_};
      const std::optional<Nanoseconds> before[] = {0ns, 5s, std::nullopt};
      batch = with_appeared(std::move(batch), key, before[below(3)]);
      if (below(2) == 0) batch = with_limit(std::move(batch), key, cores(0.5));
      batch.use.push_back({key, use()});
    }
    std::vector<CgroupKey> forgotten;
    for (const auto& [key, cgroup] : model_.cgroups) {
      if (cgroup.ended) {
        if (below(40) == 0) forgotten.push_back(key);
        continue;
      }
      if (below(20) == 0) {
        const std::optional<CpuLimit> limits[] = {cores(0.1), cores(0.25), cores(2), std::nullopt};
        batch = with_limit(std::move(batch), key, limits[below(4)]);
      }
      if (below(60) == 0) batch.bandwidth.push_back({key, std::nullopt});
      if (below(50) == 0) batch.corrections.push_back({key, Nanoseconds(below(1000))});
      if (below(300) == 0) batch.gone.push_back(key);
    }
    for (const CgroupKey key : forgotten) {
      timeline_.forget(key);
      model_.cgroups.erase(key);
    }
  }

  /// Of a source that now and then stops telling, of cgroups some of which never wait.
  void add_waits(WindowBatch& batch) {
    if (below(60) == 0) tells_waits_ = !tells_waits_;
    if (!tells_waits_) return;
    batch.waits.emplace();
    batch.waits->lost_known = below(30) != 0;
    for (std::uint64_t id = 1; id <= last_key_ + 1; ++id) {  // some are gone, one is to come
      if (id % 4 == 0) continue;
      while (below(3) == 0) batch.waits->cgroups.push_back(waits_of(CgroupKey{id}));
    }
  }

  CgroupWaits waits_of(CgroupKey key) {
    CgroupWaits told;
    told.key = key;
    told.waits.contention = use();
    if (below(2) == 0) {
      told.waits.throttle = use();
      told.waits.throttled = use();
      told.waits.level = level();
      told.throttled_while_idle = use();
      told.throttle_waits.add(use() * 10);
    }
    told.lost = use();
    for (unsigned n = below(3); n > 0; --n) told.contention_waits.add(use());
    for (unsigned n = below(3); n > 0; --n) told.episodes.push_back({level(), use() * 7});
    if (told.waits.throttled == 0ns) told.waits.level.reset();
    return told;
  }

  ThrottleLevel level() { return static_cast<ThrottleLevel>(below(kThrottleLevels)); }

  void apply(const WindowBatch& batch) {
    timeline_.apply(batch);
    model_.apply(batch);
    next_ = batch.first + batch.count;
  }

  void check_ratios(const SeriesReading& series) {
    const auto expected = model_.ratios(series.key);
    REQUIRE(series.limit_ratio.has_value() == expected.has_value());
    if (!expected) return;
    REQUIRE(series.limit_ratio->buckets == expected->buckets);
    REQUIRE(series.limit_ratio->sum == Approx(expected->sum).margin(1e-9));
  }

  void check_history(CgroupKey key) {
    const auto kept = static_cast<std::uint32_t>(options_.history / options_.base);
    const WindowIndex end = model_.end();
    const WindowIndex from = end > kept + 5 ? end - kept - 5 : 0;
    const auto history = timeline_.history(key, from, kept + 10);
    std::array<Nanoseconds, 4> exact{};
    std::array<Nanoseconds, 4> sum{};
    for (std::uint32_t i = 0; i < history.size(); ++i) {
      const WindowIndex index = from + i;
      std::optional<Nanoseconds> expected;
      if (index + kept >= end && index >= model_.cgroups.at(key).appeared) {
        expected = model_.value(key, index, 1);
      }
      REQUIRE(history[i].has_value() == expected.has_value());
      if (!expected) continue;
      const auto waits = model_.waits(key, index, 1);
      REQUIRE(history[i]->waits.has_value() == waits.has_value());
      if (waits && history[i]->waits->throttled > 0ns) {
        REQUIRE(history[i]->waits->level == waits->level);
      } else if (waits) {
        REQUIRE_FALSE(history[i]->waits->level);
      }
      add(exact, {.used = *expected, .waits = waits});
      add(sum, *history[i]);
      for (std::size_t kind = 0; kind < sum.size(); ++kind) {
        REQUIRE(std::chrono::abs(sum[kind] - exact[kind]) < 1us);
      }
    }
  }

  static void add(std::array<Nanoseconds, 4>& sums, const HistoryWindow& kept) {
    const WaitAmounts waits = kept.waits.value_or(WaitAmounts{});
    const Nanoseconds amounts[] = {kept.used, waits.throttle, waits.contention, waits.throttled};
    for (std::size_t kind = 0; kind < sums.size(); ++kind) sums[kind] += amounts[kind];
  }

  TimelineOptions options_;
  std::mt19937 random_;
  Timeline timeline_;
  NaiveTimeline model_;
  WindowIndex next_ = 0;
  std::uint64_t last_key_ = 0;
  bool tells_waits_ = false;
  std::map<CgroupKey, unsigned> unknown_left_;
};

void live(const TimelineOptions& options, unsigned seed) {
  INFO("seed " << seed);
  RandomLife life(options, seed);
  for (int i = 0; i < 600; ++i) {
    life.step();
    if (i % 7 == 0) life.check();
  }
}

TEST_CASE("random lives agree with the model: the default lengths") {
  live({}, GENERATE(range(1U, 7U)));
}

TEST_CASE("random lives agree with the model: lengths that fit nothing") {
  live({.base = 50ms, .reported = {150ms, 50ms, 700ms, 3s}, .history = 3650ms, .peak_span = 2350ms},
       GENERATE(range(11U, 17U)));
}

TEST_CASE("random lives agree with the model: windows longer than the peak's span") {
  live({.base = 100ms, .reported = {1s, 5s}, .history = 100ms, .peak_span = 1s},
       GENERATE(range(21U, 25U)));
}

}  // namespace
}  // namespace throttlelens::test
