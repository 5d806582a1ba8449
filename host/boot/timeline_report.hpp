// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "boot/exec_time.hpp"

namespace mayfly::boot {

/// What is worth a time stamp, about in the order in which it happens.
enum class Milestone : std::uint8_t {
  kExec,
  kMain,
  kOptions,      ///< command line understood
  kAskKvmBegin,  ///< KVM is opened and asked for its CPUID beside all of the others
  kAskKvmEnd,
  kOpened,           ///< control socket, image and guest memory there
  kVmCreated,        ///< VM with its irqchip there
  kMemoryReady,      ///< guest memory mapped and known to KVM
  kKernelReadBegin,  ///< the kernel file is read beside all of the others
  kKernelReadEnd,
  kDevicesReady,  ///< devices on their buses
  kOpenBegin,     ///< passed-through devices are opened and reset beside all of the others
  kOpenEnd,
  kPopulateBegin,  ///< and guest memory is populated,
  kPopulateEnd,
  kDmaMapBegin,    ///< pinned and mapped for them
  kDmaSettled,     ///< all that the guest may use is mapped
  kDmaMapEnd,      ///< all of it is
  kCpuReady,       ///< vCPUs there, state set
  kPassedReady,    ///< passed-through devices on their bus
  kPrefaultBegin,  ///< all guest memory is populated beside all of the others, where that was asked for
  kPrefaultEnd,
  kPrefaulted,   ///< and has page tables
  kFirstEntry,   ///< just before the first KVM_RUN
  kKernelEntry,  ///< port mark 0x40
  kExecInit,     ///< port mark 0x41: just before init's exec
  kInitStarted,  ///< port mark 0x60
  kReady,        ///< port mark 0x61: just before the workload's exec
  kExited,       ///< port mark 0x62
  kEnded,        ///< the main thread knows how the run ended, and the output is written
  kVmDown,       ///< no vCPU runs any more
  kFactsRead,    ///< what the timeline wants to know of the machine was asked
  kTornDown,     ///< machine and session are gone
};
inline constexpr std::size_t kMilestones = static_cast<std::size_t>(Milestone::kTornDown) + 1;

/// How often something happened.
struct NamedCount {
  std::string name;
  std::uint64_t count = 0;
};

/// Who does the work of a phase.
enum class Track : std::uint8_t {
  kMain,
  kKernelLoader,
  kOpener,
  kPopulater,
  kDmaMapper,
  kPrefaulter,
  kGuest
};

/// A stretch of work, in nanoseconds since exec.
struct Phase {
  std::string name;
  std::uint64_t begin_ns = 0;
  std::uint64_t end_ns = 0;
  Track track = Track::kMain;
  /// The run ended within it.
  bool unfinished = false;
  /// Exits to the VMM by reason, and growth of what KVM has mapped for the guest; where that is known.
  std::optional<std::vector<NamedCount>> exits{};
  std::optional<std::uint64_t> bytes_mapped{};
  /// Exits of all kinds, those that KVM answers itself included; where that is known.
  std::optional<std::uint64_t> kvm_exits{};
  /// What it consists of, one after the other.
  std::vector<Phase> parts{};
};

/// One byte written to port 0x80, in nanoseconds since exec.
struct PortMark {
  std::uint8_t code = 0;
  std::uint64_t at_ns = 0;
};

/// The most reasons that exits are counted by.
inline constexpr std::size_t kExitReasonsMax = 9;

/// What the machine had done at a moment that is a milestone or a port mark.
struct Sample {
  std::uint64_t at_ns = 0;
  /// In the order of RunFacts::exits.
  std::array<std::uint64_t, kExitReasonsMax> exits{};
  /// What KVM has mapped for the guest: its memory and the image.
  std::optional<std::uint64_t> bytes_mapped{};
  /// What all vCPUs together have left the guest for, by KVM's own counters.
  std::optional<std::uint64_t> kvm_exits{};
};

/// From one moment to a later one.
struct Span {
  std::string name;
  std::uint64_t ns = 0;
};

/// What vmm adds to a report.
struct RunFacts {
  std::string outcome;
  int exit_status = 0;
  std::vector<NamedCount> exits;
  std::uint64_t bytes_populated = 0;
  /// What guest memory was made of, as --pages says it.
  std::string pages;
  /// KVM's own counters of the VM and, summed, of its vCPUs.
  std::vector<std::pair<std::string, std::uint64_t>> kvm;
  /// By time or not.
  std::vector<Sample> samples{};
  /// What the balloon did, where there was one.
  std::optional<std::vector<NamedCount>> balloon{};
  /// What all disks together were asked for, where there was one.
  std::optional<std::vector<NamedCount>> disks{};
  /// What all network devices together did, where there was one.
  std::optional<std::vector<NamedCount>> network{};
  /// What went through the guest's sockets, where it had some.
  std::optional<std::vector<NamedCount>> sockets{};
  /// What was populated and mapped before the guest ran, where that was asked for.
  std::optional<std::vector<NamedCount>> prefault{};
  /// What the DMA map did, where devices were passed through.
  std::optional<std::vector<NamedCount>> dma{};
};

/// One run, as TIMELINE.md describes it.
struct Report {
  RunFacts facts;
  ExecTime exec;
  /// Nanoseconds since exec, by Milestone.
  std::array<std::optional<std::uint64_t>, kMilestones> milestones{};
  std::vector<Phase> phases;
  std::vector<PortMark> marks;
  std::uint64_t marks_dropped = 0;
  std::vector<Span> spans;

  [[nodiscard]] std::optional<std::uint64_t> at(Milestone milestone) const noexcept {
    return milestones[static_cast<std::size_t>(milestone)];
  }
  /// The span of that name. Nothing when its end never came.
  [[nodiscard]] std::optional<std::uint64_t> span(std::string_view name) const noexcept;
};

/// Fills phases and spans from milestones, marks and samples. A guest may write its marks in any order and
/// number: no phase and no span is negative, and their number is bounded.
void derive(Report& report);

/// What begins with the mark, for those of our kernel and init; else who uses the code: "firmware",
/// "bootloader", "kernel", "userspace", "custom".
[[nodiscard]] std::string_view port_mark_name(std::uint8_t code) noexcept;
/// True for the marks of our kernel, which divide the phase guest_kernel.
[[nodiscard]] bool is_kernel_mark(std::uint8_t code) noexcept;

/// One JSON object, schema version 1 (TIMELINE.md), with a final newline.
[[nodiscard]] std::string to_json(const Report& report);

/// What to_json() wrote: time of exec, phases, marks, spans, outcome and exit status. Nothing when `text` is
/// no timeline of schema version 1; what in it is of the wrong kind counts as empty or 0.
[[nodiscard]] std::optional<Report> from_json(std::string_view text);

/// A few lines for a terminal, 80 columns of ASCII: a bar for each phase.
[[nodiscard]] std::string waterfall(const Report& report);

/// The phases and marks in Chrome's trace event format, as ui.perfetto.dev opens it, with a final newline.
[[nodiscard]] std::string to_perfetto(const Report& report);

/// "main", "kernel_loader", "opener", "populater", "dma_mapper", "prefaulter" or "guest".
[[nodiscard]] std::string_view name(Track track) noexcept;

}  // namespace mayfly::boot
