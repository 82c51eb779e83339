// SPDX-License-Identifier: Apache-2.0
// The thread that works out the hashes of passwords, one after the other and addresses in turn, so
// that neither the thread that moves bytes nor the one that makes answers ever does. Wrong ones
// must not cost a whole CPU: after each, it rests for as long as that took.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "login_cache.h"

namespace throttlelens {

enum class LoginVerdict { unknown, right, wrong, not_now };

class LoginChecker {
 public:
  using Check = std::function<bool(const std::string& password, const std::string& hash)>;
  struct Task {
    std::string address;  ///< who asks
    std::string password;
    std::string hash;
    LoginCache::Digest digest{};
    std::function<void(LoginVerdict)> done;  ///< called once, on the thread of the checker
  };

  /// `cache` must outlive it.
  LoginChecker(Check check, LoginCache& cache, std::size_t most);
  ~LoginChecker() { stop(); }
  LoginChecker(const LoginChecker&) = delete;
  LoginChecker& operator=(const LoginChecker&) = delete;

  /// Whether add() takes another one; one thread may ask and add.
  bool has_room() const;
  /// After stop(), `done` is called at once.
  void add(Task task);
  /// Tells all who wait that there is no answer now.
  void stop();

 private:
  struct Address {
    std::string name;
    std::deque<Task> tasks;
  };

  void run();
  /// Of the address whose turn it is, which is the last from then on. There must be one.
  Task take();
  /// Whether the password was wrong and took `spent`.
  bool settle(Task& task, std::chrono::nanoseconds& spent);

  const Check check_;
  LoginCache& cache_;
  const std::size_t most_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Address> turns_;
  std::size_t waiting_ = 0;
  bool stopping_ = false;
  std::thread thread_;  ///< last, so that all it uses is there
};

}  // namespace throttlelens
