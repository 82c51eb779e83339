// SPDX-License-Identifier: Apache-2.0
#include "export/top_table.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "human.h"
#include "losses_text.h"
#include "text_table.h"
#include "top_columns.h"
#include "top_names.h"
#include "top_rows.h"

namespace throttlelens {

namespace {

constexpr std::size_t kLegendLines = 2;

std::string header(const Snapshot& now) {
  std::string text = "throttlelens  tier " + printable(now.probe.tier);
  text += "  " + std::to_string(now.cpus_online) + (now.cpus_online == 1 ? " CPU" : " CPUs");
  const std::size_t index = now_window(now);
  if (!now.ready) return text + "  waiting for the first window";
  if (index >= now.node.size()) return text;
  const NodeWindow& node = now.node[index];
  if (const auto busy = cores(node.busy, node.length)) {
    text += "  busy " + millicores(*busy);
    if (now.cpus_online > 0) text += " (" + percent(*busy / now.cpus_online) + ")";
  }
  if (node.idle_ratio) text += "  idle " + percent(*node.idle_ratio);
  return text;
}

}  // namespace

std::string render_top(const Snapshot* before, const Snapshot& now, const TopOptions& options) {
  Page page(options.width, options.color);
  page.line(header(now), kBold);
  if (const std::string text = losses_text(now); !text.empty()) page.line(text, kYellow);

  std::vector<TopRow> rows = top_rows(before, now, options.order, options.filter);
  const std::size_t all = rows.size();
  if (options.rows != 0 && rows.size() > options.rows) rows.resize(options.rows);
  std::vector<Column> columns = make_columns(rows, now, before != nullptr, options.order);
  std::size_t longest = kNameHeading.size();
  for (const TopRow& row : rows) longest = std::max(longest, row.name.width());
  const NameRoom room{
      .heading = kNameHeading.size(), .longest = longest, .last_needed = last_needed_column()};
  const std::size_t name_width = std::min(fit(columns, options.width, room), longest);

  page.line("");
  page.heading(std::string(kNameHeading.substr(0, name_width)), name_width, columns);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    page.row(rows[i].name.fitted(name_width), name_width, rows[i].row->alive ? kPlain : kDim,
             columns, i);
  }
  if (all > rows.size()) page.line("and " + std::to_string(all - rows.size()) + " more", kDim);
  for (std::string& text : legend(columns, options.width, kLegendLines)) {
    page.line(std::move(text), kDim);
  }
  return page.take();
}

}  // namespace throttlelens
