// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "broker/keeping.hpp"

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

  Lot(LotSpec spec, const RetryRules& rules) : spec_(std::move(spec)), rules_(rules) {}

  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] const LotSpec& spec() const noexcept { return spec_; }
  [[nodiscard]] const std::vector<vfio::PciAddress>& addresses() const noexcept { return spec_.addresses; }
  [[nodiscard]] bool has(const vfio::PciAddress& address) const noexcept;

  /// The devices are open and reset, and their memory is there.
  void opened(Kept kept) noexcept;
  /// They could not be opened. True when that quarantines them, which is to be said.
  [[nodiscard]] bool failed(std::string why);
  /// How long to wait before the next try.
  [[nodiscard]] std::chrono::milliseconds retry_after() const noexcept;
  /// Why the last try failed.
  [[nodiscard]] const std::string& why() const noexcept { return why_; }

  /// While the state is kReady or kLeased.
  [[nodiscard]] const Kept& kept() const noexcept { return kept_; }
  /// To somebody, "process 7".
  void lend(std::string tenant);
  [[nodiscard]] const std::string& tenant() const noexcept { return tenant_; }
  /// The tenant has gone: what it had, to be closed before the devices are opened again.
  [[nodiscard]] Kept end_lease() noexcept;

 private:
  LotSpec spec_;
  RetryRules rules_;
  State state_ = State::kOpening;
  Kept kept_{};
  std::uint32_t failures_ = 0;
  std::string why_{};
  std::string tenant_{};
};

/// "0000:01:00.0, 0000:02:00.0".
[[nodiscard]] std::string to_string(std::span<const vfio::PciAddress> addresses);

}  // namespace mayfly::broker
