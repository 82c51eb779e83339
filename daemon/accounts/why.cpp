// SPDX-License-Identifier: Apache-2.0
#include "why.h"

#include "model/waits.h"

namespace throttlelens::accounts {
namespace {

constexpr double kThrottleOfWanted = 0.05;
constexpr double kLeastThrottledOfLength = 0.001;
constexpr double kThrottledOfLength = 0.01;
constexpr double kContentionOfWanted = 0.10;
constexpr double kContentionOfLength = 0.005;
constexpr double kOthersOfNode = 0.10;

bool reaches(Nanoseconds part, double share, Nanoseconds whole) {
  return static_cast<double>(part.count()) >= share * static_cast<double>(whole.count());
}

bool throttle_matters(const WaitAmounts& waits, Nanoseconds wanted, Nanoseconds length) {
  if (!waits.level) return false;  // waits of those below, for their own quota
  return reaches(waits.throttled, kThrottledOfLength, length) ||
         (reaches(waits.throttle, kThrottleOfWanted, wanted) &&
          reaches(waits.throttled, kLeastThrottledOfLength, length));
}

bool contention_matters(const WaitAmounts& waits, Nanoseconds wanted, Nanoseconds length) {
  return reaches(waits.contention, kContentionOfWanted, wanted) &&
         reaches(waits.contention, kContentionOfLength, length);
}

Why whose_quota(ThrottleLevel level, const WhyInput& input) {
  switch (level) {
    case ThrottleLevel::own:
      return Why::quota;
    case ThrottleLevel::parent:
      if (input.same_limit_above) return Why::quota;
      return input.standing == Standing::pod_container ? Why::pod_quota : Why::ancestor_quota;
    case ThrottleLevel::above:
      return Why::ancestor_quota;
  }
  return Why::ancestor_quota;
}

Why who_has_the_cpus(Nanoseconds used, const WhyInput& input) {
  if (!input.node_busy || input.cpus_online == 0) return Why::neighbours;
  const Nanoseconds capacity = input.window.length * input.cpus_online;
  return reaches(*input.node_busy - used, kOthersOfNode, capacity) ? Why::neighbours
                                                                   : Why::own_threads;
}

}  // namespace

std::optional<Why> why_of(const WhyInput& input) {
  const WindowValue& window = input.window;
  if (!window.last || !window.waits || window.length.count() <= 0) return std::nullopt;
  const WaitAmounts& waits = *window.waits;
  const Nanoseconds used = *window.last;
  const Nanoseconds wanted = used + waits.throttle + waits.contention;
  const bool throttle = throttle_matters(waits, wanted, window.length);
  const bool contention = contention_matters(waits, wanted, window.length);
  if (throttle && (!contention || waits.throttle >= waits.contention)) {
    return whose_quota(waits.level.value_or(ThrottleLevel::own), input);
  }
  return contention ? who_has_the_cpus(used, input) : Why::fine;
}

}  // namespace throttlelens::accounts
