// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "cli/escape.h"
#include "export/top_table.h"
#include "sampler.h"
#include "terminal.h"
#include "top_filter.h"
#include "top_view.h"

namespace throttlelens {
namespace {

constexpr Nanoseconds kInterval = std::chrono::seconds(1);

const char* name(TopOrder order) {
  switch (order) {
    case TopOrder::why:
      return "why";
    case TopOrder::wait:
      return "wait";
    case TopOrder::cpu:
      return "CPU";
    case TopOrder::throttled:
      return "throttling";
    case TopOrder::peak:
      return "peak";
    case TopOrder::overhead:
      return "overhead";
    case TopOrder::memory:
      return "memory";
    case TopOrder::path:
      return "path";
  }
  return "why";
}

class LiveTop {
 public:
  explicit LiveTop(const TopContext& context)
      : context_(context),
        interval_(context.arguments.interval.value_or(kInterval)),
        order_(context.arguments.order),
        filter_(context.arguments.filter) {}

  Result<void> run();

 private:
  /// Each returns false when the view shall end.
  bool take(const Sampler::Turn& turn);
  bool obey(int signal);
  bool press(char key);
  bool draw();
  std::string status() const;

  const TopContext& context_;
  const Nanoseconds interval_;
  TopOrder order_;
  TopFilter filter_;
  std::string trouble_;  ///< the newest error or warning of a step
  std::uint32_t drawn_ = 0;
  MonoTime next_{};
  std::shared_ptr<const Snapshot> before_;
  std::shared_ptr<const Snapshot> now_;
  Terminal terminal_;
};

Result<void> LiveTop::run() {
  auto sampler = Sampler::start(context_.loop, context_.profiler, context_.clock,
                                context_.config.windows.base);
  if (!sampler) return std::unexpected(sampler.error());
  const auto keys = terminal_.keys();
  if (keys) {
    if (auto watched = context_.loop.watch(*keys); !watched) {
      return std::unexpected(watched.error());
    }
  }
  bool more = draw();
  while (more) {
    const auto turn = sampler->turn();
    if (!turn) return std::unexpected(turn.error());
    more = take(*turn);
  }
  return {};
}

bool LiveTop::take(const Sampler::Turn& turn) {
  if (!turn.step.warnings.empty()) trouble_ = turn.step.warnings.back().message();
  if (!turn.step.errors.empty()) trouble_ = turn.step.errors.back().message();
  for (const int signal : turn.signals) {
    if (!obey(signal)) return false;
  }
  if (!turn.readable.empty()) {
    const auto keys = terminal_.read_keys();
    if (!keys) return false;
    for (const char key : without_sequences(*keys)) {
      if (!press(key)) return false;
    }
  }
  const bool due = turn.step.batches > 0 && context_.profiler.ready() && turn.now >= next_;
  if (!due) return true;
  // On the grid of the first table, unless that has passed by more than one interval.
  next_ = std::max(next_ + interval_, turn.now + interval_ / 2);
  before_ = std::exchange(now_, context_.profiler.snapshot(turn.now));
  if (!draw()) return false;
  return ++drawn_ != context_.arguments.iterations;
}

bool LiveTop::obey(int signal) {
  if (signal == SIGWINCH) return draw();
  if (signal != SIGTSTP) return false;
  terminal_.suspend();
  return draw();
}

bool LiveTop::press(char key) {
  const TopFilter::Taken taken = filter_.take(key);
  if (taken != TopFilter::Taken::no) return taken == TopFilter::Taken::nothing || draw();
  switch (key) {
    case 'q':
    case 'Q':
      return false;
    case 'y':
      order_ = TopOrder::why;
      return draw();
    case 'w':
      order_ = TopOrder::wait;
      return draw();
    case 'c':
      order_ = TopOrder::cpu;
      return draw();
    case 't':
      order_ = TopOrder::throttled;
      return draw();
    case 'p':
      order_ = TopOrder::peak;
      return draw();
    case 'o':
      order_ = TopOrder::overhead;
      return draw();
    case 'm':
      order_ = TopOrder::memory;
      return draw();
    default:
      return true;
  }
}

bool LiveTop::draw() {
  if (!now_) return terminal_.draw("measuring the first window\n", status());
  const Terminal::Size size = Terminal::size();
  constexpr std::size_t kOthers = kTopExtraLines + 1;  // and the status line
  const std::size_t fitting = size.rows > kOthers ? size.rows - kOthers : 1;
  const TopOptions options{.order = order_,
                           .rows = context_.arguments.rows.value_or(fitting),
                           .width = size.columns,
                           .color = std::getenv("NO_COLOR") == nullptr,
                           .filter = filter_.text()};
  return terminal_.draw(render_top(before_.get(), *now_, options), status());
}

std::string LiveTop::status() const {
  if (filter_.typing()) return "/" + filter_.text() + "_   Enter keeps, Esc clears";
  if (!trouble_.empty()) return escape_text(trouble_);
  const std::string filtered = filter_.text().empty()
                                   ? std::string()
                                   : " of /" + escape_text(filter_.text()) + " (Esc: all)";
  return std::string("by ") + name(order_) + filtered +
         "  q quit  / filter  order: y why, w wait, c CPU, t thr, p peak, o ovh, m mem";
}

}  // namespace

Result<void> show_top_live(const TopContext& context) {
  LiveTop view(context);
  return view.run();
}

}  // namespace throttlelens
