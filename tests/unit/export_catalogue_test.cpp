// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "export/catalogue.h"
#include "export/metrics.h"
#include "export_samples.h"

using namespace throttlelens;

namespace {

struct Exposed {
  std::string help;
  std::string type;
  std::set<std::string> labels;  ///< each as "a,b,c"
};

/// The label names of a sample without those in which the buckets of a histogram differ.
std::string label_names(const std::string& line) {
  std::string out;
  for (std::size_t end = line.find("=\""); end != std::string::npos;
       end = line.find("=\"", end + 1)) {
    const std::size_t start = line.find_last_of("{,", end) + 1;
    const std::string name = line.substr(start, end - start);
    if (name != "le") out += (out.empty() ? "" : ",") + name;
  }
  return out;
}

std::pair<std::vector<std::string>, std::map<std::string, Exposed>> exposed() {
  std::uint64_t dropped = 0;
  std::istringstream in(
      render_metrics(samples::full_snapshot(), samples::process(), samples::options(), dropped)
          .text);
  std::vector<std::string> order;
  std::map<std::string, Exposed> families;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string hash;
    std::string kind;
    std::string name;
    if (!line.starts_with('#')) {
      families[order.back()].labels.insert(label_names(line));
      continue;
    }
    words >> hash >> kind >> name >> std::ws;
    if (kind == "HELP") order.push_back(name);
    std::getline(words, kind == "HELP" ? families[name].help : families[name].type);
  }
  return {order, families};
}

}  // namespace

TEST_CASE("the catalogue lists what is exposed, and nothing else, in the same order") {
  const auto [order, families] = exposed();
  std::vector<std::string> names;
  for (const MetricEntry& entry : metric_catalogue()) {
    CAPTURE(entry.name);
    names.emplace_back(entry.name);
    const auto found = families.find(names.back());
    REQUIRE(found != families.end());
    CHECK(found->second.help == entry.help);
    CHECK(found->second.type == to_string(entry.kind));
    CHECK(found->second.labels.contains(std::string(entry.labels)));
    // Of containers outside of Kubernetes less is known; pods have a row for all of theirs.
    const bool varies = entry.name == "throttlelens_container_info" ||
                        entry.name.starts_with("throttlelens_pod_overhead_");
    CHECK(found->second.labels.size() == (varies ? 2 : 1));
  }
  CHECK(names == order);
}

TEST_CASE("names follow Prometheus' conventions") {
  for (const MetricEntry& entry : metric_catalogue()) {
    CAPTURE(entry.name);
    CHECK((entry.name.starts_with("throttlelens_") || entry.name.starts_with("process_")));
    CHECK(entry.name.ends_with("_total") == (entry.kind == MetricKind::counter));
    CHECK(entry.help.ends_with('.'));
    // The serializer does not escape help texts.
    CHECK(entry.help.find_first_of("\n\\") == std::string_view::npos);
    CHECK_FALSE(entry.source.empty());
    CHECK_FALSE(entry.tiers.empty());
  }
}

TEST_CASE("the catalogue as JSON and as a table") {
  const auto json = nlohmann::json::parse(catalogue_json());
  CHECK(json["schema_version"] == 1);
  REQUIRE(json["metrics"].size() == metric_catalogue().size());
  std::size_t i = 0;
  for (const MetricEntry& entry : metric_catalogue()) {
    const auto& item = json["metrics"][i++];
    CHECK(item["name"] == entry.name);
    CHECK(item["type"] == to_string(entry.kind));
    CHECK(item["help"] == entry.help);
    CHECK(item["source"] == entry.source);
    CHECK(item["tiers"] == entry.tiers);
    std::string labels;
    for (const auto& label : item["labels"]) {
      labels += (labels.empty() ? "" : ",") + label.get<std::string>();
    }
    CHECK(labels == entry.labels);
    CHECK(catalogue_markdown().find("| `" + std::string(entry.name) + "` | ") != std::string::npos);
  }
}
