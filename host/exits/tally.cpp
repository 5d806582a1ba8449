// SPDX-License-Identifier: Apache-2.0
#include "exits/tally.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>

namespace mayfly::exits {
namespace {

// KVM_TRACE_MMIO_READ_UNSATISFIED: the VMM is asked; when it has answered the same access comes again as a
// read.
constexpr std::uint64_t kMmioAsked = 0;
constexpr std::uint64_t kMmioWrite = 2;
constexpr std::uint64_t kVectors = 256;

constexpr std::uint64_t with_direction(std::uint64_t place, bool is_write) {
  return place << 1U | (is_write ? 1U : 0U);
}

constexpr std::uint64_t pair(std::uint64_t high, std::uint64_t low) {
  return high << 32U | (low & UINT32_MAX);
}

}  // namespace

void Tally::add(const Sample& sample, std::span<const TraceEvent> events) {
  // common_type, the first of all fields of all events.
  const auto id = load(sample.raw, {.offset = 0, .bytes = 2});
  const auto event = std::find_if(events.begin(), events.end(),
                                  [&](const TraceEvent& each) { return id.has_value() && each.id == *id; });
  if (event == events.end()) {
    ++lost_;
    return;
  }
  std::array<std::uint64_t, kEventFieldsMax> fields{};
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto value = load(sample.raw, event->fields[i]);
    if (!value.has_value()) {
      ++lost_;
      return;
    }
    fields[i] = *value;
  }
  count_event(sample, event->kind, fields);
}

void Tally::count_event(const Sample& sample, EventKind kind,
                        const std::array<std::uint64_t, kEventFieldsMax>& fields) {
  switch (kind) {
    case EventKind::kExit:
      ++exits_;
      count(Group::kReason, pair(fields[1], fields[0]));
      count(Group::kVm, sample.process);
      count(Group::kVcpu, pair(sample.process, fields[2]));
      break;
    case EventKind::kUserExit: {
      const auto error = static_cast<std::int32_t>(fields[1]);
      count(Group::kUserExit, error == -EINTR ? kRestarted : error < 0 ? kFailed : fields[0] & UINT32_MAX);
      break;
    }
    case EventKind::kPio:
      count(Group::kPort, with_direction(fields[0], fields[1] != 0));
      break;
    case EventKind::kMmio:
      if (fields[1] != kMmioAsked) {
        count(Group::kMmio, with_direction(fields[0], fields[1] == kMmioWrite));
      }
      break;
    case EventKind::kFastMmio:
      count(Group::kMmio, with_direction(fields[0], true));
      break;
    case EventKind::kMsr:
      count(Group::kMsr, with_direction(fields[0], fields[1] != 0));
      break;
    case EventKind::kHypercall:
      count(Group::kHypercall, fields[0]);
      break;
    case EventKind::kMsi:
      count(Group::kMsi, fields[0] % kVectors);
      break;
  }
}

void Tally::count(Group group, std::uint64_t key) {
  Counts& counts = groups_[static_cast<std::size_t>(group)];
  const auto found = counts.find(key);
  if (found != counts.end()) {
    ++found->second;
  } else {
    ++counts[counts.size() < kKeysMax ? key : kOtherKeys];
  }
}

}  // namespace mayfly::exits
