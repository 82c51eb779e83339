// SPDX-License-Identifier: Apache-2.0
// tl_load: exact loads that know what they used. Every thread writes down its own
// CLOCK_THREAD_CPUTIME_ID at each window edge of CLOCK_MONOTONIC; the sum per window is the ground
// truth that the profiler is held against. It links nothing but libc, so that it runs in a guest.
//
// A thread cannot read its clock at the very edge: it may be asleep, preempted or throttled. So it
// keeps the last (monotonic, cpu) pair from before the edge and the first from after it. CPU time
// never falls and never runs faster than the clock, which bounds its value at the edge from both
// sides; the middle is reported, with half the distance as its error. A thread that runs through
// the edge is known to a microsecond; one that is preempted, throttled or asleep at the edge to
// half of what it used between the two pairs: at most about 70 us of running, or one trip through
// sleep and wakeup. The windows of a thread add up to its CPU time exactly.
#include <algorithm>
#include <atomic>
#include <charconv>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <vector>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using Ns = std::int64_t;
constexpr Ns kUs = 1000;
constexpr Ns kMs = 1000 * kUs;
constexpr Ns kSec = 1000 * kMs;

/// Between two readings of the CPU clock a thread runs at most this long: it is what an edge
/// costs in certainty when the thread is descheduled there.
constexpr Ns kPairEvery = 50 * kUs;
constexpr Ns kCheckEvery = 20 * kUs;

std::atomic<bool> stop_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free);

/// Both ends of a pipe that nobody writes to: threads that linger wait for its end.
std::atomic<int> linger_read{-1};
std::atomic<int> linger_write{-1};
std::atomic<unsigned> lingering{0};
static_assert(std::atomic<int>::is_always_lock_free);

Ns read_clock(clockid_t id) {
  timespec ts{};
  ::clock_gettime(id, &ts);
  return Ns{ts.tv_sec} * kSec + ts.tv_nsec;
}
Ns mono() {
  return read_clock(CLOCK_MONOTONIC);
}
Ns thread_cpu() {
  return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "tl_load: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}
[[noreturn]] void misuse(const std::string& what) {
  std::fprintf(stderr, "tl_load: %s (see tl_load --help)\n", what.c_str());
  std::exit(2);
}

void sleep_until(Ns when) {
  const timespec ts{static_cast<time_t>(when / kSec), static_cast<long>(when % kSec)};
  while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, nullptr) == EINTR &&
         !stop_requested.load(std::memory_order_relaxed)) {
  }
}

/// One unit of goodput: a chain of dependent multiplications, the same work on every machine.
inline std::uint64_t work_unit(std::uint64_t x) {
  for (int i = 0; i < 256; ++i) {
    x = x * 6364136223846793005U + 1442695040888963407U;
    __asm__ volatile("" : "+r"(x));
  }
  return x;
}

struct Options {
  unsigned threads = 1;
  Ns busy = kSec;
  Ns idle = 0;
  Ns duration = 10 * kSec;
  Ns window = 100 * kMs;
  Ns start_at = 0;
  Ns stagger = 0;
  Ns spin = 300 * kUs;
  bool fork_storm = false;
  bool wait_stdin = false;
  bool linger = false;
  bool spin_child = false;
  int report_fd = -1;
  std::vector<int> cpus;
  std::vector<std::string> cgroup_procs;
};

struct Calibration {
  Ns unit_ns = 1;  ///< one work unit, at its fastest
  Ns pair_ns = 0;  ///< reading both clocks, at its fastest
};

/// Fastest of many: other load only ever makes a run slower.
Calibration calibrate() {
  Calibration c;
  std::uint64_t x = 1;
  Ns best_units = kSec;
  Ns best_pair = kSec;
  for (int run = 0; run < 40; ++run) {
    const Ns begin = mono();
    for (int i = 0; i < 64; ++i) {
      x = work_unit(x);
    }
    best_units = std::min(best_units, mono() - begin);
    const Ns before = mono();
    (void)thread_cpu();
    best_pair = std::min(best_pair, mono() - before);
  }
  c.unit_ns = std::max<Ns>(1, best_units / 64);
  c.pair_ns = best_pair;
  return c;
}

