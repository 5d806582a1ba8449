// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/mapping.hpp"
#include "pci/viewer.hpp"

namespace mayfly::pci {

/// The first pages of a BAR, registers whose reads have no effect, as memory. Mapped read-only into the guest
/// where the BAR was placed they answer reads without an exit; writes still come as exits, and their device
/// says here what has changed. A boot of Linux reads some thirty registers of a virtio device.
///
/// Its owner serializes the calls; the guest reads at any time.
class RegisterPages {
 public:
  /// `bytes` of whole pages from `address` on, where the BAR was placed; all ones until the first show().
  /// `viewer` must outlive this. Throws Error when there is no memory.
  RegisterPages(std::uint64_t address, std::size_t bytes, Viewer& viewer);

  enum class Followed : std::uint8_t { kAsBefore, kShownAgain };
  /// Takes over where the BAR answers now. Nothing is read from a BAR that is not decoded; one that is
  /// decoded again must be shown anew; one that is moved ends the view of all, for the guest may put another
  /// one into its place.
  Followed follow(std::optional<std::uint64_t> address) noexcept;
  /// The registers from `offset` on, a multiple of 4, read as `now` from now on; others stay as they are.
  void show(std::size_t offset, std::span<const std::uint32_t> now) noexcept;

  [[nodiscard]] std::uint64_t address() const noexcept { return address_; }
  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return pages_.bytes(); }

 private:
  enum class State : std::uint8_t { kShown, kBlank, kHidden };

  Mapping pages_;
  std::uint64_t address_;
  Viewer& viewer_;
  State state_ = State::kShown;
};

}  // namespace mayfly::pci
