// SPDX-License-Identifier: Apache-2.0
#include "row_json.h"

#include <cmath>
#include <utility>

#include <nlohmann/json.hpp>

#include "row_values.h"
#include "row_waits.h"
#include "why_word.h"

namespace throttlelens {

namespace {

using Json = nlohmann::ordered_json;

/// All that are known: unlike a series, a 0 costs nothing here.
Json waits_json(const WaitTotals& waits) {
  Json out = Json::object();
  put(out, "throttle_seconds", std::optional(waits.throttle));
  put(out, "contention_seconds", std::optional(waits.contention));
  put(out, "throttled_while_idle_seconds", std::optional(waits.throttled_while_idle));
  put(out, "lost_seconds", waits.lost);
  return out;
}

Json window_json(const WindowValue& window, Standing standing) {
  Json out = Json::object();
  put(out, "seconds", std::optional(window.length));
  put(out, "cores", as_cores(window.last, window.length));
  put(out, "peak_cores", as_cores(window.peak, window.length));
  if (!window.waits) return out;
  put(out, "throttle_wait_seconds", std::optional(window.waits->throttle));
  put(out, "contention_wait_seconds", std::optional(window.waits->contention));
  put(out, "throttled_seconds", std::optional(window.waits->throttled));
  if (window.waits->level) {
    put(out, "throttle_level", row_waits::level_name(standing, *window.waits->level));
  }
  return out;
}

}  // namespace

void put(Json& to, const char* key, std::optional<double> value) {
  if (value && std::isfinite(*value)) to[key] = *value;  // others would become null
}

void put(Json& to, const char* key, std::optional<Nanoseconds> value) {
  put(to, key, as_seconds(value));
}

void put(Json& to, const char* key, std::optional<std::uint64_t> value) {
  if (value) to[key] = *value;
}

void put(Json& to, const char* key, std::string_view text) {
  if (!text.empty()) to[key] = text;
}

void put_numbers(Json& to, const CgroupRow& row, std::optional<double> request) {
  put(to, "limit_cores", row_values::limit_cores(row));
  put(to, "request_cores", request);
  put(to, "usage_seconds", row_values::usage_seconds(row));
  if (const Bandwidth* const shown = row_values::shown_bandwidth(row)) {
    put(to, "periods", std::optional(shown->nr_periods));
    put(to, "throttled_periods", std::optional(shown->nr_throttled));
    put(to, "throttled_seconds", std::optional(shown->throttled_time));
  }
  if (row.why) put(to, "why", why_word(*row.why));
  if (row.waits) to["waits"] = waits_json(*row.waits);
  Json windows = Json::array();
  for (const WindowValue& window : row.windows) {
    windows.push_back(window_json(window, row.standing));
  }
  to["windows"] = std::move(windows);
}

}  // namespace throttlelens
