// SPDX-License-Identifier: Apache-2.0
#include "cli/arguments.h"

#include <algorithm>
#include <map>
#include <sstream>

#include <CLI/CLI.hpp>

#include "base/duration.h"
#include "version.h"

namespace throttlelens {
namespace {

constexpr int kWrongUsage = 2;
constexpr Nanoseconds kShortestInterval = std::chrono::milliseconds(100);
constexpr Nanoseconds kLongestInterval = std::chrono::hours(1);

const std::map<std::string, LogLevel> kLogLevels{
    {"trace", LogLevel::trace},     {"debug", LogLevel::debug}, {"info", LogLevel::info},
    {"warning", LogLevel::warning}, {"error", LogLevel::error}, {"off", LogLevel::off}};
const std::map<std::string, TopOrder> kOrders{
    {"why", TopOrder::why},       {"wait", TopOrder::wait},
    {"cpu", TopOrder::cpu},       {"throttled", TopOrder::throttled},
    {"peak", TopOrder::peak},     {"overhead", TopOrder::overhead},
    {"memory", TopOrder::memory}, {"path", TopOrder::path}};

std::string quoted(const std::string& text, const std::string& problem) {
  return "'" + text + "' " + problem;
}

/// CLI11 validators return what is wrong, empty when nothing is.
std::string check_listen(const std::string& text) {
  const auto problem = listen_problem(text);
  return problem ? quoted(text, *problem) : "";
}

std::string check_interval(const std::string& text) {
  const auto parsed = parse_duration(text);
  if (!parsed) return quoted(text, parsed.error());
  if (*parsed >= kShortestInterval && *parsed <= kLongestInterval) return {};
  return quoted(text, "is not between 100ms and 1h");
}

std::string check_duration(const std::string& text) {
  const auto parsed = parse_duration(text);
  if (!parsed) return quoted(text, parsed.error());
  if (*parsed >= kShortestSnapshot && *parsed <= kLongestSnapshot) return {};
  return quoted(text, "is not between 1s and 1h");
}

std::string check_url(const std::string& text) {
  const auto parsed = parse_web_url(text);
  return parsed ? "" : quoted(text, parsed.error());
}

struct Parser {
  CLI::App app{"Shows where containers lose CPU time: bursts, throttling and limits per cgroup.",
               "throttlelens"};
  RunArguments run;
  SnapshotArguments snapshot;
  TopArguments top;
  DoctorArguments doctor;
  CheckConfigArguments check;
  MetricsArguments metrics;
  std::string pod_namespace, pod, duration, sort, format = "table", from;
  std::uint32_t most = 0;
  std::string listen, log_level, interval, order = "why", doctor_output = "table",
                                           metrics_output = "markdown";
  std::uint32_t iterations = 0;
  std::uint32_t rows = 0;

  CLI::App* add(const std::string& name, const std::string& does, const std::string& example) {
    auto* command = app.add_subcommand(name, does);
    command->footer("Example:\n  " + example);
    return command;
  }

  static void add_config(CLI::App* command, std::string& file) {
    command->add_option("--config", file, "Configuration file; default: the built-in values")
        ->envname("THROTTLELENS_CONFIG")
        ->type_name("FILE");
  }

  void add_run() {
    auto* command =
        add("run", "Profiles this node and serves /metrics and /api/v1/snapshot, in the foreground",
            "throttlelens run --config throttlelens.yaml --listen '[::]:9976'\n\n"
            "SIGHUP reloads the configuration, SIGTERM and SIGINT end cleanly.");
    add_config(command, run.config);
    command->add_option("--listen", listen, "Address of the HTTP endpoints; port 0: any free one")
        ->check(CLI::Validator(check_listen, ""))
        ->type_name("ADDRESS:PORT");
    command->add_option("--log-level", log_level, "Lowest level that is logged")
        ->check(CLI::IsMember(keys(kLogLevels)))
        ->type_name("LEVEL");
  }

