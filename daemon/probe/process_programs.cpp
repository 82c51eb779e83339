// SPDX-License-Identifier: Apache-2.0
#include "process_programs.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "libbpf_calls.h"
#include "process_names.h"
#include "processes.skel.h"

namespace throttlelens {

namespace {

// Entries copied by one call to the kernel; more than any of its buckets will hold.
constexpr std::uint32_t kChunk = 256;
// Looks at all processes, each finding children of what the last one found.
constexpr int kLooks = 4;

static_assert(static_cast<int>(ProcessKind::shim) == TL_SHIM &&
              static_cast<int>(ProcessKind::monitor) == TL_MONITOR &&
              static_cast<int>(ProcessKind::helper) == TL_HELPER &&
              static_cast<int>(ProcessKind::service) == TL_SERVICE);

tl_process_name to_kernel(const ProcessName& name) {
  std::array<char, TL_COMM_LEN> word{};
  std::array<char, TL_COMM_LEN> mask{};
  std::ranges::copy(name.comm, word.begin());
  // The NUL that ends it belongs to the name. What follows may be anything.
  const std::size_t length = name.comm.size() + (name.prefix ? 0 : 1);
  std::fill_n(mask.begin(), std::min(length, mask.size()), '\xff');
  tl_process_name out{};
  std::memcpy(static_cast<void*>(out.word), word.data(), word.size());
  std::memcpy(static_cast<void*>(out.mask), mask.data(), mask.size());
  out.kind = static_cast<tl_u32>(name.kind);
  return out;
}

std::uint64_t load_counter(__u64& counter) {
  return std::atomic_ref(counter).load(std::memory_order_relaxed);
}

}  // namespace

struct ProcessPrograms::Impl {
  processes_bpf* object = nullptr;
  std::array<bpf_link*, 5> links{};
  bpf_link* look = nullptr;  // at all processes
  ring_buffer* events = nullptr;
  Mapping times;
  const EventHandlers* handlers = nullptr;

  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    ring_buffer__free(events);
    for (bpf_link* link : links) bpf_link__destroy(link);
    bpf_link__destroy(look);
    processes_bpf::destroy(object);
  }

  static int handle_event(void* self, void* data, std::size_t size) {
    const auto& handlers = *static_cast<Impl*>(self)->handlers;
    const auto kind = *static_cast<const tl_u32*>(data);
    if (kind == TL_PROCESS_SEEN && size >= sizeof(tl_event_seen)) {
      handlers.seen(*static_cast<const tl_event_seen*>(data));
    } else if (kind == TL_PROCESS_ENDED && size >= sizeof(tl_event_ended)) {
      handlers.ended(*static_cast<const tl_event_ended*>(data));
    }
    return 0;
  }

  Result<void> open();
  Result<void> attach();
  Result<void> look_at_all();
  Result<std::vector<FollowedProcess>> entries();
};

Result<void> ProcessPrograms::Impl::open() {
  object = processes_bpf::open();
  if (object == nullptr) {
    return std::unexpected(libbpf_error("open the BPF object", "processes", errno));
  }
  const auto names = process_names();
  // Names known at compile time; all fit.
  auto& rodata = *object->rodata;
  std::uint32_t count = 0;
  for (const ProcessName& name : names) rodata.tl_process_names[count++] = to_kernel(name);
  rodata.tl_process_name_count = count;
  if (const int code = processes_bpf::load(object); code != 0) {
    return std::unexpected(libbpf_error("load the BPF programs", "processes", -code));
  }
  forget_messages();
  if (auto mapped = times.map(object->maps.tl_process_times, true); !mapped) return mapped;
  events =
      ring_buffer__new(bpf_map__fd(object->maps.tl_process_events), handle_event, this, nullptr);
  if (events == nullptr) {
    return std::unexpected(libbpf_error("map the ring buffer", "tl_process_events", errno));
  }
  return {};
}

Result<void> ProcessPrograms::Impl::attach() {
  // The end first: what is followed will be seen to end.
  const std::array programs{object->progs.tl_freed, object->progs.tl_exited,
                            object->progs.tl_joined, object->progs.tl_forked,
                            object->progs.tl_executed};
  for (std::size_t i = 0; i < programs.size(); ++i) {
    links.at(i) = bpf_program__attach(programs.at(i));
    if (links.at(i) == nullptr) {
      return std::unexpected(
          libbpf_error("attach the BPF program", bpf_program__name(programs.at(i)), errno));
    }
  }
  look = bpf_program__attach_iter(object->progs.tl_adopt, nullptr);
  if (look == nullptr) return std::unexpected(libbpf_error("attach to", "iter/task", errno));
  return {};
}