struct Window {
  std::int64_t index = 0;
  Ns cpu_ns = 0;
  Ns error_ns = 0;  ///< cpu_ns is right within this
  Ns late_ns = 0;   ///< how long after the window's end the clock was first read
  Ns children_cpu_ns = 0;
  Ns children_error_ns = 0;
  bool partial = false;  ///< the thread began or ended within it
};

/// Turns (monotonic, cpu) pairs of one thread into windows.
class Sampler {
 public:
  Sampler(Ns window, Ns pair_ns, Ns expected_run) : window_ns_(window), pair_ns_(pair_ns) {
    // Memory is touched before the load starts, so that no page fault is part of it.
    windows_.resize(static_cast<std::size_t>(expected_run / window + 64));
    windows_.clear();
    last_mono_ = mono();
    last_cpu_ = thread_cpu();
    last_after_ = mono();
    next_edge_ = (last_mono_ / window_ns_ + 1) * window_ns_;
  }

  /// `now` was read from CLOCK_MONOTONIC just before.
  void check(Ns now) {
    if (now >= next_edge_ || now - last_mono_ >= kPairEvery) {
      take(now);
    }
  }

  /// The CPU clock is read at some moment between two readings of the other: close together unless
  /// the thread, or the whole machine, was stopped right there.
  void take(Ns before) {
    const Ns cpu = thread_cpu();
    const Ns after = mono();
    while (before >= next_edge_) {
      const Ns low = std::max({last_cpu_ - std::max<Ns>(0, last_after_ - next_edge_),
                               cpu - (after - next_edge_), known_cpu_});
      const Ns high = std::min(cpu, last_cpu_ + (next_edge_ - last_mono_));
      const Ns half = (std::max(low, high) - std::min(low, high) + 1) / 2 + pair_ns_;
      close(std::max(edge_cpu_, (low + high) / 2), half, before - next_edge_);
      next_edge_ += window_ns_;
    }
    last_mono_ = before;
    last_after_ = after;
    last_cpu_ = cpu;
    if (after <= next_edge_) known_cpu_ = cpu;
  }

  /// The CPU time of a child that lived from `begin` to `end`. Where in between it ran is not
  /// known, so only a child within one window is exact.
  void add_child(Ns begin, Ns end, Ns cpu) {
    const std::int64_t first = begin / window_ns_;
    const std::int64_t last = end / window_ns_;
    for (std::int64_t i = first; i <= last; ++i) {
      const Ns from = std::max(begin, i * window_ns_);
      const Ns to = std::min(end, (i + 1) * window_ns_);
      const Ns share = first == last ? cpu : cpu * (to - from) / std::max<Ns>(1, end - begin);
      const Ns error = first == last ? 0 : std::max(share, cpu - share);
      if (!children_.empty() && children_.back().index == i) {
        children_.back().children_cpu_ns += share;
        children_.back().children_error_ns += error;
      } else {
        Window w;
        w.index = i;
        w.children_cpu_ns = share;
        w.children_error_ns = error;
        children_.push_back(w);
      }
    }
  }

  void finish() {
    take(mono());
    close(last_cpu_, pair_ns_, 0);
    windows_.front().partial = true;
    windows_.back().partial = true;
    for (const Window& child : children_) {
      for (Window& w : windows_) {
        if (w.index == child.index) {
          w.children_cpu_ns = child.children_cpu_ns;
          w.children_error_ns = child.children_error_ns;
        }
      }
    }
  }

  Ns total_cpu() const { return last_cpu_; }
  const std::vector<Window>& windows() const { return windows_; }