  void add_snapshot() {
    auto* command =
        add("snapshot", "Shows what each pod used, waited for and cost in the last seconds",
            "throttlelens snapshot -n shop --sort overhead --top 10\n\n"
            "Asks the daemon of this machine, which looks back; where none runs, measures for the\n"
            "duration itself. JSON and CSV are in base units: seconds, cores, bytes, ratios.");
    add_config(command, snapshot.config);
    command->add_option("-n,--namespace", pod_namespace, "Only pods of this namespace")
        ->type_name("NAME");
    command->add_option("-p,--pod", pod, "Only this pod")->type_name("NAME");
    command->add_option("--duration", duration, "How much of the past, 1s to 1h; default: 5s")
        ->check(CLI::Validator(check_duration, ""))
        ->type_name("TIME");
    command->add_option("--sort", sort, "Order of the rows; default: by name, with --top by why")
        ->check(
            known_name(snapshot_sort, "why, cpu, peak, wait, throttled, overhead, memory, name"))
        ->type_name("KEY");
    command->add_option("--top", most, "At most so many pods")
        ->check(CLI::Range(1U, 1'000'000U))
        ->type_name("N");
    command->add_option("-o,--output", format, "Form: table, wide, json, csv")
        ->check(known_name(snapshot_format, "table, wide, json, csv"))
        ->type_name("FORM")
        ->capture_default_str();
    command->add_option("--from", from, "The daemon to ask, http://HOST:PORT or https://HOST:PORT")
        ->check(CLI::Validator(check_url, ""))
        ->type_name("URL");
    add_access(command);
  }

  void add_access(CLI::App* command) {
    const auto file = [command](const char* name, std::string& out, const char* does) {
      return command->add_option(name, out, does)->type_name("FILE");
    };
    auto* user =
        command->add_option("--user", snapshot.user, "User of the daemon's web_config_file")
            ->type_name("NAME");
    auto* password =
        file("--password-file", snapshot.password_file, "Holds the password, and nothing else");
    user->needs(password);
    password->needs(user);
    file("--ca-file", snapshot.ca_file,
         "CA of the daemon's certificate, PEM; default: those of the system");
    auto* certificate = file("--cert-file", snapshot.cert_file,
                             "Certificate for a daemon that wants one of its clients, PEM");
    auto* key = file("--key-file", snapshot.key_file, "Its key, PEM");
    certificate->needs(key);
    key->needs(certificate);
  }

