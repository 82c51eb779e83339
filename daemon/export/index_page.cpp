// SPDX-License-Identifier: Apache-2.0
#include "export/index_page.h"

#include <string_view>

#include "label_value.h"

namespace throttlelens {

namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : readable_value(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// No scripts, nothing fetched; the empty icon spares a request for /favicon.ico.
constexpr std::string_view kHead = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>throttlelens</title>
<link rel="icon" href="data:,">
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 42rem; margin: 2rem auto; padding: 0 1rem; }
dt { font-weight: bold; }
dd { margin: 0 0 .5rem 0; overflow-wrap: anywhere; }
</style>
</head>
<body>
<main>
<h1>throttlelens</h1>
<p>Shows where containers lose CPU time.</p>
<h2>Endpoints</h2>
<ul>
<li><a href="/metrics">/metrics</a>: metrics for Prometheus</li>
<li><a href="/api/v1/snapshot">/api/v1/snapshot</a>: the same now as JSON, and why each container
waits; ?namespace=, ?pod= and ?top= choose rows</li>
<li><a href="/livez">/livez</a>: whether the sampler runs (also /healthz)</li>
<li><a href="/readyz">/readyz</a>: whether the first window was measured, and if not, why</li>
</ul>
<h2>This node</h2>
<dl>
)";

constexpr std::string_view kTail = "</dl>\n</main>\n</body>\n</html>\n";

}  // namespace

std::string render_index(const Snapshot* snapshot, const BuildInfo& build) {
  std::string page(kHead);
  const auto item = [&page](std::string_view term, std::string_view value) {
    if (value.empty()) return;
    page.append("<dt>").append(term).append("</dt><dd>").append(escaped(value)).append("</dd>\n");
  };
  item("Version", build.version);
  item("Commit", build.commit);
  item("libbpf", build.libbpf);
  item("Compiler", build.compiler);
  if (snapshot == nullptr) {
    item("Measuring", "not yet");
    return page.append(kTail);
  }
  item("Measuring", snapshot->ready ? "yes" : "not yet: the first window is not over");
  item("Probe tier", snapshot->probe.tier);
  item("Why not bpf", snapshot->probe.reason);
  item("Kernel", snapshot->probe.kernel);
  item("cgroup mode", snapshot->probe.cgroup_mode);
  item("CPUs", std::to_string(snapshot->cpus_online));
  item("Containers", std::to_string(snapshot->containers.size()));
  item("Other cgroups", std::to_string(snapshot->cgroups.size()));
  return page.append(kTail);
}

}  // namespace throttlelens