 private:
  void close(Ns cpu_at_edge, Ns half, Ns late) {
    Window w;
    w.index = next_edge_ / window_ns_ - 1;
    w.cpu_ns = cpu_at_edge - edge_cpu_;
    w.error_ns = half + edge_error_;
    w.late_ns = late;
    windows_.push_back(w);
    edge_cpu_ = cpu_at_edge;
    edge_error_ = half;
  }

  Ns window_ns_;
  Ns pair_ns_;
  Ns last_mono_ = 0;   ///< read just before last_cpu_
  Ns last_after_ = 0;  ///< and just after
  Ns last_cpu_ = 0;
  Ns known_cpu_ = 0;  ///< of the last reading that was over before the edge: it never falls
  Ns next_edge_ = 0;
  Ns edge_cpu_ = 0;
  Ns edge_error_ = 0;
  std::vector<Window> windows_;
  std::vector<Window> children_;
};

struct ThreadTotals {
  pid_t tid = 0;
  int cpu_pinned = -1;
  Ns cpu_ns = 0;
  Ns begin_ns = 0;
  Ns end_ns = 0;
  std::uint64_t iterations = 0;
  std::uint64_t children = 0;
  Ns children_own_ns = 0;
  Ns children_rusage_ns = 0;
};

// Both go through a pipe as they are.
static_assert(std::is_trivially_copyable_v<ThreadTotals> && std::is_trivially_copyable_v<Window>);

struct ThreadResult : ThreadTotals {
  std::vector<Window> windows;
};

void pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(cpu), &set);
  if (::sched_setaffinity(0, sizeof set, &set) != 0) {
    fail("pinning to CPU " + std::to_string(cpu));
  }
}

class Loader {
 public:
  Loader(const Options& o, const Calibration& c, unsigned number, ThreadResult& result)
      : o_(o), c_(c), number_(number), result_(result) {}

  void run(Ns start) {
    result_.tid = static_cast<pid_t>(::syscall(SYS_gettid));
    if (!o_.cpus.empty()) {
      result_.cpu_pinned = o_.cpus[number_ % o_.cpus.size()];
      pin_to(result_.cpu_pinned);
    }
    Sampler sampler(o_.window, c_.pair_ns, o_.duration + kSec);
    const Ns begin = start + number_ * o_.stagger;
    result_.begin_ns = begin;
    sampler.take(mono());
    sleep_until(begin);
    sampler.take(mono());
    const Ns end = o_.duration > 0 ? start + o_.duration : INT64_MAX;
    if (o_.fork_storm) {
      storm(sampler, end);
    } else if (o_.idle == 0) {
      spin(sampler, end, kCheckEvery);
    } else {
      pulse(sampler, begin, end);
    }
    sampler.finish();
    result_.end_ns = mono();
    result_.cpu_ns = sampler.total_cpu();
    result_.windows = sampler.windows();
    if (o_.linger) linger();
  }

 private:
  void linger() const {
    if (lingering.fetch_add(1) + 1 == o_.threads) {
      (void)!::write(STDERR_FILENO, "done\n", 5);
    }
    for (char c = 0; ::read(linger_read.load(), &c, 1) < 0 && errno == EINTR;) {
    }
  }

  static bool stopping() { return stop_requested.load(std::memory_order_relaxed); }

  void spin(Sampler& sampler, Ns until, Ns check_every) {
    const Ns units = std::max<Ns>(1, check_every / c_.unit_ns);
    for (;;) {
      const Ns now = mono();
      sampler.check(now);
      if (now >= until || stopping()) {
        return;
      }
      for (Ns i = 0; i < units; ++i) {
        x_ = work_unit(x_);
      }
      result_.iterations += static_cast<std::uint64_t>(units);
    }
  }

