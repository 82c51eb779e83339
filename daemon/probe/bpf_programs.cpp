// SPDX-License-Identifier: Apache-2.0
#include "bpf_programs.h"

#include <array>
#include <cerrno>
#include <utility>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "accounting.skel.h"
#include "libbpf_calls.h"

namespace throttlelens {

struct BpfPrograms::Impl {
  accounting_bpf* object = nullptr;
  bpf_link* switches = nullptr;
  bpf_link* moves = nullptr;
  std::array<bpf_link*, 2> wakeups{};  // null where throttling stops threads, not queues
  ring_buffer* events = nullptr;
  Mapping cpus, cells, touched, running, bandwidths, queues, idles;
  SharedView view;
  WaitFields fields;
  const EventHandlers* handlers = nullptr;
  std::uint64_t runs = 0;  // of the switch program, when last asked

  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    ring_buffer__free(events);
    bpf_link__destroy(switches);
    bpf_link__destroy(moves);
    for (bpf_link* wakeup : wakeups) bpf_link__destroy(wakeup);
    accounting_bpf::destroy(object);
  }

  static int handle_event(void* self, void* data, std::size_t size) {
    const auto& handlers = *static_cast<Impl*>(self)->handlers;
    const auto kind = *static_cast<const tl_u32*>(data);
    if (kind == TL_EVENT_EVICTED && size >= sizeof(tl_event_evicted)) {
      handlers.evicted(*static_cast<const tl_event_evicted*>(data));
    } else if (kind == TL_EVENT_STALL && size >= sizeof(tl_event_stall)) {
      handlers.stall(*static_cast<const tl_event_stall*>(data));
    } else if (size >= sizeof(tl_event_cgroup)) {
      const auto& event = *static_cast<const tl_event_cgroup*>(data);
      (kind == TL_EVENT_OVERFLOW ? handlers.overflow : handlers.cgroup)(event);
    }
    return 0;
  }
};

