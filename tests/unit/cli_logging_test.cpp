// SPDX-License-Identifier: Apache-2.0
#include <sstream>

#include <catch2/catch.hpp>
#include <spdlog/sinks/ostream_sink.h>

#include "cli/error_limiter.h"
#include "cli/escape.h"
#include "cli/logging.h"

using namespace throttlelens;
using namespace std::chrono_literals;

namespace {

struct Captured {
  std::ostringstream out;
  Logger logger;
  explicit Captured(const Config::Log& options)
      : logger(make_logger(options, std::make_shared<spdlog::sinks::ostream_sink_mt>(out))) {}
};

}  // namespace

TEST_CASE("text keeps what can be read and shows the rest as bytes") {
  CHECK(escape_text("/kubepods/päd/東京") == "/kubepods/päd/東京");
  CHECK(escape_text("/dev-sda\\x2d1") == "/dev-sda\\x2d1");
  CHECK(escape_text("a\nb\tc\x1b[31m\x7f") == "a\\x0ab\\x09c\\x1b[31m\\x7f");
  CHECK(escape_text(std::string("a\0b", 3)) == "a\\x00b");
  CHECK(escape_text("\xff\xc3") == "\\xff\\xc3");
  CHECK(escape_text("\xc3(") == "\\xc3(");
  CHECK(escape_text("\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80") ==
        "\\xc0\\xaf\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80");
  CHECK(escape_text("\xc2\x9b") == "\\xc2\\x9b");  // CSI in one character
  CHECK(escape_text("\xe2\x80\xae"
                    "x") == "\\xe2\\x80\\xaex");  // right-to-left override
}

TEST_CASE("a log line is one line of text, its message escaped") {
  Captured log({.level = LogLevel::info, .format = LogFormat::text});
  log.logger->warn("cgroup {} is odd", "/a\nerror: forged\x1b[2J");
  CHECK_THAT(log.out.str(),
             Catch::Matches(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d warning: )"
                            R"(cgroup /a\\x0aerror: forged\\x1b\[2J is odd\n)"));
}

TEST_CASE("a log line is one valid JSON object, whatever the message holds") {
  Captured log({.level = LogLevel::info, .format = LogFormat::json});
  log.logger->error("{}", "say \"hi\"\\ \n\xff");
  CHECK_THAT(log.out.str(), Catch::StartsWith("{\"time\":\"") &&
                                Catch::Contains("\"level\":\"error\"") &&
                                Catch::EndsWith(R"("message":"say \"hi\"\\ \\x0a\\xff"})"
                                                "\n"));
}

TEST_CASE("level and format change while the logger is in use") {
  Captured log({.level = LogLevel::info, .format = LogFormat::text});
  log.logger->debug("unseen");
  CHECK(log.out.str().empty());
  apply_log_options(*log.logger, {.level = LogLevel::debug, .format = LogFormat::json});
  log.logger->debug("seen");
  CHECK_THAT(log.out.str(), Catch::StartsWith("{") && Catch::Contains("seen"));
  log.out.str("");
  apply_log_options(*log.logger, {.level = LogLevel::off, .format = LogFormat::text});
  log.logger->critical("unseen");
  CHECK(log.out.str().empty());
}

TEST_CASE("an error that repeats is logged once, then again after a while") {
  ErrorLimiter limiter;
  const auto at = [](Nanoseconds since_boot) { return MonoTime{since_boot}; };
  CHECK(limiter.admit("a", at(1s)));
  CHECK_FALSE(limiter.admit("a", at(2s)));
  CHECK(limiter.admit("b", at(2s)));
  CHECK_FALSE(limiter.admit("a", at(1s) + ErrorLimiter::kRepeat - 1ns));
  CHECK(limiter.admit("a", at(1s) + ErrorLimiter::kRepeat));
}

TEST_CASE("endless distinct errors are bounded") {
  ErrorLimiter limiter;
  std::size_t admitted = 0;
  for (int i = 0; i < 10'000; ++i) {
    if (limiter.admit(std::to_string(i), MonoTime{1s})) ++admitted;
  }
  CHECK(admitted == ErrorLimiter::kRemembered);
  CHECK(limiter.admit("later", MonoTime{1s + ErrorLimiter::kRepeat}));
}