  void pulse(Sampler& sampler, Ns begin, Ns end) {
    const Ns cycle = o_.busy + o_.idle;
    // Short bursts must end on time: look at the clock twenty times in each.
    const Ns check = std::clamp<Ns>(o_.busy / 20, kUs, kCheckEvery);
    for (Ns at = begin; at < end && !stopping();) {
      spin(sampler, std::min(at + o_.busy, end), check);
      at += cycle;
      const Ns now = mono();
      if (now >= at) {
        // Came back too late (throttled, preempted): go on with the pulse of this moment, the
        // edges stay where they are. What was missed is lost goodput.
        at += (now - at) / cycle * cycle;
        continue;
      }
      sampler.take(now);
      sleep_until(std::min(at, end));
      sampler.take(mono());
    }
  }

  void storm(Sampler& sampler, Ns end) {
    const std::string spin = std::to_string(o_.spin) + "ns";
    while (!stopping()) {
      const Ns begin = mono();
      sampler.check(begin);
      if (begin >= end) {
        return;
      }
      int fds[2];
      if (::pipe2(fds, O_CLOEXEC) != 0) {
        fail("making a pipe for a child");
      }
      const pid_t pid = ::fork();
      if (pid < 0) {
        fail("forking a child");
      }
      if (pid == 0) {
        ::dup2(fds[1], STDOUT_FILENO);
        ::execl("/proc/self/exe", "tl_load", "--spin-child", spin.c_str(), nullptr);
        ::_exit(127);
      }
      ::close(fds[1]);
      Ns own = 0;
      const bool told = ::read(fds[0], &own, sizeof own) == sizeof own;
      ::close(fds[0]);
      int status = 0;
      rusage used{};
      while (::wait4(pid, &status, 0, &used) < 0 && errno == EINTR) {
      }
      if (!told || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        errno = ECHILD;
        fail("a child did not report its CPU time");
      }
      const Ns rusage_ns = (Ns{used.ru_utime.tv_sec} + used.ru_stime.tv_sec) * kSec +
                           (Ns{used.ru_utime.tv_usec} + used.ru_stime.tv_usec) * kUs;
      sampler.add_child(begin, mono(), rusage_ns);
      ++result_.children;
      ++result_.iterations;
      result_.children_own_ns += own;
      result_.children_rusage_ns += rusage_ns;
    }
  }

  const Options& o_;
  const Calibration& c_;
  unsigned number_;
  ThreadResult& result_;
  std::uint64_t x_ = 1;
};

/// A child of the fork storm: spins, tells its own clock, ends. The last bit of its life (exit) is
/// in the rusage that the parent gets, not in its own clock.
int spin_child(Ns spin) {
  const Ns until = read_clock(CLOCK_PROCESS_CPUTIME_ID) + spin;
  std::uint64_t x = 1;
  Ns used = 0;
  do {
    x = work_unit(work_unit(x));
    used = read_clock(CLOCK_PROCESS_CPUTIME_ID);
  } while (used < until);
  const bool told = ::write(STDOUT_FILENO, &used, sizeof used) == sizeof used;
  ::_exit(told ? 0 : 1);
}

Ns parse_duration(std::string_view text, const char* option) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  Ns scale = 0;
  if (unit == "ns") {
    scale = 1;
  } else if (unit == "us") {
    scale = kUs;
  } else if (unit == "ms") {
    scale = kMs;
  } else if (unit == "s") {
    scale = kSec;
  } else if (value == 0) {
    scale = 1;  // a plain 0 needs no unit
  }
  if (error != std::errc{} || scale == 0 || !(value >= 0) || value > 1e9) {
    misuse(std::string(option) + ": '" + std::string(text) + "' is no duration such as 7ms");
  }
  return static_cast<Ns>(value * static_cast<double>(scale) + 0.5);
}

template <typename Int>
Int parse_int(std::string_view text, const char* option) {
  Int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0) {
    misuse(std::string(option) + ": '" + std::string(text) + "' is no number");
  }
  return value;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    parts.emplace_back(text.substr(0, comma));
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return parts;
}

