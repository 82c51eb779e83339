// SPDX-License-Identifier: Apache-2.0
#include "fetch.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>

#include <httplib.h>

namespace throttlelens {
namespace {

constexpr auto kConnecting = std::chrono::seconds(5);
/// Of a node with thousands of rows, many times over: what sends more is no throttlelens.
constexpr std::size_t kMostBytes = std::size_t{256} << 20;
constexpr std::size_t kShownBytes = 200;  ///< of an answer that is a refusal

std::string first_line(const std::string& text) {
  return text.substr(0, std::min(text.find('\n'), kShownBytes));
}

std::unique_ptr<httplib::ClientImpl> client_for(const WebUrl& url, const FetchAccess& access,
                                                Nanoseconds patience) {
  std::unique_ptr<httplib::ClientImpl> client;
  if (url.tls) {
    client =
        std::make_unique<httplib::SSLClient>(url.host, url.port, access.cert_file, access.key_file);
    client->enable_server_certificate_verification(true);
    if (!access.ca_file.empty()) client->set_ca_cert_path(access.ca_file);
  } else {
    client = std::make_unique<httplib::ClientImpl>(url.host, url.port);
  }
  if (!access.user.empty()) client->set_basic_auth(access.user, access.password);
  client->set_connection_timeout(kConnecting);
  client->set_read_timeout(std::chrono::ceil<std::chrono::seconds>(patience));
  client->set_follow_location(false);
  return client;
}

/// Why there was no answer at all, and what may help.
void explain(httplib::Error what, bool tls, Error& error) {
  error.why = "connection: " + httplib::to_string(what);
  switch (what) {
    case httplib::Error::Connection:
      error.why = "nobody takes connections there";
      break;
    case httplib::Error::Write:  // TLS 1.3: our side is done before the other has judged us
    case httplib::Error::Read:
      error.why = "it does not answer, or broke off";
      if (tls) error.fix = "if it wants a client certificate, give --cert-file and --key-file";
      break;
    case httplib::Error::SSLConnection:
      error.why = "no TLS could be agreed on";
      error.fix = "is it served over TLS? if not, write http:// in --from";
      break;
    case httplib::Error::SSLLoadingCerts:
      error.why = "the CA file cannot be used";
      error.fix = "--ca-file must name a PEM file with the certificate of a CA";
      break;
    case httplib::Error::SSLServerVerification:
      error.why = "its certificate is not of a CA that is trusted, or not for this name";
      error.fix = "name its CA with --ca-file, and write a name of the certificate in --from";
      break;
    default:
      break;
  }
}

}  // namespace

std::expected<std::string, FetchFailure> fetch(const WebUrl& url, const std::string& target,
                                               Nanoseconds patience, const FetchAccess& access) {
  Error error{.what = "ask the daemon", .on = to_string(url), .why = {}, .fix = {}};
  const auto client = client_for(url, access, patience);
  if (!client->is_valid()) {
    error.why = "the client certificate or its key cannot be used";
    error.fix = "--cert-file and --key-file must be PEM, and of one pair";
    return std::unexpected(FetchFailure{.nobody_there = false, .error = std::move(error)});
  }
  std::string body;
  bool too_much = false;
  const auto take = [&](const char* data, std::size_t length) {
    too_much = body.size() + length > kMostBytes;
    if (!too_much) body.append(data, length);
    return !too_much;
  };
  const httplib::Result result = client->Get(url.path + target, take);

  constexpr int kUnauthorized = 401;
  if (too_much) {
    error.why = "it answers with more than " + std::to_string(kMostBytes >> 20) + " MiB";
  } else if (!result) {
    explain(result.error(), url.tls, error);
  } else if (result->status != 200) {
    error.why = "it says " + std::to_string(result->status) + ": " + first_line(body);
    if (result->status == kUnauthorized) {
      error.fix = "give a user and its password with --user and --password-file";
    }
  } else {
    return body;
  }
  const bool nobody = !result && result.error() == httplib::Error::Connection;
  return std::unexpected(FetchFailure{.nobody_there = nobody, .error = std::move(error)});
}

}  // namespace throttlelens
