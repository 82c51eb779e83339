// SPDX-License-Identifier: Apache-2.0
// A thread that lets a WebReloader look once a second: opening files and checking certificates must
// delay neither the sampler nor a scrape.
#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

#include "web_reloader.h"

namespace throttlelens {

class WebWatch {
 public:
  explicit WebWatch(WebReloader reloader);
  WebWatch(const WebWatch&) = delete;
  WebWatch& operator=(const WebWatch&) = delete;

 private:
  void run(const std::stop_token& stop);

  WebReloader reloader_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;  ///< last, so that all it uses is there
};

}  // namespace throttlelens
