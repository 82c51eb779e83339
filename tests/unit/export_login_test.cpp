// SPDX-License-Identifier: Apache-2.0
// Passwords: what is claimed, what is remembered, and whose turn it is to be checked.
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "basic_auth.h"
#include "login_cache.h"
#include "login_checker.h"

using namespace throttlelens;

namespace {

// Of "right", with the lowest cost there is.
const std::string kHash = "$2y$04$zL1.iKgG.kHaH8Ej9yLbbO.srGtsaIBR7odTvpPcAvUwIi3grkweC";

std::string parsed(const char* header) {
  const auto login = parse_basic_auth(header);
  return login ? login->name + "|" + login->password : "none";
}

/// A check that waits until it is allowed, and tells what it was asked.
class SlowCheck {
 public:
  bool operator()(const std::string& password, const std::string& /*hash*/) {
    std::unique_lock lock(mutex_);
    asked_.push_back(password);
    changed_.notify_all();
    changed_.wait(lock, [this] { return allowed_ > 0; });
    --allowed_;
    return password.starts_with("right");
  }
  void wait_until_asked(std::size_t times) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return asked_.size() >= times; });
  }
  void allow(int times) {
    const std::lock_guard lock(mutex_);
    allowed_ += times;
    changed_.notify_all();
  }
  std::vector<std::string> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> asked_;
  int allowed_ = 0;
};

/// Submits `password` from `address`; the verdict comes later.
std::future<LoginVerdict> submit(LoginChecker& checker, const LoginCache& cache,
                                 const std::string& address, const std::string& password) {
  auto verdict = std::make_shared<std::promise<LoginVerdict>>();
  checker.add({.address = address,
               .password = password,
               .hash = "hash",
               .digest = cache.digest({.name = "u", .password = password}, "hash"),
               .done = [verdict](LoginVerdict v) { verdict->set_value(v); }});
  return verdict->get_future();
}

}  // namespace

TEST_CASE("logins as RFC 7617 sends them") {
  CHECK(parsed("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==") == "Aladdin|open sesame");
  CHECK(parsed("bAsIC   QWxhZGRpbjpvcGVuIHNlc2FtZQ==") == "Aladdin|open sesame");
  CHECK(parsed("Basic dGVzdDoxMjPCow==") == "test|123\xc2\xa3");
  CHECK(parsed("Basic YTpiOmM=") == "a|b:c");
  CHECK(parsed("Basic Og==") == "|");
}

TEST_CASE("what is no login") {
  CHECK(parsed(nullptr) == "none");
  for (const std::string& header :
       {std::string(), std::string("Basic"), std::string("Basic "), std::string("Basic    "),
        std::string("Bearer QTpi"), std::string("BasicQTpi"), std::string("Basic QUJD"),
        std::string("Basic ****"), "Basic " + std::string(4000, 'A'),
        // "a:right" and a NUL before what is not the password
        std::string("Basic YTpyaWdodAB4")}) {
    CAPTURE(header);
    CHECK(parsed(header.c_str()) == "none");
  }
}

TEST_CASE("a password has its own hash only") {
  CHECK(has_bcrypt_hash("right", kHash));
  CHECK_FALSE(has_bcrypt_hash("wrong", kHash));
  CHECK_FALSE(has_bcrypt_hash("", kHash));
  CHECK_FALSE(has_bcrypt_hash("right", ""));
  CHECK_FALSE(has_bcrypt_hash("right", "right"));
  CHECK_FALSE(has_bcrypt_hash("right", "$2y$04$"));
}

TEST_CASE("an unknown user costs as much as the dearest known one, and is never right") {
  const std::vector<HttpUser> users{{.name = "a", .hash = kHash},
                                    {.name = "b", .hash = "$2b$05" + kHash.substr(6)}};
  CHECK(hash_of(users, "a") == kHash);
  const std::string nobody = hash_of(users, "nobody");
  CHECK(nobody.starts_with("$2b$05$"));
  CHECK(nobody.size() == kHash.size());
  CHECK(nobody != users[1].hash);
  CHECK(hash_of(users, "") == nobody);
  CHECK_FALSE(has_bcrypt_hash("right", nobody));
}