constexpr const char* kHelp =
    R"(tl_load: a load of exact shape that records the CPU time it used, per thread and window.

  --threads N            threads (1)
  --busy D --idle D      busy D then asleep D, on edges of CLOCK_MONOTONIC; --idle 0: never asleep
  --duration D           how long (10s); 0: until SIGTERM or SIGINT, which always end it early
  --window D             length of a recorded window (100ms); index n covers [n*D, (n+1)*D)
  --start-at NS          begin at this CLOCK_MONOTONIC time (20 ms from now)
  --stagger D            thread i begins i*D later
  --pin CPU[,CPU]        thread i stays on the i-th of these CPUs, round and round
  --linger               threads stay after their work, asleep until SIGTERM or SIGINT; "done" is
                         said on stderr when all are there
  --fork-storm           each thread forks and executes one short-lived child after the other
  --spin D               CPU time each such child spins (300us)
  --cgroup-procs F[,F]   join these cgroups before any thread starts
  --wait-stdin           say "ready" on stderr, then wait for a line on stdin before starting; a
                         number on it is a time as that of --start-at

Durations: 50us, 7ms, 1.5s. Prints one JSON document on stdout when done.
cpu_ns of a window is right within error_ns; late_ns is how long after the window's end the thread
first ran. Windows a thread began or ended in are marked partial.
Example: tl_load --threads 4 --busy 200ms --idle 2s --duration 20s
)";

Options parse(int argc, char** argv) {
  enum : int {
    kThreads = 1,
    kBusy,
    kIdle,
    kDuration,
    kWindow,
    kStartAt,
    kStagger,
    kPin,
    kLinger,
    kStorm,
    kSpin,
    kProcs,
    kStdin,
    kChild,
    kUsage
  };
  static const option kOptions[] = {
      {"threads", required_argument, nullptr, kThreads},
      {"busy", required_argument, nullptr, kBusy},
      {"idle", required_argument, nullptr, kIdle},
      {"duration", required_argument, nullptr, kDuration},
      {"window", required_argument, nullptr, kWindow},
      {"start-at", required_argument, nullptr, kStartAt},
      {"stagger", required_argument, nullptr, kStagger},
      {"pin", required_argument, nullptr, kPin},
      {"linger", no_argument, nullptr, kLinger},
      {"fork-storm", no_argument, nullptr, kStorm},
      {"spin", required_argument, nullptr, kSpin},
      {"cgroup-procs", required_argument, nullptr, kProcs},
      {"wait-stdin", no_argument, nullptr, kStdin},
      {"help", no_argument, nullptr, kUsage},
      {nullptr, 0, nullptr, 0},
  };
  Options o;
  for (int c = 0; (c = ::getopt_long(argc, argv, "", kOptions, nullptr)) != -1;) {
    switch (c) {
      case kThreads:
        o.threads = parse_int<unsigned>(optarg, "--threads");
        break;
      case kBusy:
        o.busy = parse_duration(optarg, "--busy");
        break;
      case kIdle:
        o.idle = parse_duration(optarg, "--idle");
        break;
      case kDuration:
        o.duration = parse_duration(optarg, "--duration");
        break;
      case kWindow:
        o.window = parse_duration(optarg, "--window");
        break;
      case kStartAt:
        o.start_at = parse_int<Ns>(optarg, "--start-at");
        break;
      case kStagger:
        o.stagger = parse_duration(optarg, "--stagger");
        break;
      case kSpin:
        o.spin = parse_duration(optarg, "--spin");
        break;
      case kLinger:
        o.linger = true;
        break;
      case kStorm:
        o.fork_storm = true;
        break;
      case kStdin:
        o.wait_stdin = true;
        break;
      case kProcs:
        o.cgroup_procs = split(optarg);
        break;
      case kPin:
        for (const std::string& cpu : split(optarg)) {
          o.cpus.push_back(parse_int<int>(cpu, "--pin"));
        }
        break;
      case kUsage:
        std::fputs(kHelp, stdout);
        std::exit(0);
      default:
        std::exit(2);
    }
  }
  if (optind < argc) {
    misuse(std::string("unexpected '") + argv[optind] + "'");
  }
  if (o.threads == 0 || o.threads > 10'000) {
    misuse("--threads must be 1 to 10000");
  }
  if (o.busy == 0 || o.window < kMs) {
    misuse("--busy must be above 0 and --window at least 1ms");
  }
  if (o.idle > 0 && (o.busy < 10 * kUs || o.idle < 10 * kUs)) {
    misuse("--busy and --idle below 10us cannot be kept");
  }
  return o;
}

