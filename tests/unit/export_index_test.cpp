// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <catch2/catch.hpp>

#include "export/index_page.h"
#include "export_samples.h"

using namespace throttlelens;

TEST_CASE("the page says what is here") {
  Snapshot snapshot = samples::full_snapshot();
  snapshot.containers.push_back(snapshot.containers.front());
  const std::string page = render_index(&snapshot, samples::options().build);
  for (const char* part :
       {"<html lang=\"en\">", "<title>throttlelens</title>", "<a href=\"/metrics\">",
        "<a href=\"/api/v1/snapshot\">", "<a href=\"/livez\">", "<a href=\"/readyz\">",
        "<dd>0.1.0</dd>", "<dd>bpf</dd>", "<dd>no kernel BTF</dd>", "<dt>Containers</dt><dd>3</dd>",
        "<dt>Other cgroups</dt><dd>3</dd>"}) {
    CAPTURE(part);
    CHECK(page.find(part) != std::string::npos);
  }
  CHECK(render_index(nullptr, {}).find("<dd>not yet</dd>") != std::string::npos);
}

TEST_CASE("nothing on the page can become markup") {
  Snapshot snapshot = samples::full_snapshot();
  snapshot.probe.reason = "<script>\"'&\xff";
  const std::string page = render_index(&snapshot, {});
  CHECK(page.find("<dd>&lt;script&gt;&quot;&#39;&amp;\\xff</dd>") != std::string::npos);
  CHECK(page.find("<script>") == std::string::npos);
}
