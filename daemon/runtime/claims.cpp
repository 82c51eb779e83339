// SPDX-License-Identifier: Apache-2.0
#include "claims.h"

namespace throttlelens::runtime {

bool Claims::is_anothers(const std::string& container, CgroupKey key) const {
  const auto holder = holders_.find(container);
  return holder != holders_.end() && holder->second != key;
}

void Claims::take(const std::string& container, CgroupKey key) {
  release(key);
  held_[key] = &holders_.insert_or_assign(container, key).first->first;
}

void Claims::release(CgroupKey key) {
  const auto held = held_.find(key);
  if (held == held_.end()) return;
  holders_.erase(holders_.find(*held->second));
  held_.erase(held);
}

}  // namespace throttlelens::runtime
