// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "ci/gate/measurement.hpp"

namespace mayfly::gate {

/// What an Error says that `action` throws; empty when it throws none.
inline std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// A boot that is ready after `ready_ns`, most of it spent in the guest's kernel.
inline Sample boot_of(std::uint64_t ready_ns) {
  Sample sample;
  sample.resident_bytes = 40U << 20U;
  sample.guest_bytes = 32U << 20U;
  sample.outcome = "exited";
  sample.pages = "thp";
  sample.spans_ns = {{"exec_to_ready", ready_ns}, {"init_to_ready", 500'000}};
  sample.phases = {{"enter", 0, 7'000'000},
                   {"guest_kernel", 7'000'000, ready_ns - 500'000},
                   {"guest_init", ready_ns - 500'000, ready_ns},
                   {"kernel_read", 1'000'000, 5'000'000}};
  sample.exits = {{"mmio_read", 800}, {"mmio_write", 300}};
  sample.kvm = {{"exits", 1500}};
  sample.marks = {0x60, 0x61, 0x62};
  return sample;
}

/// A measurement of boots with these spans from exec to ready, in nanoseconds.
inline Measurement measurement_of(Mode mode, const std::vector<std::uint64_t>& ready_ns) {
  Measurement measurement{mode, "1", "commit", "2026-01-31T12:00:00Z", {{{"cpu", "A"}}, {{"kernel", "k1"}}},
                          {}};
  for (const std::uint64_t ready : ready_ns) {
    measurement.samples.push_back(boot_of(ready));
  }
  return measurement;
}

}  // namespace mayfly::gate