Result<std::unique_ptr<ProcessPrograms>> ProcessPrograms::load() {
  if (auto ready = prepare_to_load("load the BPF programs for processes"); !ready) {
    return std::unexpected(ready.error());
  }
  auto impl = std::make_unique<Impl>();
  if (auto opened = impl->open(); !opened) return std::unexpected(opened.error());
  if (auto attached = impl->attach(); !attached) return std::unexpected(attached.error());
  return std::unique_ptr<ProcessPrograms>(new ProcessPrograms(std::move(impl)));
}

ProcessPrograms::ProcessPrograms(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ProcessPrograms::~ProcessPrograms() = default;

// The program runs for each process while the iterator is read; it writes nothing.
Result<void> ProcessPrograms::Impl::look_at_all() {
  const UniqueFd iterator(bpf_iter_create(bpf_link__fd(look)));
  if (!iterator) return std::unexpected(libbpf_error("look at all processes", "iter/task", errno));
  std::array<char, 64> nothing{};
  ssize_t got = 0;
  do {
    got = ::read(iterator.get(), nothing.data(), nothing.size());
  } while (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)));
  if (got < 0) return std::unexpected(os_error("look at all processes", "iter/task", errno));
  return {};
}

Result<void> ProcessPrograms::adopt() {
  for (int looks = 0; looks < kLooks; ++looks) {
    auto& state = *impl_->object->bss;
    const std::uint64_t before = load_counter(state.tl_adopted);
    std::atomic_ref(state.tl_adopt_all).store(looks > 0 ? 1U : 0U);
    if (auto looked = impl_->look_at_all(); !looked) return looked;
    if (looks > 0 && load_counter(state.tl_adopted) == before) break;
  }
  return {};
}

Result<std::vector<FollowedProcess>> ProcessPrograms::Impl::entries() {
  const int map = bpf_map__fd(object->maps.tl_processes);
  std::vector<FollowedProcess> out;
  std::vector<tl_u64> keys(kChunk);
  std::vector<tl_process> values(kChunk);
  tl_u64 at = 0;
  bool first = true;
  for (bool more = true; more; first = false) {
    __u32 count = kChunk;
    const int code = bpf_map_lookup_batch(map, first ? nullptr : &at, &at, keys.data(),
                                          values.data(), &count, nullptr);
    if (code != 0 && code != -ENOENT) {
      return std::unexpected(libbpf_error("read the map", "tl_processes", -code));
    }
    more = code == 0;
    for (std::size_t i = 0; i < count; ++i) {
      out.push_back({.signal = keys[i], .entry = values[i]});
    }
  }
  return out;
}

Result<std::vector<FollowedProcess>> ProcessPrograms::followed() {
  auto all = impl_->entries();
  if (!all) return all;
  const std::span<tl_process_time> requests = impl_->times.as<tl_process_time>(TL_PROCESS_BATCH);
  std::span<FollowedProcess> rest(*all);
  while (!rest.empty()) {
    const std::span<FollowedProcess> some = rest.first(std::min(rest.size(), requests.size()));
    for (std::size_t i = 0; i < some.size(); ++i) {
      requests[i] = {.signal = some[i].signal,
                     .started = some[i].entry.started,
                     .pid = some[i].entry.pid,
                     .answer = TL_PROCESS_NOT_READ,
                     .cpu_ns = 0};
    }
    if (auto done = run_program(impl_->object->progs.tl_read_processes, some.size()); !done) {
      return std::unexpected(done.error());
    }
    for (std::size_t i = 0; i < some.size(); ++i) {
      some[i].answer = requests[i].answer;
      some[i].cpu_ns = requests[i].cpu_ns;
    }
    rest = rest.subspan(some.size());
  }
  return all;
}

void ProcessPrograms::stop_following(tl_u64 signal) {
  bpf_map_delete_elem(bpf_map__fd(impl_->object->maps.tl_processes), &signal);
}

void ProcessPrograms::drain_events(const EventHandlers& handlers) {
  impl_->handlers = &handlers;
  ring_buffer__consume(impl_->events);
  impl_->handlers = nullptr;
}

std::uint64_t ProcessPrograms::lost() const {
  auto& counters = *impl_->object->bss;
  return load_counter(counters.tl_not_followed) + load_counter(counters.tl_not_told);
}

}  // namespace throttlelens
