// SPDX-License-Identifier: Apache-2.0
// The second thread of the server: runs the handlers that may wait, keeps those whose answer is not
// known yet, and ends connections whose time is over. Everybody who asks the same while it is busy
// shares the next answer, so that a hundred scrapers cost as much CPU time and memory as one.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <microhttpd.h>

#include "http_response.h"
#include "login_checker.h"

namespace throttlelens {

/// What is asked for; equal ones get the same answer.
struct Question {
  std::string path;
  std::string query;  ///< as it was sent; empty where it changes nothing
  friend bool operator==(const Question&, const Question&) = default;
};

/// A connection that may be ended when its time is over.
struct TimedConnection {
  using SteadyTime = std::chrono::steady_clock::time_point;
  int fd = -1;
  SteadyTime deadline;
  bool waits = false;  ///< for an answer that is not known yet: its time stands still
  bool ended = false;
};

/// One request from its first line to its end.
struct PendingRequest {
  PendingRequest(MHD_Connection* c, std::string q) : connection(c), query(std::move(q)) {}

  MHD_Connection* connection;
  std::string query;                           ///< what is behind the question mark, as it was sent
  LoginVerdict login = LoginVerdict::unknown;  ///< set while the connection is suspended
  Question question;                           ///< once it is submitted
  bool wants_gzip = false;
  bool begun = false;  ///< counted among the open ones
  bool submitted = false;
  /// Of its connection; absent without a deadline.
  std::optional<std::list<TimedConnection>::iterator> timed;
  PreparedResponse answer;  ///< set while the connection is suspended; empty: out of memory
};

class HttpWorker {
 public:
  using SteadyTime = TimedConnection::SteadyTime;
  using Handle = std::list<TimedConnection>::iterator;
  using Handler = std::function<HttpResponse(const Question&)>;

  HttpWorker(Handler handler, std::chrono::seconds deadline, std::size_t max_waiting);
  ~HttpWorker() { stop(); }
  HttpWorker(const HttpWorker&) = delete;
  HttpWorker& operator=(const HttpWorker&) = delete;

  /// Suspends the connection until request.answer is there; false if the worker has stopped.
  bool submit(PendingRequest& request);
  Handle connection_opened(int fd);
  void connection_closed(Handle connection);
  /// Answers what has been submitted, with what is known now, and takes nothing more.
  void stop();

 private:
  struct Waiting {
    SteadyTime until;
    PendingRequest* request;
  };

  void run();
  /// The oldest request of the queue, which must not be empty, and all that ask the same.
  std::vector<PendingRequest*> take_alike();
  /// All of one question; asked again later as far as its answer is not known and there is room.
  void handle(std::vector<PendingRequest*> batch);
  void keep_waiting(std::vector<PendingRequest*>& batch, std::chrono::nanoseconds how_long);
  static void answer(const std::vector<PendingRequest*>& batch, HttpResponse response);
  /// Puts those who have waited long enough into the queue again; returns when the next one has.
  SteadyTime wake_waiting();
  /// Returns when the next one's time is over; the clock's maximum if there is none.
  SteadyTime end_overdue();

  const Handler handler_;
  const std::chrono::seconds deadline_;
  const std::size_t max_waiting_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<PendingRequest*> queue_;
  std::vector<Waiting> waiting_;
  std::list<TimedConnection> connections_;  ///< by deadline, but for those that wait
  bool stopping_ = false;
  std::thread thread_;  ///< last, so that all it uses is there
};

/// Calls a handler; what it throws becomes a 500, because callers are C or a bare thread.
HttpResponse call_handler(const std::function<HttpResponse()>& handler) noexcept;

}  // namespace throttlelens
