// SPDX-License-Identifier: Apache-2.0
#include "cli/logging.h"

#include <string_view>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "cli/escape.h"

namespace throttlelens {
namespace {

/// %* of the patterns below.
class Payload final : public spdlog::custom_flag_formatter {
 public:
  explicit Payload(LogFormat format) : format_(format) {}
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& out) override {
    const std::string_view raw(message.payload.data(), message.payload.size());
    const std::string text = format_ == LogFormat::json ? escape_json(raw) : escape_text(raw);
    out.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<Payload>(format_);
  }

 private:
  LogFormat format_;
};

std::unique_ptr<spdlog::formatter> make_formatter(LogFormat format) {
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<Payload>('*', format);
  formatter->set_pattern(format == LogFormat::json
                             ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","message":"%*"})"
                             : "%Y-%m-%dT%H:%M:%S.%e%z %l: %*");
  return formatter;
}

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::trace:
      return spdlog::level::trace;
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
    case LogLevel::off:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

}  // namespace

void apply_log_options(spdlog::logger& logger, const Config::Log& options) {
  for (const auto& sink : logger.sinks()) sink->set_formatter(make_formatter(options.format));
  logger.set_level(to_spdlog(options.level));
}

Logger make_logger(const Config::Log& options, spdlog::sink_ptr sink) {
  auto logger = std::make_shared<spdlog::logger>("throttlelens", std::move(sink));
  apply_log_options(*logger, options);
  return logger;
}

Logger make_logger(const Config::Log& options) {
  return make_logger(options, std::make_shared<spdlog::sinks::stderr_sink_mt>());
}

}  // namespace throttlelens