BpfPrograms::BpfPrograms(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BpfPrograms::~BpfPrograms() = default;

const SharedView& BpfPrograms::view() const {
  return impl_->view;
}

const WaitFields& BpfPrograms::fields() const {
  return impl_->fields;
}

Result<std::unique_ptr<BpfPrograms>> BpfPrograms::load(Nanoseconds base, std::uint32_t max_slots) {
  if (auto ready = prepare_to_load("load the BPF programs"); !ready) {
    return std::unexpected(ready.error());
  }
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return std::unexpected(libbpf_error("count the possible CPUs", "", -cpus));

  auto impl = std::make_unique<Impl>();
  impl->object = accounting_bpf::open();
  if (impl->object == nullptr) {
    return std::unexpected(libbpf_error("open the BPF object", "accounting", errno));
  }
  const accounting_bpf& object = *impl->object;
  object.rodata->tl_base_ns = static_cast<std::uint64_t>(base.count());
  object.rodata->tl_max_slots = max_slots;
  const auto cpu_count = static_cast<std::uint32_t>(cpus);
  object.rodata->tl_cpu_count = cpu_count;
  bpf_map__set_max_entries(object.maps.tl_cpus, cpu_count);
  bpf_map__set_max_entries(object.maps.tl_cells, cpu_count * max_slots);
  bpf_map__set_max_entries(object.maps.tl_touched, (cpu_count * TL_LISTS * max_slots + 3) / 4);
  bpf_map__set_max_entries(object.maps.tl_groups, max_slots);
  bpf_map__set_max_entries(object.maps.tl_running, cpu_count);
  bpf_map__set_max_entries(object.maps.tl_idles, cpu_count * TL_IDLES);
  impl->fields = wait_fields(KernelTypes());
  const bool see_wakeups = impl->fields.run_delay && !impl->fields.stops_threads;
  for (bpf_program* program : {object.progs.tl_woken, object.progs.tl_woken_new}) {
    bpf_program__set_autoload(program, see_wakeups);
  }
  if (const int code = accounting_bpf::load(impl->object); code != 0) {
    return std::unexpected(libbpf_error("load the BPF programs", "", -code));
  }
  forget_messages();

  for (auto&& mapped :
       {impl->cpus.map(object.maps.tl_cpus, false), impl->cells.map(object.maps.tl_cells, false),
        impl->touched.map(object.maps.tl_touched, false),
        impl->running.map(object.maps.tl_running, false),
        impl->bandwidths.map(object.maps.tl_bandwidths, true),
        impl->queues.map(object.maps.tl_queues, true),
        impl->idles.map(object.maps.tl_idles, false)}) {
    if (!mapped) return std::unexpected(mapped.error());
  }
  const auto slots = static_cast<std::size_t>(max_slots);
  impl->view = {
      .cpus = impl->cpus.as<const tl_cpu>(cpu_count),
      .cells = impl->cells.as<const tl_cell>(cpu_count * slots),
      .touched = impl->touched.as<const std::uint16_t>(slots * cpu_count * TL_LISTS),
      .running = impl->running.as<const tl_running>(cpu_count),
      .idles = impl->idles.as<const tl_idle>(std::size_t{cpu_count} * TL_IDLES),
      .max_slots = max_slots,
  };

  impl->events =
      ring_buffer__new(bpf_map__fd(object.maps.tl_events), Impl::handle_event, impl.get(), nullptr);
  if (impl->events == nullptr) {
    return std::unexpected(libbpf_error("map the ring buffer", "tl_events", errno));
  }
  if (const int code = ring_buffer__add(impl->events, bpf_map__fd(object.maps.tl_stalls),
                                        Impl::handle_event, impl.get());
      code != 0) {
    return std::unexpected(libbpf_error("map the ring buffer", "tl_stalls", -code));
  }
  impl->moves = bpf_program__attach(object.progs.tl_moved);
  if (impl->moves == nullptr) {
    return std::unexpected(libbpf_error("attach to", "cgroup_attach_task", errno));
  }
  if (see_wakeups) {
    // Before the switches: a wait whose beginning was seen ends at a switch.
    impl->wakeups = {bpf_program__attach(object.progs.tl_woken),
                     bpf_program__attach(object.progs.tl_woken_new)};
    for (const bpf_link* wakeup : impl->wakeups) {
      if (wakeup == nullptr)
        return std::unexpected(libbpf_error("attach to", "sched_wakeup", errno));
    }
  }
  impl->switches = bpf_program__attach(object.progs.tl_switch);
  if (impl->switches == nullptr) {
    return std::unexpected(libbpf_error("attach to", "sched_switch", errno));
  }
  // An offline CPU refuses (ENXIO) and is seen at its first switch.
  for (std::uint32_t cpu = 0; cpu < cpu_count; ++cpu) {
    [[maybe_unused]] const auto seeded = run_program(object.progs.tl_seed, 0, cpu);
  }
  return std::unique_ptr<BpfPrograms>(new BpfPrograms(std::move(impl)));
}

Result<void> BpfPrograms::read_running() {
  for (std::size_t first = 0; first < impl_->view.cpus.size(); first += TL_BATCH) {
    if (auto done = run_program(impl_->object->progs.tl_read_running, first); !done) return done;
  }
  return {};
}

std::span<tl_bandwidth> BpfPrograms::requests() {
  return impl_->bandwidths.as<tl_bandwidth>(TL_BATCH);
}

Result<void> BpfPrograms::answer_requests(std::size_t count) {
  return run_program(impl_->object->progs.tl_read_bandwidth, count);
}

std::span<tl_queue> BpfPrograms::queues() {
  return impl_->queues.as<tl_queue>(TL_BATCH);
}

Result<void> BpfPrograms::answer_queues(std::size_t count) {
  return run_program(impl_->object->progs.tl_read_queues, count);
}

void BpfPrograms::forget(std::uint32_t slot) {
  const tl_group unknown{};
  bpf_map_update_elem(bpf_map__fd(impl_->object->maps.tl_groups), &slot, &unknown, BPF_ANY);
}

void BpfPrograms::drain_events(const EventHandlers& handlers) {
  impl_->handlers = &handlers;
  ring_buffer__consume(impl_->events);
  impl_->handlers = nullptr;
}

std::optional<Nanoseconds> BpfPrograms::run_time() {
  bpf_prog_info info{};
  __u32 length = sizeof info;
  const int fd = bpf_program__fd(impl_->object->progs.tl_switch);
  if (bpf_obj_get_info_by_fd(fd, &info, &length) != 0) return std::nullopt;
  // The caller's own wakeup was a switch: a count that stands still is switched off.
  if (std::exchange(impl_->runs, info.run_cnt) == info.run_cnt) return std::nullopt;
  return Nanoseconds(static_cast<std::int64_t>(info.run_time_ns));
}

}  // namespace throttlelens
