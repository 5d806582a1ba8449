// SPDX-License-Identifier: Apache-2.0
#include "exits/perf_ring.hpp"

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/checked.hpp"
#include "base/error.hpp"
#include "base/text_file.hpp"

namespace mayfly::exits {
namespace {

// Some 5000 exits: more than come in the time between two looks at it.
constexpr std::size_t kRingBytes = 512 * kKiB;
constexpr std::size_t kPageBytes = 4 * kKiB;

std::string paranoia() {
  constexpr std::size_t kBytesMax = 16;
  const std::string level =
      read_text_file("/proc/sys/kernel/perf_event_paranoid", kBytesMax).value_or("unknown");
  return level.substr(0, level.find('\n'));
}

[[noreturn]] void fail_open(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
      throw Error(error,
                  "the kernel lets you follow no exits; run this as root, or with CAP_PERFMON "
                  "(kernel.perf_event_paranoid is " +
                      paranoia() + ")");
    case EMFILE:
      throw Error(error, "too many files for so many vCPUs; raise the limit with ulimit -n");
    case ENOSYS:
    case ENOENT:
      throw Error(error, "this kernel counts no trace events (CONFIG_PERF_EVENTS, CONFIG_EVENT_TRACING)");
    default:
      throw Error(error, "cannot follow exits (perf_event_open)");
  }
}

/// Nothing when there is no such thread or CPU.
std::optional<Fd> open_event(Followed followed, std::uint16_t id) {
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_TRACEPOINT;
  attributes.size = sizeof(attributes);
  attributes.config = id;
  attributes.sample_period = 1;
  attributes.sample_type = kSampleType;
  attributes.disabled = 1;
  attributes.watermark = 1;
  attributes.wakeup_watermark = kRingBytes / 4;
  const bool is_thread = followed.what == Followed::What::kThread;
  const pid_t thread = is_thread ? followed.number : -1;
  const int cpu = is_thread ? -1 : followed.number;
  Fd file(
      static_cast<int>(::syscall(SYS_perf_event_open, &attributes, thread, cpu, -1, PERF_FLAG_FD_CLOEXEC)));
  if (!file && (errno == ESRCH || errno == ENODEV)) {
    return std::nullopt;
  }
  if (!file) {
    fail_open(errno);
  }
  return file;
}

Mapping map_ring(const Fd& file) {
  void* const address =
      ::mmap(nullptr, kPageBytes + kRingBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (address == MAP_FAILED) {
    fail_errno(
        "cannot map the memory that exits are written to; run this as root, or raise "
        "kernel.perf_event_mlock_kb");
  }
  return {address, kPageBytes + kRingBytes};
}

}  // namespace

std::optional<PerfRing> PerfRing::open(Followed followed, std::span<const TraceEvent> events) {
  std::vector<Fd> files;
  Mapping memory;
  for (const TraceEvent& event : events) {
    std::optional<Fd> file = open_event(followed, event.id);
    if (!file.has_value()) {
      return std::nullopt;
    }
    if (files.empty()) {
      memory = map_ring(*file);
    } else if (::ioctl(file->get(), PERF_EVENT_IOC_SET_OUTPUT, files.front().get()) < 0) {
      fail_errno("cannot follow exits (PERF_EVENT_IOC_SET_OUTPUT)");
    }
    files.push_back(*std::move(file));
  }
  for (const Fd& file : files) {
    if (::ioctl(file.get(), PERF_EVENT_IOC_ENABLE, 0) < 0) {
      fail_errno("cannot follow exits (PERF_EVENT_IOC_ENABLE)");
    }
  }
  return PerfRing(std::move(files), std::move(memory));
}

void PerfRing::drain(std::span<const TraceEvent> events, Tally& tally) {
  // Safe: the kernel keeps this struct at the start of the mapping, which is aligned to a page.
  auto* const page = reinterpret_cast<perf_event_mmap_page*>(memory_.data());
  const std::uint64_t head = std::atomic_ref(page->data_head).load(std::memory_order_acquire);
  const std::atomic_ref tail(page->data_tail);
  RecordCursor cursor(memory_.bytes().subspan(kPageBytes), tail.load(std::memory_order_relaxed), head);
  while (const auto bytes = cursor.next()) {
    const Record record = parse_record(*bytes);
    if (const auto* sample = std::get_if<Sample>(&record)) {
      tally.add(*sample, events);
    } else if (const auto* lost = std::get_if<Lost>(&record)) {
      tally.add_lost(lost->records);
    }
  }
  if (cursor.is_damaged()) {
    tally.add_lost(1);
  }
  tail.store(head, std::memory_order_release);
}

}  // namespace mayfly::exits