void join_cgroups(const std::vector<std::string>& files) {
  const std::string pid = std::to_string(::getpid());
  for (const std::string& file : files) {
    const int fd = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0 || ::write(fd, pid.data(), pid.size()) != static_cast<ssize_t>(pid.size())) {
      fail("joining the cgroup of " + file);
    }
    ::close(fd);
  }
}

// The load runs in a process of its own, so that neither calibrating nor printing is charged to
// the cgroup it joins. What it found comes back over a pipe.
struct RunHeader {
  pid_t pid = 0;
  Ns start = 0;
  Ns main_cpu = 0;
  Ns joined_cpu = 0;
};

void print(const Options& o, const Calibration& c, const RunHeader& run,
           const std::vector<ThreadResult>& results) {
  std::printf("{\"pid\":%d,\"start_ns\":%" PRId64 ",\"window_ns\":%" PRId64
              ",\"clock_pair_ns\":%" PRId64 ",\"unit_ns\":%" PRId64 ",\"main\":{\"cpu_ns\":%" PRId64
              ",\"before_join_ns\":%" PRId64 "},\"threads\":[",
              run.pid, run.start, o.window, c.pair_ns, c.unit_ns, run.main_cpu, run.joined_cpu);
  const char* between = "";
  for (const ThreadResult& t : results) {
    std::printf("%s\n{\"tid\":%d,\"pin\":%d,\"cpu_ns\":%" PRId64 ",\"begin_ns\":%" PRId64
                ",\"end_ns\":%" PRId64 ",\"wall_ns\":%" PRId64 ",\"iterations\":%" PRIu64
                ",\"children\":{\"count\":%" PRIu64 ",\"own_cpu_ns\":%" PRId64
                ",\"rusage_cpu_ns\":%" PRId64 "},\"windows\":[",
                between, t.tid, t.cpu_pinned, t.cpu_ns, t.begin_ns, t.end_ns, t.end_ns - t.begin_ns,
                t.iterations, t.children, t.children_own_ns, t.children_rusage_ns);
    between = ",";
    const char* comma = "";
    for (const Window& w : t.windows) {
      std::printf("%s{\"index\":%" PRId64 ",\"cpu_ns\":%" PRId64 ",\"error_ns\":%" PRId64
                  ",\"late_ns\":%" PRId64,
                  comma, w.index, w.cpu_ns, w.error_ns, w.late_ns);
      if (o.fork_storm) {
        std::printf(",\"children_cpu_ns\":%" PRId64 ",\"children_error_ns\":%" PRId64,
                    w.children_cpu_ns, w.children_error_ns);
      }
      std::printf("%s}", w.partial ? ",\"partial\":true" : "");
      comma = ",";
    }
    std::fputs("]}", stdout);
  }
  std::fputs("\n]}\n", stdout);
  if (std::fflush(stdout) != 0) {
    fail("writing the result");
  }
}

std::atomic<pid_t> worker{0};
static_assert(std::atomic<pid_t>::is_always_lock_free);

void request_stop(int) {
  stop_requested.store(true, std::memory_order_relaxed);
  if (const int fd = linger_write.exchange(-1); fd >= 0) {
    ::close(fd);
  }
  if (const pid_t pid = worker.load(std::memory_order_relaxed); pid > 0) {
    ::kill(pid, SIGTERM);
  }
}

