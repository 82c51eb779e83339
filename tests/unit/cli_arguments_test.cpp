// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <vector>

#include <catch2/catch.hpp>

#include "cli/arguments.h"

using namespace throttlelens;
using namespace std::chrono_literals;

namespace {

std::expected<Arguments, UsageAnswer> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "throttlelens");
  return parse_arguments(static_cast<int>(words.size()), words.data());
}

template <typename T>
T parsed(std::vector<const char*> words) {
  const auto arguments = parse(std::move(words));
  INFO((arguments ? "" : arguments.error().text));
  REQUIRE(arguments);
  REQUIRE(std::holds_alternative<T>(*arguments));
  return std::get<T>(*arguments);
}

UsageAnswer refused(std::vector<const char*> words) {
  const auto arguments = parse(std::move(words));
  REQUIRE_FALSE(arguments);
  CHECK(arguments.error().exit_code == 2);
  return arguments.error();
}

struct ConfigVariable {
  explicit ConfigVariable(const char* value) { ::setenv("THROTTLELENS_CONFIG", value, 1); }
  ~ConfigVariable() { ::unsetenv("THROTTLELENS_CONFIG"); }
};

}  // namespace

TEST_CASE("each command has its defaults") {
  const auto run = parsed<RunArguments>({"run"});
  CHECK(run.config.empty());
  CHECK_FALSE(run.listen);
  CHECK_FALSE(run.log_level);

  const auto top = parsed<TopArguments>({"top"});
  CHECK_FALSE(top.interval);
  CHECK_FALSE(top.iterations);
  CHECK_FALSE(top.rows);
  CHECK(top.order == TopOrder::why);

  CHECK_FALSE(parsed<DoctorArguments>({"doctor"}).json);
  CHECK_FALSE(parsed<MetricsArguments>({"metrics"}).json);
  parsed<VersionArguments>({"version"});
}

TEST_CASE("flags arrive as values") {
  const auto run =
      parsed<RunArguments>({"run", "--config", "f", "--listen", "[::]:1", "--log-level=debug"});
  CHECK(run.config == "f");
  CHECK(run.listen == "[::]:1");
  CHECK(run.log_level == LogLevel::debug);

  const auto top = parsed<TopArguments>(
      {"top", "--interval", "250ms", "--iterations", "3", "--sort", "throttled", "--rows", "7"});
  CHECK(top.interval == 250ms);
  CHECK(top.iterations == 3U);
  CHECK(top.order == TopOrder::throttled);
  CHECK(top.rows == 7U);
  const std::vector<std::pair<const char*, TopOrder>> orders{{"why", TopOrder::why},
                                                             {"wait", TopOrder::wait},
                                                             {"cpu", TopOrder::cpu},
                                                             {"peak", TopOrder::peak},
                                                             {"path", TopOrder::path}};
  for (const auto& [key, order] : orders) {
    CHECK(parsed<TopArguments>({"top", "--sort", key}).order == order);
  }

  CHECK(parsed<DoctorArguments>({"doctor", "-o", "json"}).json);
  CHECK(parsed<MetricsArguments>({"metrics", "--output", "json"}).json);
  CHECK(parsed<CheckConfigArguments>({"check-config", "a.yaml"}).file == "a.yaml");
}

TEST_CASE("a snapshot is asked for as the endpoint is") {
  const auto plain = parsed<SnapshotArguments>({"snapshot"});
  CHECK(plain.query == SnapshotQuery{.pod_namespace = {},
                                     .pod = {},
                                     .top = {},
                                     .duration = 5s,
                                     .format = SnapshotFormat::table});
  CHECK_FALSE(plain.from);
  CHECK(plain.config.empty());

  const auto all = parsed<SnapshotArguments>({"snapshot", "-n", "shop", "-p", "web-0", "--duration",
                                              "2m", "--sort", "overhead", "--top", "3", "-o", "csv",
                                              "--from", "http://node-1:80", "--config", "f"});
  CHECK(all.query == SnapshotQuery{.pod_namespace = "shop",
                                   .pod = "web-0",
                                   .top = 3,
                                   .sort = SnapshotSort::overhead,
                                   .duration = 2min,
                                   .format = SnapshotFormat::csv});
  CHECK(all.from == WebUrl{.host = "node-1", .port = 80, .path = {}});
  CHECK(all.config == "f");

  const auto secured = parsed<SnapshotArguments>({"snapshot", "--from", "https://n", "--user", "u",
                                                  "--password-file", "p", "--ca-file", "a",
                                                  "--cert-file", "c", "--key-file", "k"});
  CHECK(secured.from == WebUrl{.host = "n", .path = {}, .tls = true});
  CHECK(secured.user + secured.password_file + secured.ca_file + secured.cert_file +
            secured.key_file ==
        "upack");
  // The empty name is that of rows outside of Kubernetes.
  CHECK(parsed<SnapshotArguments>({"snapshot", "--namespace", ""}).query.pod_namespace == "");
  for (const char* form : {"table", "wide", "json", "csv"}) {
    CHECK(parsed<SnapshotArguments>({"snapshot", "-o", form}).query.format ==
          snapshot_format(form));
  }
}

