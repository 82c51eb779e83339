// SPDX-License-Identifier: Apache-2.0
// Command line in, one command's plain arguments out. The only file pair that knows CLI11.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <variant>

#include "base/units.h"
#include "cli/web_url.h"
#include "config/config.h"
#include "export/snapshot_query.h"
#include "export/top_table.h"

namespace throttlelens {

struct RunArguments {
  std::string config;  ///< empty: the built-in defaults
  std::optional<std::string> listen;
  std::optional<LogLevel> log_level;
};

struct SnapshotArguments {
  std::string config;
  std::optional<WebUrl> from;  ///< absent: the daemon of this machine, or none
  std::string user;            ///< empty: no login
  std::string password_file;
  std::string ca_file;    ///< empty: the CAs that the system trusts
  std::string cert_file;  ///< of this client; empty: none
  std::string key_file;
  SnapshotQuery query;
};

struct TopArguments {
  std::string config;
  std::optional<Nanoseconds> interval;
  std::optional<std::uint32_t> iterations;
  TopOrder order = TopOrder::why;
  std::string filter;  ///< see TopOptions
  std::optional<std::size_t> rows;
};

struct DoctorArguments {
  std::string config;
  bool json = false;
};

struct CheckConfigArguments {
  std::string file;
};

struct MetricsArguments {
  bool json = false;
};

struct VersionArguments {};

using Arguments = std::variant<RunArguments, SnapshotArguments, TopArguments, DoctorArguments,
                               CheckConfigArguments, MetricsArguments, VersionArguments>;

/// Nothing to run: help was asked for (0), or the usage was wrong (2).
struct UsageAnswer {
  int exit_code = 0;
  std::string text;
};

std::expected<Arguments, UsageAnswer> parse_arguments(int argc, const char* const* argv);

}  // namespace throttlelens
