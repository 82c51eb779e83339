// SPDX-License-Identifier: Apache-2.0
// The configuration file: YAML text in, validated plain values or errors with line and column out.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"

namespace throttlelens {

enum class ProbeMode { automatic, bpf, cpustat };
enum class LogFormat { text, json };
enum class LogLevel { trace, debug, info, warning, error, off };

/// Every default is the one config/throttlelens.yaml shows; a test keeps them equal.
struct Config {
  std::string listen = "127.0.0.1:9976";  ///< ADDRESS:PORT; [::]:PORT for all, IPv4 and IPv6
  std::string web_config_file;            ///< empty: no TLS, no authentication

  struct Windows {
    Nanoseconds base{std::chrono::milliseconds(100)};
    std::vector<Nanoseconds> reported{std::chrono::milliseconds(100), std::chrono::seconds(1),
                                      std::chrono::seconds(5)};
    Nanoseconds history{std::chrono::minutes(5)};
    friend bool operator==(const Windows&, const Windows&) = default;
  } windows;

  struct Probe {
    ProbeMode mode = ProbeMode::automatic;
    friend bool operator==(const Probe&, const Probe&) = default;
  } probe;

  struct Cgroup {
    std::string root = "/sys/fs/cgroup";
    std::vector<std::string> include;  ///< globs over cgroup paths; empty: all
    std::vector<std::string> exclude;
    friend bool operator==(const Cgroup&, const Cgroup&) = default;
  } cgroup;

  struct Runtimes {  ///< state directories searched for OCI bundles
    std::vector<std::string> containerd{"/run/containerd", "/run/k3s/containerd",
                                        "/run/k0s/containerd",
                                        "/var/snap/microk8s/common/run/containerd"};
    std::vector<std::string> crio{"/run/containers/storage"};
    std::vector<std::string> docker{"/var/lib/docker"};
    std::vector<std::string> podman{"/run/containers/storage", "/var/lib/containers/storage"};
    friend bool operator==(const Runtimes&, const Runtimes&) = default;
  } runtimes;

  struct Metrics {
    std::vector<std::string> exclude;  ///< globs over names of metrics
    friend bool operator==(const Metrics&, const Metrics&) = default;
  } metrics;

  struct Limits {
    std::uint32_t max_cgroups = 4096;
    std::uint32_t max_series = 50000;
    Nanoseconds keep_ended{std::chrono::seconds(60)};  ///< how long an ended row stays
    friend bool operator==(const Limits&, const Limits&) = default;
  } limits;

  struct Log {
    LogLevel level = LogLevel::info;
    LogFormat format = LogFormat::text;
    friend bool operator==(const Log&, const Log&) = default;
  } log;

  friend bool operator==(const Config&, const Config&) = default;
};

struct ConfigProblem {
  std::string file;
  int line = 0;         ///< from 1; 0 when the problem has no place
  int column = 0;       ///< from 1
  std::string message;  ///< what is wrong and how to mend it, with the nearest valid key

  /// "FILE:LINE:COLUMN: MESSAGE"
  std::string text() const;
};

/// All problems found, not only the first.
using ConfigProblems = std::vector<ConfigProblem>;

std::expected<Config, ConfigProblems> parse_config(std::string_view yaml, std::string file_name);
std::expected<Config, ConfigProblems> load_config(const std::string& path);

/// Every key the file may hold, by its dotted name: "windows.base".
std::vector<std::string> config_keys();

/// Nothing when `listen` is ADDRESS:PORT or [ADDRESS]:PORT. For flags too; what is wrong is the end
/// of a sentence that starts with the value.
std::optional<std::string> listen_problem(std::string_view listen);

}  // namespace throttlelens
