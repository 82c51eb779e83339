// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them, and as labels carry them.
#pragma once

#include <string>

#include "base/units.h"

namespace throttlelens {

/// Exact, in the largest unit that leaves no fraction: "100ms", "1s", "1500ms", "5m".
std::string exact_duration(Nanoseconds value);
/// Rounded to two or three digits: "350us", "12ms", "1.5s", "4m10s", "2h05m", "3d4h".
std::string short_duration(Nanoseconds value);
/// Kubernetes' unit: "1250m". One core is 1000m.
std::string millicores(double cores);
/// The same with two digits for what is small: "0.34m", "3.4m", "12m"; "0m" is nothing at all.
std::string fine_millicores(double cores);
/// "29%"; between 0 and 1 percent "<1%", because some is not none.
std::string percent(double ratio);
/// With two digits for what is small: "0.34%", "3.4%", "12%".
std::string fine_percent(double ratio);
/// "0.5MiB", "12.3MiB", "123MiB".
std::string mebibytes(double bytes);

}  // namespace throttlelens
