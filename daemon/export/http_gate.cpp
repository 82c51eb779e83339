// SPDX-License-Identifier: Apache-2.0
#include "http_gate.h"

#include <string>
#include <utility>

#include <netinet/in.h>

#include "basic_auth.h"

namespace throttlelens {

namespace {

/// Whose turn it is is decided by network, because one host has all addresses of an IPv6 /64.
std::string address_of(MHD_Connection* connection) {
  const auto* const info =
      ::MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  if (info == nullptr || info->client_addr == nullptr) return {};
  const auto bytes = [](const auto& address, std::size_t size) {
    return std::string(reinterpret_cast<const char*>(&address), size);
  };
  if (info->client_addr->sa_family == AF_INET6) {
    constexpr std::size_t kNetwork = 8;
    const auto& v6 = *reinterpret_cast<const sockaddr_in6*>(info->client_addr);
    const bool v4 = IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr);
    return bytes(v6.sin6_addr, v4 ? sizeof v6.sin6_addr : kNetwork);
  }
  const auto& v4 = *reinterpret_cast<const sockaddr_in*>(info->client_addr);
  return bytes(v4.sin_addr, sizeof v4.sin_addr);
}

Result<std::shared_ptr<const HttpGate::State>> state_of(const HttpSecurity& security) {
  auto state = std::make_shared<HttpGate::State>();
  if (security.tls) {
    auto tls = TlsCredentials::create(*security.tls);
    if (!tls) return std::unexpected(std::move(tls.error()));
    state->tls = std::move(*tls);
  }
  state->users = security.users;
  state->headers = security.headers;
  return state;
}

}  // namespace

Result<void> check_security(const HttpSecurity& security) {
  if (auto state = state_of(security); !state) return std::unexpected(std::move(state.error()));
  return {};
}

HttpGate::HttpGate(std::shared_ptr<const State> state, std::size_t most)
    : state_(std::move(state)), checker_(has_bcrypt_hash, cache_, most) {}

Result<std::unique_ptr<HttpGate>> HttpGate::create(const HttpSecurity& security, std::size_t most) {
  auto state = state_of(security);
  if (!state) return std::unexpected(std::move(state.error()));
  std::unique_ptr<HttpGate> gate(new HttpGate(std::move(*state), most));
  if (auto ready = gate->cache_.start(); !ready) return std::unexpected(std::move(ready.error()));
  return gate;
}

Result<void> HttpGate::replace(const HttpSecurity& security) {
  auto state = state_of(security);
  if (!state) return std::unexpected(std::move(state.error()));
  const std::lock_guard lock(mutex_);
  if (((*state)->tls == nullptr) != (state_->tls == nullptr)) {
    return std::unexpected(Error{.what = "turn TLS on or off",
                                 .on = "",
                                 .why = "clients would no longer find what they connect to",
                                 .fix = "restart"});
  }
  state_ = std::move(*state);
  return {};
}

std::shared_ptr<const HttpGate::State> HttpGate::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

LoginVerdict HttpGate::judge(MHD_Connection* connection, std::function<void(LoginVerdict)> done) {
  const auto in_force = state();
  if (in_force->users.empty()) return LoginVerdict::right;
  const auto login = parse_basic_auth(
      ::MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION));
  if (!login) return LoginVerdict::wrong;
  std::string hash = hash_of(in_force->users, login->name);
  const LoginCache::Digest digest = cache_.digest(*login, hash);
  if (const auto known = cache_.find(digest)) {
    return *known ? LoginVerdict::right : LoginVerdict::wrong;
  }
  if (!checker_.has_room()) return LoginVerdict::not_now;
  ::MHD_suspend_connection(connection);
  checker_.add({.address = address_of(connection),
                .password = login->password,
                .hash = std::move(hash),
                .digest = digest,
                .done = std::move(done)});
  return LoginVerdict::unknown;
}

}  // namespace throttlelens
