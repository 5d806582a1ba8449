// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "vfio/opened_files.hpp"

namespace mayfly::broker {

/// When devices that cannot be opened are tried again: each time after twice as long.
struct RetryRules {
  std::chrono::milliseconds first{10};
  std::chrono::milliseconds longest{30'000};
  /// After that many failures in a row devices are quarantined. A tenant that was killed closes its files a
  /// little later than its connection, so the first few mean nothing.
  std::uint32_t failures_max = 10;
};

/// Devices that are leased together, since they share an address space, and what has become of them:
///
/// ```
///   opening ──opened──> ready ──lend──> leased
///    │   ^ ^──────────────────end_lease────┘
///  failed└─opened (to ready)
///    v   │ often
///  quarantined
/// ```
///
/// Pure: opens nothing and has no clock. One thread.
class Lot {
 public:
  enum class State : std::uint8_t { kOpening, kReady, kLeased, kQuarantined };

  Lot(std::vector<vfio::PciAddress> addresses, const RetryRules& rules)
      : addresses_(std::move(addresses)), rules_(rules) {}

  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] const std::vector<vfio::PciAddress>& addresses() const noexcept { return addresses_; }
  [[nodiscard]] bool has(const vfio::PciAddress& address) const noexcept;

  /// The devices are open and reset.
  void opened(vfio::HeldDevices held) noexcept;
  /// They could not be opened. True when that quarantines them, which is to be said.
  [[nodiscard]] bool failed(std::string why);
  /// How long to wait before the next try.
  [[nodiscard]] std::chrono::milliseconds retry_after() const noexcept;
  /// Why the last try failed.
  [[nodiscard]] const std::string& why() const noexcept { return why_; }

  /// While the state is kReady or kLeased.
  [[nodiscard]] const vfio::HeldDevices& held() const noexcept { return held_; }
  /// To somebody, "process 7".
  void lend(std::string tenant);
  [[nodiscard]] const std::string& tenant() const noexcept { return tenant_; }
  /// The tenant has gone: its files, to be closed before the devices are opened again.
  [[nodiscard]] vfio::HeldDevices end_lease() noexcept;

 private:
  std::vector<vfio::PciAddress> addresses_;
  RetryRules rules_;
  State state_ = State::kOpening;
  vfio::HeldDevices held_{};
  std::uint32_t failures_ = 0;
  std::string why_{};
  std::string tenant_{};
};

/// "0000:01:00.0, 0000:02:00.0".
[[nodiscard]] std::string to_string(std::span<const vfio::PciAddress> addresses);

}  // namespace mayfly::broker
