// SPDX-License-Identifier: Apache-2.0
#include "web_watch.h"

#include <chrono>
#include <utility>

namespace throttlelens {

WebWatch::WebWatch(WebReloader reloader)
    : reloader_(std::move(reloader)), thread_([this](const std::stop_token& stop) { run(stop); }) {}

void WebWatch::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    reloader_.turn();
    wake_.wait_for(lock, stop, std::chrono::seconds(1), [] { return false; });
  }
}

}  // namespace throttlelens