void send(int fd, const void* data, std::size_t size) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t n = ::write(fd, at, size);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      ::_exit(1);  // the printing process has gone, and with it whoever wanted the result
    }
    at += n;
    size -= static_cast<std::size_t>(n);
  }
}

bool receive(int fd, void* data, std::size_t size) {
  char* at = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t n = ::read(fd, at, size);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      return false;
    }
    at += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

[[noreturn]] void work(const Options& o, const Calibration& calibration, int out) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0UL, 0UL, 0UL);
  join_cgroups(o.cgroup_procs);
  if (o.linger) {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0) {
      fail("making a pipe");
    }
    linger_read.store(fds[0]);
    linger_write.store(fds[1]);
    if (stop_requested.load()) {
      request_stop(SIGTERM);  // it came before there was a pipe to close
    }
  }
  RunHeader header;
  header.pid = ::getpid();
  header.joined_cpu = thread_cpu();
  Ns start_at = o.start_at;
  if (o.wait_stdin) {
    std::fputs("ready\n", stderr);
    Ns told = 0;
    for (char c = 0; c != '\n';) {
      const ssize_t n = ::read(STDIN_FILENO, &c, 1);
      if (n < 0 && errno == EINTR && !stop_requested.load(std::memory_order_relaxed)) {
        continue;
      }
      if (n != 1) {
        break;  // end of file counts as the line
      }
      if (c >= '0' && c <= '9') {
        told = told * 10 + (c - '0');
      }
    }
    start_at = std::max(start_at, told);
  }
  header.start = std::max(start_at, mono() + 20 * kMs);
  std::vector<ThreadResult> results(o.threads);
  std::vector<std::thread> threads;
  threads.reserve(o.threads);
  for (unsigned i = 0; i < o.threads; ++i) {
    threads.emplace_back([&, i] { Loader(o, calibration, i, results[i]).run(header.start); });
  }
  for (std::thread& t : threads) {
    t.join();
  }
  header.main_cpu = thread_cpu();
  send(out, &header, sizeof header);
  for (const ThreadResult& t : results) {
    const std::uint64_t count = t.windows.size();
    send(out, static_cast<const ThreadTotals*>(&t), sizeof(ThreadTotals));
    send(out, &count, sizeof count);
    send(out, t.windows.data(), count * sizeof(Window));
  }
  ::_exit(0);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--spin-child") {
    return spin_child(parse_duration(argv[2], "--spin"));
  }
  const Options o = parse(argc, argv);

  // The default slack of 50 us would swallow a 50 us sleep; children and threads inherit this.
  ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  const Calibration calibration = calibrate();
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) {
    fail("making a pipe");
  }
  // Handlers first: a signal between fork and handler would leave the load running.
  struct sigaction action{};
  action.sa_handler = request_stop;
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) {
    fail("forking the load");
  }
  if (pid == 0) {
    work(o, calibration, fds[1]);
  }
  worker.store(pid, std::memory_order_relaxed);
  if (stop_requested.load(std::memory_order_relaxed)) {
    ::kill(pid, SIGTERM);
  }
  ::close(fds[1]);

  RunHeader header;
  std::vector<ThreadResult> results(o.threads);
  bool complete = receive(fds[0], &header, sizeof header);
  for (ThreadResult& t : results) {
    std::uint64_t count = 0;
    complete = complete && receive(fds[0], static_cast<ThreadTotals*>(&t), sizeof(ThreadTotals)) &&
               receive(fds[0], &count, sizeof count);
    if (complete) {
      t.windows.resize(count);
      complete = receive(fds[0], t.windows.data(), count * sizeof(Window));
    }
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  worker.store(0, std::memory_order_relaxed);
  if (!complete) {
    std::fprintf(stderr, "tl_load: the load ended without a result (wait status %#x)\n",
                 static_cast<unsigned>(status));
    return 1;
  }
  print(o, calibration, header, results);
  return 0;
}
