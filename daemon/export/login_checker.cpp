// SPDX-License-Identifier: Apache-2.0
#include "login_checker.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace throttlelens {

LoginChecker::LoginChecker(Check check, LoginCache& cache, std::size_t most)
    : check_(std::move(check)), cache_(cache), most_(most), thread_([this] { run(); }) {}

bool LoginChecker::has_room() const {
  const std::lock_guard lock(mutex_);
  return !stopping_ && waiting_ < most_;
}

void LoginChecker::add(Task task) {
  std::unique_lock lock(mutex_);
  if (stopping_) {
    lock.unlock();
    return task.done(LoginVerdict::not_now);
  }
  auto turn = std::ranges::find(turns_, task.address, &Address::name);
  if (turn == turns_.end()) {
    turns_.push_back({.name = task.address, .tasks = {}});
    turn = std::prev(turns_.end());
  }
  turn->tasks.push_back(std::move(task));
  ++waiting_;
  wake_.notify_one();
}

LoginChecker::Task LoginChecker::take() {
  Address first = std::move(turns_.front());
  turns_.pop_front();
  Task task = std::move(first.tasks.front());
  first.tasks.pop_front();
  if (!first.tasks.empty()) turns_.push_back(std::move(first));
  --waiting_;
  return task;
}

bool LoginChecker::settle(Task& task, std::chrono::nanoseconds& spent) {
  spent = {};
  // Those who sent the same and waited behind the first.
  std::optional<bool> right = cache_.find(task.digest);
  if (!right) {
    const auto begun = std::chrono::steady_clock::now();
    try {
      right = check_(task.password, task.hash);
      cache_.remember(task.digest, *right);
    } catch (const std::exception&) {
      right.reset();  // out of memory
    }
    spent = std::chrono::steady_clock::now() - begun;
  }
  task.done(!right ? LoginVerdict::not_now : *right ? LoginVerdict::right : LoginVerdict::wrong);
  return right.has_value() && !*right;
}

void LoginChecker::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !turns_.empty(); });
    if (stopping_) break;
    Task task = take();
    lock.unlock();
    std::chrono::nanoseconds spent{};
    const bool wrong = settle(task, spent);
    lock.lock();
    if (wrong) wake_.wait_for(lock, spent, [this] { return stopping_; });
  }
  while (!turns_.empty()) {
    const Task task = take();
    lock.unlock();
    task.done(LoginVerdict::not_now);
    lock.lock();
  }
}

void LoginChecker::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace throttlelens
