// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/checked.hpp"
#include "base/result.hpp"
#include "memory/guest_memory.hpp"
#include "memory/page_set.hpp"

namespace mayfly {

/// Why a range that a guest has named was refused.
enum class HeldFault : std::uint8_t {
  kEmpty,            ///< no byte
  kUnaligned,        ///< start or size is no multiple of HeldMemory::kUnit
  kOutsideRam,       ///< not wholly within one range of RAM
  kAlreadyHeld,      ///< to be held, and some of it is
  kNotHeld,          ///< to be released, and some of it is not held
  kReleasing,        ///< some of it is already being released
  kTooManyReleases,  ///< HeldMemory::kReleasesMax are under way; worth another try after one is done
};

/// What is wrong, as the end of a sentence that begins with the range.
[[nodiscard]] std::string_view describe(HeldFault fault) noexcept;

/// Memory that the guest has promised not to use, for a while: the only thing that those who hold memory back
/// (balloon, lazy memory) and those who make memory usable (the DMA map) know of each other.
///
/// A byte is held from hold() until its release is answered; the guest may use it once it has heard so, and
/// not before. At the beginning nothing is held.
///
/// Memory is bounded by the guest's size, whatever is asked; no call allocates. Any thread; a call returns
/// at once, never calls back from inside, and may come with the caller's own lock held.
class HeldMemory {
 public:
  /// Everything held is a multiple of this, in place and size.
  static constexpr std::uint64_t kUnit = 2 * kMiB;
  /// Releases that can be under way at once.
  static constexpr std::uint32_t kReleasesMax = 1024;

  /// Whether what was asked for is so already, or Done will tell.
  enum class Answer : std::uint8_t { kNow, kLater };

  /// What to call after an Answer::kLater: exactly once unless forget() comes before, from a thread that
  /// holds no lock, possibly before the call that asked has returned. Never called when the host fails to do
  /// it: then the machine is told, not the guest. It may call HeldMemory, but not forget().
  struct Done {
    void (*call)(void* owner, std::uint64_t cookie) noexcept = nullptr;
    void* owner = nullptr;
    std::uint64_t cookie = 0;
  };

  HeldMemory() = default;
  HeldMemory(const HeldMemory&) = delete;
  HeldMemory& operator=(const HeldMemory&) = delete;
  virtual ~HeldMemory() = default;

  /// The guest has promised not to use `range` from now on. All of it or, with a fault, nothing.
  [[nodiscard]] virtual Result<void, HeldFault> hold(GuestRange range) noexcept = 0;
  /// The guest wants `range`, all of it held, back. All of it or, with a fault, nothing.
  [[nodiscard]] virtual Result<Answer, HeldFault> release(GuestRange range, Done done) noexcept = 0;
  /// As release() of all that is held: the guest has forgotten its promises (the device was reset).
  [[nodiscard]] virtual Answer release_all(Done done) noexcept = 0;
  /// Asks that devices reach all RAM outside what is held. Once it is so it stays so. This, release_all() and
  /// when_ready() replace their last call of the same owner and cookie.
  [[nodiscard]] virtual Answer settle(Done done) noexcept = 0;
  /// Tells when `bytes` of what is held can be released at once, what was held first coming first, or nothing
  /// is left to wait for: what a front end waits for before it asks the guest to take memory back.
  [[nodiscard]] virtual Answer when_ready(std::uint64_t bytes, Done done) noexcept = 0;
  /// The first run of held memory at or after `from` that can be released at once; nothing when there is
  /// none.
  [[nodiscard]] virtual std::optional<GuestRange> next_ready_run(GuestAddress from) const noexcept = 0;
  /// True once every release will be answered at once, for ever.
  [[nodiscard]] virtual bool is_all_ready() const noexcept = 0;
  /// No Done of `owner` is called any more; waits for one that is running. Releases under way still happen.
  /// BEWARE: not with a lock held that Done takes.
  virtual void forget(const void* owner) noexcept = 0;
};

/// Where a range that a guest has named lies.
struct HeldPlace {
  /// Index of the region of RAM.
  std::size_t region = 0;
  /// HeldMemory's units, counted from the beginning of that region.
  PageSet::Run units;
};

/// The place of `range` in `ram`, whose regions are multiples of HeldMemory::kUnit, or what is wrong with it:
/// kEmpty, kUnaligned or kOutsideRam.
[[nodiscard]] Result<HeldPlace, HeldFault> locate(GuestRange range,
                                                  std::span<const GuestMemory::Region> ram) noexcept;

}  // namespace mayfly
