// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/fd.hpp"
#include "broker/messages.hpp"
#include "lease/asking.hpp"
#include "vfio/opened_files.hpp"

namespace mayfly::broker {

/// A guest's memory, mapped for its devices.
struct KeptMemory {
  /// A memfd, for Backing.
  Fd file{};
  /// What it is made of, by the broker's word.
  Pages pages = Pages::kAuto;
};

/// Devices that a broker has opened and reset, ours as long as this lives.
struct Lease {
  /// Closed last: the broker then takes the devices back.
  Fd connection{};
  vfio::OpenedFiles files{};
  /// Where the broker keeps some with these devices.
  std::optional<KeptMemory> memory{};
};

/// Asks the broker at `path` for devices of a guest that is to have such memory; `wait` is for them
/// while they are being made ready. Throws Error: the broker's reason where it refuses.
[[nodiscard]] Lease take_devices(const std::string& path, std::span<const vfio::PciAddress> addresses,
                                 const MemoryWanted& memory, const lease::Wait& wait = lease::wait_a_minute);

}  // namespace mayfly::broker
