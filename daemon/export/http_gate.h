// SPDX-License-Identifier: Apache-2.0
// Who is let in: what of HttpSecurity is in force, which may be replaced at any time. Requests that
// have begun go on with what they began with.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include <microhttpd.h>

#include "base/error.h"
#include "export/http_security.h"
#include "login_cache.h"
#include "login_checker.h"
#include "tls_credentials.h"

namespace throttlelens {

class HttpGate {
 public:
  struct State {
    std::shared_ptr<const TlsCredentials> tls;  ///< null: in the clear
    std::vector<HttpUser> users;
    std::vector<HttpHeader> headers;
  };

  /// At most `most` logins wait to be checked.
  static Result<std::unique_ptr<HttpGate>> create(const HttpSecurity& security, std::size_t most);

  /// Refuses what does not fit, and TLS where there was none or the other way round.
  Result<void> replace(const HttpSecurity& security);
  std::shared_ptr<const State> state() const;

  /// Only on the event loop. `unknown`: the connection is suspended, and `done` is called on
  /// another thread, maybe before this returns; it must resume it.
  LoginVerdict judge(MHD_Connection* connection, std::function<void(LoginVerdict)> done);
  /// Nobody waits for a password any more.
  void stop() { checker_.stop(); }

 private:
  HttpGate(std::shared_ptr<const State> state, std::size_t most);

  mutable std::mutex mutex_;
  std::shared_ptr<const State> state_;
  LoginCache cache_;
  LoginChecker checker_;
};

}  // namespace throttlelens
