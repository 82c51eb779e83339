// SPDX-License-Identifier: Apache-2.0
#include "http_worker.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <sys/socket.h>

namespace throttlelens {

HttpResponse call_handler(const std::function<HttpResponse()>& handler) noexcept {
  try {
    if (handler) return handler();
    return {.status = MHD_HTTP_NOT_FOUND, .body = "not found\n"};
  } catch (const std::exception&) {
    return {.status = MHD_HTTP_INTERNAL_SERVER_ERROR, .body = "failed\n"};
  }
}

HttpWorker::HttpWorker(Handler handler, std::chrono::seconds deadline, std::size_t max_waiting)
    : handler_(std::move(handler)),
      deadline_(deadline),
      max_waiting_(max_waiting),
      thread_([this] { run(); }) {}

bool HttpWorker::submit(PendingRequest& request) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return false;
  queue_.push_back(&request);
  request.submitted = true;
  // Before the worker can see it, which would resume what is not suspended.
  ::MHD_suspend_connection(request.connection);
  wake_.notify_one();
  return true;
}

HttpWorker::Handle HttpWorker::connection_opened(int fd) {
  const std::lock_guard lock(mutex_);
  connections_.push_back({.fd = fd, .deadline = std::chrono::steady_clock::now() + deadline_});
  // The worker may be waiting for one that is overdue already, and so for nothing.
  wake_.notify_one();
  return std::prev(connections_.end());
}

void HttpWorker::connection_closed(Handle connection) {
  const std::lock_guard lock(mutex_);
  connections_.erase(connection);
}

void HttpWorker::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void HttpWorker::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    const SteadyTime woken = wake_waiting();
    const SteadyTime next = std::min(woken, end_overdue());
    if (!queue_.empty()) {
      std::vector<PendingRequest*> batch = take_alike();
      lock.unlock();
      handle(std::move(batch));
      lock.lock();
    } else if (stopping_) {
      return;
    } else if (next == SteadyTime::max()) {
      wake_.wait(lock);
    } else {
      wake_.wait_until(lock, next);
    }
  }
}

std::vector<PendingRequest*> HttpWorker::take_alike() {
  const Question question = queue_.front()->question;
  std::vector<PendingRequest*> taken;
  std::erase_if(queue_, [&](PendingRequest* request) {
    const bool alike = request->question == question;
    if (alike) taken.push_back(request);
    return alike;
  });
  return taken;
}

void HttpWorker::handle(std::vector<PendingRequest*> batch) {
  const Question& question = batch.front()->question;
  HttpResponse response = call_handler([this, &question] { return handler_(question); });
  if (response.known_in) keep_waiting(batch, *response.known_in);
  if (!batch.empty()) answer(batch, std::move(response));
}

void HttpWorker::keep_waiting(std::vector<PendingRequest*>& batch,
                              std::chrono::nanoseconds how_long) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  const SteadyTime until = std::chrono::steady_clock::now() +
                           std::chrono::ceil<std::chrono::steady_clock::duration>(how_long);
  while (!batch.empty() && waiting_.size() < max_waiting_) {
    PendingRequest* const request = batch.back();
    if (request->timed) (*request->timed)->waits = true;
    waiting_.push_back({.until = until, .request = request});
    batch.pop_back();
  }
}

HttpWorker::SteadyTime HttpWorker::wake_waiting() {
  const SteadyTime now = std::chrono::steady_clock::now();
  SteadyTime next = SteadyTime::max();
  std::erase_if(waiting_, [&](const Waiting& one) {
    if (!stopping_ && one.until > now) {
      next = std::min(next, one.until);
      return false;
    }
    if (one.request->timed) {
      const Handle timed = *one.request->timed;
      timed->waits = false;
      timed->deadline = now + deadline_;
      connections_.splice(connections_.end(), connections_, timed);
    }
    queue_.push_back(one.request);
    return true;
  });
  return next;
}

void HttpWorker::answer(const std::vector<PendingRequest*>& batch, HttpResponse response) {
  PreparedResponse compressed;
  PreparedResponse identity;
  bool wanted_plain = false;
  bool wanted_gzip = false;
  for (const PendingRequest* request : batch) {
    (request->wants_gzip ? wanted_gzip : wanted_plain) = true;
  }
  try {
    if (wanted_gzip) {
      if (auto body = gzip(response.body)) {
        compressed = prepare({.status = response.status,
                              .content_type = response.content_type,
                              .body = std::move(*body),
                              .known_in = response.known_in,
                              .headers = response.headers},
                             true, true);
      }
    }
    if (wanted_plain || !compressed.response) identity = prepare(std::move(response), false, true);
  } catch (const std::exception&) {
    // Out of memory: connections without an answer are closed.
    compressed = {};
    identity = {};
  }
  for (PendingRequest* request : batch) {
    request->answer = request->wants_gzip && compressed.response ? compressed : identity;
    ::MHD_resume_connection(request->connection);
  }
}

HttpWorker::SteadyTime HttpWorker::end_overdue() {
  const SteadyTime now = std::chrono::steady_clock::now();
  for (TimedConnection& connection : connections_) {
    if (connection.ended || connection.waits) continue;
    if (connection.deadline > now) return connection.deadline;
    // Only shut down: the event loop sees it and closes. The descriptor cannot be another's yet,
    // because connection_closed() comes before it is closed.
    ::shutdown(connection.fd, SHUT_RDWR);
    connection.ended = true;
  }
  return SteadyTime::max();
}

}  // namespace throttlelens