TEST_CASE("the cache knows a login by name, password and hash together") {
  LoginCache cache;
  REQUIRE(cache.start());
  const auto digest = cache.digest({.name = "a", .password = "b"}, "h");
  CHECK_FALSE(cache.find(digest));
  cache.remember(digest, true);
  CHECK(cache.find(digest) == true);
  CHECK(cache.digest({.name = "a", .password = "b"}, "h") == digest);
  CHECK(cache.digest({.name = "a", .password = "b"}, "changed") != digest);
  CHECK(cache.digest({.name = "a", .password = "c"}, "h") != digest);
  CHECK(cache.digest({.name = "ah", .password = "b"}, "") != digest);

  LoginCache other;
  REQUIRE(other.start());
  CHECK(other.digest({.name = "a", .password = "b"}, "h") != digest);
}

TEST_CASE("wrong logins are remembered too, and push no right one out") {
  LoginCache cache;
  REQUIRE(cache.start());
  const auto digest = [&cache](int i) {
    return cache.digest({.name = "a", .password = std::to_string(i)}, "h");
  };
  cache.remember(digest(-1), true);
  for (int i = 0; i < 1000; ++i) cache.remember(digest(i), false);
  CHECK(cache.find(digest(-1)) == true);
  CHECK(cache.find(digest(999)) == false);
  CHECK_FALSE(cache.find(digest(0)));
}

TEST_CASE("addresses take turns, however many passwords one of them sends") {
  LoginCache cache;
  REQUIRE(cache.start());
  SlowCheck check;
  LoginChecker checker(std::ref(check), cache, 10);
  std::vector<std::future<LoginVerdict>> flood;
  flood.push_back(submit(checker, cache, "evil", "0"));
  check.wait_until_asked(1);
  for (int i = 1; i < 5; ++i) flood.push_back(submit(checker, cache, "evil", std::to_string(i)));
  auto good = submit(checker, cache, "good", "right");
  check.allow(3);
  CHECK(good.get() == LoginVerdict::right);
  // The next may have been asked for already.
  auto asked = check.asked();
  asked.resize(3);
  CHECK(asked == std::vector<std::string>{"0", "1", "right"});
  check.allow(3);
  for (auto& verdict : flood) CHECK(verdict.get() == LoginVerdict::wrong);
}

TEST_CASE("the same login is worked out once, whoever waits for it") {
  LoginCache cache;
  REQUIRE(cache.start());
  SlowCheck check;
  LoginChecker checker(std::ref(check), cache, 10);
  auto first = submit(checker, cache, "a", "right");
  check.wait_until_asked(1);
  auto second = submit(checker, cache, "a", "right");
  auto third = submit(checker, cache, "b", "right");
  check.allow(1);
  CHECK(first.get() == LoginVerdict::right);
  CHECK(second.get() == LoginVerdict::right);
  CHECK(third.get() == LoginVerdict::right);
  CHECK(check.asked().size() == 1);
}

TEST_CASE("the queue has an end, and who is in it when all ends is told so") {
  LoginCache cache;
  REQUIRE(cache.start());
  SlowCheck check;
  LoginChecker checker(std::ref(check), cache, 2);
  auto first = submit(checker, cache, "a", "right 1");
  check.wait_until_asked(1);
  CHECK(checker.has_room());
  auto second = submit(checker, cache, "a", "2");
  CHECK(checker.has_room());
  auto third = submit(checker, cache, "b", "3");
  CHECK_FALSE(checker.has_room());
  // stop() waits for the one that is being worked out.
  std::thread stopping([&checker] { checker.stop(); });
  check.allow(3);
  stopping.join();
  CHECK(first.get() == LoginVerdict::right);
  CHECK(second.get() != LoginVerdict::right);
  CHECK(third.get() != LoginVerdict::right);
  CHECK_FALSE(checker.has_room());
  CHECK(submit(checker, cache, "a", "right 1").get() == LoginVerdict::not_now);
}
