// SPDX-License-Identifier: Apache-2.0
// Which marks of the past are kept: the younger, the closer together.
#pragma once

#include <memory>

#include "base/units.h"
#include "model/mark.h"

namespace throttlelens::accounts {

/// With the newest, and without those that nobody needs any more: each of the last 10 s is kept,
/// the first of every 5 s up to a minute, the first of every 30 s beyond, and one that is `history`
/// old or older. What was the peak until a dropped one is part of the peak until the next.
Marks with_newest(const Marks& marks, std::shared_ptr<const Mark> newest, Nanoseconds history);

}  // namespace throttlelens::accounts
