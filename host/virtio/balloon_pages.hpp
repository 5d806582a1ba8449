// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "memory/guest_memory.hpp"
#include "memory/held_memory.hpp"
#include "memory/page_set.hpp"

namespace mayfly::virtio {

/// The books of an ordinary balloon: 4 KiB pages, gathered into units of HeldMemory.
///
/// Not locked. Only the constructor allocates; what it takes of the host grows with the pages in the balloon,
/// to 1/32768 of the guest's memory.
class BalloonPages {
 public:
  /// What a page's coming or going means for the unit around it.
  enum class Change : std::uint8_t {
    kRefused,   ///< It is not RAM, or is in the balloon already (to go: is not).
    kNone,      ///< Some of the unit is outside the balloon before and after.
    kComplete,  ///< Coming: the unit is now whole.
    kBroken,    ///< Going: the unit had been noted as held, and is not any more.
  };
  static constexpr std::uint64_t kPageBytes = 4 * kKiB;

  /// `memory`'s regions are whole units. Throws Error.
  explicit BalloonPages(const GuestMemory& memory);

  [[nodiscard]] Change come(std::uint32_t page_frame) noexcept;
  [[nodiscard]] Change go(std::uint32_t page_frame) noexcept;
  /// Notes that the unit around `page_frame`, which is whole, is held.
  void note_held(std::uint32_t page_frame) noexcept;
  /// The unit around a page that is RAM.
  [[nodiscard]] static GuestRange unit_of(std::uint32_t page_frame) noexcept;
  /// Forgets everything.
  void clear() noexcept;

  [[nodiscard]] std::uint64_t bytes() const noexcept { return count_ * kPageBytes; }

 private:
  static constexpr std::uint64_t kPagesAUnit = HeldMemory::kUnit / kPageBytes;
  /// The page's number among all pages of RAM; nothing when it is none.
  [[nodiscard]] std::optional<std::uint64_t> number_of(std::uint32_t page_frame) const noexcept;

  const GuestMemory& memory_;
  PageSet pages_;
  PageSet held_units_;
  std::uint64_t count_ = 0;
};

}  // namespace mayfly::virtio
