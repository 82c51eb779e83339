// SPDX-License-Identifier: Apache-2.0
#include "fetch.h"

#include <chrono>
#include <cstddef>
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

}  // namespace

std::expected<std::string, FetchFailure> fetch(const WebUrl& url, const std::string& target,
                                               Nanoseconds patience) {
  httplib::Client client(url.host, url.port);
  client.set_connection_timeout(kConnecting);
  client.set_read_timeout(std::chrono::ceil<std::chrono::seconds>(patience));
  client.set_follow_location(false);

  std::string body;
  bool too_much = false;
  const auto take = [&](const char* data, std::size_t length) {
    too_much = body.size() + length > kMostBytes;
    if (!too_much) body.append(data, length);
    return !too_much;
  };
  const httplib::Result result = client.Get(url.path + target, take);

  Error error{.what = "ask the daemon", .on = to_string(url), .why = {}, .fix = {}};
  if (too_much) {
    error.why = "it answers with more than " + std::to_string(kMostBytes >> 20) + " MiB";
  } else if (!result) {
    error.why = "connection: " + httplib::to_string(result.error());
    if (result.error() == httplib::Error::Connection) error.why = "nobody takes connections there";
    if (result.error() == httplib::Error::Read) error.why = "it does not answer, or broke off";
  } else if (result->status != 200) {
    error.why = "it says " + std::to_string(result->status) + ": " + first_line(body);
  } else {
    return body;
  }
  const bool nobody = !result && result.error() == httplib::Error::Connection;
  return std::unexpected(FetchFailure{.nobody_there = nobody, .error = std::move(error)});
}

}  // namespace throttlelens