  void add_top() {
    auto* command =
        add("top", "Shows what holds containers back, and how busy they are, live",
            "throttlelens top --interval 2s --sort throttled\n\n"
            "WHY: quota, pod quota or ancestor quota ran out; neighbours had the CPUs;\n"
            "own threads are more than the CPUs; fine. QUOTA-WAIT and CPU-WAIT are the\n"
            "time its threads waited, per second. Narrow terminals show fewer columns.\n"
            "OVERHEAD and MEMORY are what shim, runc, pause and conmon cost, once a pod.\n"
            "Keys: q quits; y, w, c, t, p, o, m order by why, wait, CPU, throttling, peak,\n"
            "overhead, memory; / filters names, Enter keeps the filter, Esc clears it.\n"
            "Without a terminal one plain table is printed.");
    add_config(command, top.config);
    command
        ->add_option("--interval", interval,
                     "Time between tables; default: 1s, and without a terminal until every "
                     "window was measured")
        ->type_name("TIME")
        ->check(CLI::Validator(check_interval, ""));
    command->add_option("--iterations", iterations, "Tables after which to stop")
        ->type_name("N")
        ->check(CLI::Range(1U, 1'000'000'000U));
    command
        ->add_option("--sort", order,
                     "Order of the rows; why: what is held back before what is fine, by CPU")
        ->check(CLI::IsMember(keys(kOrders)))
        ->type_name("KEY")
        ->capture_default_str();
    command->add_option("--filter", top.filter, "Only rows with this in their names")
        ->type_name("TEXT");
    command->add_option("--rows", rows, "Rows shown; default: what fits, 20 without a terminal")
        ->type_name("N")
        ->check(CLI::Range(1U, 1'000'000U));
  }

  void add_rest() {
    auto* command =
        add("doctor", "Tells what this machine offers, what is missing and how to get it",
            "throttlelens doctor -o json\n\nExit code 1: profiling cannot work here at all.");
    add_config(command, doctor.config);
    command->add_option("-o,--output", doctor_output, "Form of the report")
        ->check(CLI::IsMember({"table", "json"}))
        ->type_name("FORM")
        ->capture_default_str();

    command = add("check-config", "Validates a configuration file; lists every problem",
                  "throttlelens check-config config/throttlelens.yaml");
    command->add_option("FILE", check.file, "Configuration file")->required()->type_name("");

    command = add("metrics", "Prints the metric catalogue",
                  "throttlelens metrics -o json | jq '.metrics[].name'");
    command->add_option("-o,--output", metrics_output, "Form of the catalogue")
        ->check(CLI::IsMember({"markdown", "json"}))
        ->type_name("FORM")
        ->capture_default_str();

    add("version", "Prints version, commit, libbpf and build flags", "throttlelens version");
  }

  template <typename Find>
  static CLI::Validator known_name(Find find, const std::string& known) {
    return {[find, known](const std::string& text) {
              return find(text) ? std::string() : quoted(text, "is not one of " + known);
            },
            ""};
  }

  template <typename Map>
  static std::vector<std::string> keys(const Map& map) {
    std::vector<std::string> names;
    names.reserve(map.size());
    for (const auto& [name, value] : map) names.push_back(name);
    return names;
  }

  Parser() {
    app.require_subcommand(1);
    app.set_version_flag("--version", version_info().version, "Print the version number");
    app.footer("Example:\n  throttlelens top\n\n'throttlelens COMMAND --help' tells more.");
    add_run();
    add_snapshot();
    add_top();
    add_rest();
  }

  SnapshotArguments snapshot_result() {
    SnapshotQuery& query = snapshot.query;
    const CLI::App* command = app.get_subcommand("snapshot");
    // "" is a name too: rows outside of Kubernetes have it.
    if (command->count("--namespace") > 0) query.pod_namespace = pod_namespace;
    if (command->count("--pod") > 0) query.pod = pod;
    if (!duration.empty()) query.duration = parse_duration(duration).value();
    if (!sort.empty()) query.sort = snapshot_sort(sort);
    if (most > 0) query.top = most;
    query.format = snapshot_format(format).value_or(SnapshotFormat::table);
    if (!from.empty()) snapshot.from = parse_web_url(from).value();
    return snapshot;
  }

  Arguments result() {
    const std::string command = app.get_subcommands().front()->get_name();
    if (command == "run") {
      if (!listen.empty()) run.listen = listen;
      if (!log_level.empty()) run.log_level = kLogLevels.at(log_level);
      return run;
    }
    if (command == "snapshot") return snapshot_result();
    if (command == "top") {
      if (!interval.empty()) top.interval = parse_duration(interval).value();
      if (iterations > 0) top.iterations = iterations;
      if (rows > 0) top.rows = rows;
      top.order = kOrders.at(order);
      return top;
    }
    doctor.json = doctor_output == "json";
    metrics.json = metrics_output == "json";
    if (command == "doctor") return doctor;
    if (command == "check-config") return check;
    if (command == "metrics") return metrics;
    return VersionArguments{};
  }

  /// CLI11 has an exit code for each kind of mistake; people get one.
  UsageAnswer answer(const CLI::Error& error) const {
    if (error.get_exit_code() == 0) {
      std::ostringstream out;
      std::ostringstream unused;
      app.exit(error, out, unused);
      return {.exit_code = 0, .text = out.str()};
    }
    std::string command = "throttlelens";
    for (const auto* sub : app.get_subcommands()) command += " " + sub->get_name();
    return {.exit_code = kWrongUsage,
            .text = "wrong usage of '" + command + "': " + error.what() + " (see " + command +
                    " --help)"};
  }
};

}  // namespace

std::expected<Arguments, UsageAnswer> parse_arguments(int argc, const char* const* argv) {
  Parser parser;
  // CLI11 would only miss a command, not name the word that is none.
  const auto commands = parser.app.get_subcommands({});
  const auto named = [&](const CLI::App* command) { return command->check_name(argv[1]); };
  if (argc > 1 && argv[1][0] != '-' && std::ranges::none_of(commands, named)) {
    return std::unexpected(UsageAnswer{
        .exit_code = kWrongUsage,
        .text = "wrong usage: " + quoted(argv[1], "is not a command (see throttlelens --help)")});
  }
  try {
    parser.app.parse(argc, argv);
    return parser.result();
  } catch (const CLI::Error& error) {
    return std::unexpected(parser.answer(error));
  }
}

}  // namespace throttlelens
