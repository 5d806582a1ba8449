// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "boot/timeline_report.hpp"

namespace mayfly::vmm {

/// A number that one thread counts up and any may read: a plain addition, but never a torn read.
class Counter {
 public:
  Counter() noexcept = default;
  Counter(const Counter& other) noexcept : value_(other) {}
  Counter& operator=(const Counter& other) noexcept {
    if (this != &other) {
      value_.store(other, std::memory_order_relaxed);
    }
    return *this;
  }
  ~Counter() = default;

  Counter& operator+=(std::uint64_t more) noexcept {
    value_.store(*this + more, std::memory_order_relaxed);
    return *this;
  }
  Counter& operator++() noexcept { return *this += 1; }
  // NOLINTNEXTLINE(google-explicit-constructor): stands for its value.
  operator std::uint64_t() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// How often vCPUs came back to mayfly, by reason. What KVM handles by itself is not in here.
struct ExitCounts {
  Counter port_out;
  Counter port_in;
  Counter pci_config;  ///< Ports 0xcf8 to 0xcff, in and out; not in the two above.
  Counter boot_mark;   ///< Port 0x80.
  Counter mmio_read;
  Counter mmio_write;
  Counter hypercall;  ///< KVM_HC_MAP_GPA_RANGE.
  Counter interrupted;
  Counter other;

  ExitCounts& operator+=(const ExitCounts& more) noexcept;

  static constexpr std::array<const char*, boot::kExitReasonsMax> kNames = {
      "port_out",   "port_in",   "pci_config",  "boot_mark", "mmio_read",
      "mmio_write", "hypercall", "interrupted", "other"};
  /// In the order of kNames.
  [[nodiscard]] std::array<std::uint64_t, kNames.size()> values() const noexcept {
    return {port_out, port_in, pci_config, boot_mark, mmio_read, mmio_write, hypercall, interrupted, other};
  }
};

}  // namespace mayfly::vmm