TEST_CASE("the environment names the configuration, a flag overrides it") {
  const ConfigVariable variable("from-environment");
  CHECK(parsed<RunArguments>({"run"}).config == "from-environment");
  CHECK(parsed<TopArguments>({"top"}).config == "from-environment");
  CHECK(parsed<DoctorArguments>({"doctor"}).config == "from-environment");
  CHECK(parsed<RunArguments>({"run", "--config", "flag"}).config == "flag");
}

TEST_CASE("wrong usage is 2, whatever kind of mistake") {
  const auto words = GENERATE(values<std::vector<const char*>>({
      {},
      {"frobnicate"},
      {"run", "--nonsense"},
      {"run", "extra"},
      {"run", "--listen"},
      {"run", "--listen", "nowhere"},
      {"run", "--listen", "::1:80"},
      {"run", "--listen", "127.0.0.1:65536"},
      {"run", "--listen", ""},
      {"run", "--log-level", "loud"},
      {"top", "--interval", "0s"},
      {"top", "--interval", "fast"},
      {"top", "--interval", "5"},
      {"top", "--interval", "2h"},
      {"top", "--interval", "nan s"},
      {"top", "--iterations", "0"},
      {"top", "--iterations", "-1"},
      {"top", "--rows", "99999999999999999999"},
      {"top", "--sort", "colour"},
      {"snapshot", "-o", "xml"},
      {"snapshot", "--sort", "colour"},
      {"snapshot", "--top", "0"},
      {"snapshot", "--duration", "999ms"},
      {"snapshot", "--duration", "61m"},
      {"snapshot", "--duration", "5"},
      {"snapshot", "--from", "node:9976"},
      {"snapshot", "--from", "https://me:secret@node:9976"},
      {"snapshot", "--user", "me"},
      {"snapshot", "--password-file", "f"},
      {"snapshot", "--cert-file", "f"},
      {"snapshot", "--key-file", "f"},
      {"snapshot", "pods"},
      {"doctor", "-o", "xml"},
      {"check-config"},
      {"check-config", "a", "b"},
      {"metrics", "-o", "table"},
      {"version", "please"},
      {"run", "top"},
  }));
  std::string line;
  for (const char* word : words) line += std::string(word) + " ";
  INFO(line);
  const auto answer = refused(words);
  CHECK(answer.text.find("--help") != std::string::npos);
}

TEST_CASE("a refusal names the value and what is allowed") {
  const auto listen = refused({"run", "--listen", "nowhere"});
  CHECK_THAT(listen.text, Catch::Contains("'nowhere'") && Catch::Contains("ADDRESS:PORT"));
  const auto sort = refused({"top", "--sort", "colour"});
  CHECK_THAT(sort.text, Catch::Contains("throttled") && Catch::Contains("throttlelens top --help"));
}

TEST_CASE("help is an answer, not a mistake, and shows an example") {
  const auto command = GENERATE(values<const char*>(
      {"run", "snapshot", "top", "doctor", "check-config", "metrics", "version"}));
  const auto help = parse({command, "--help"});
  REQUIRE_FALSE(help);
  CHECK(help.error().exit_code == 0);
  CHECK_THAT(help.error().text,
             Catch::Contains(std::string("Example:\n  throttlelens ") + command));

  const auto all = parse({"--help"});
  REQUIRE_FALSE(all);
  CHECK(all.error().exit_code == 0);
  CHECK_THAT(all.error().text, Catch::Contains(command) && Catch::Contains("Example:"));
}

TEST_CASE("a word that is no command is named") {
  CHECK(refused({"bogus"}).text.find("'bogus' is not a command") != std::string::npos);
}
