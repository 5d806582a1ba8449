// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>

#include <sys/uio.h>

#include "memory/guest_address.hpp"

namespace mayfly {

/// What may be copied from and to guest memory: plain bytes without padding or pointers.
template <typename T>
concept GuestCopyable = std::is_trivially_copyable_v<T> && std::has_unique_object_representations_v<T>;

/// The only door to guest RAM: copies, never a typed pointer, for the guest may change any byte at any time.
///
/// Does not own the memory. Thread-safe: every call is one copy; no order is implied between calls, so a
/// ring's reader puts its own fences.
class GuestMemory {
 public:
  /// One contiguous piece of RAM: where the guest sees it and where we do.
  struct Region {
    GuestRange guest;
    std::byte* host = nullptr;
  };
  static constexpr std::size_t kRegionsMax = 4;

  /// Regions in ascending order that do not overlap; at most kRegionsMax.
  explicit GuestMemory(std::span<const Region> regions) noexcept;

  /// Copies one T out. Nothing when the range is not wholly RAM. A T of 2, 4 or 8 bytes at its natural
  /// alignment is read by a single access.
  template <GuestCopyable T>
  [[nodiscard]] std::optional<T> read(GuestAddress at) const noexcept {
    const std::byte* from = find({at, sizeof(T)});
    if (from == nullptr) {
      return std::nullopt;
    }
    T value{};
    copy_once(reinterpret_cast<std::byte*>(&value), from, sizeof(T));  // Safe: T's object representation.
    return value;
  }

  /// Copies one T in; false when the range is not wholly RAM. Single access as for read().
  template <GuestCopyable T>
  [[nodiscard]] bool write(GuestAddress at, const T& value) noexcept {
    std::byte* to = find({at, sizeof(T)});
    if (to == nullptr) {
      return false;
    }
    copy_once(to, reinterpret_cast<const std::byte*>(&value), sizeof(T));  // Safe: as above.
    return true;
  }

  /// Copies out.size() bytes of guest memory into `out`; false when the range is not wholly RAM.
  [[nodiscard]] bool copy_out(GuestAddress from, std::span<std::byte> out) const noexcept;
  /// Copies `in` into guest memory; false when the range is not wholly RAM.
  [[nodiscard]] bool copy_in(GuestAddress to, std::span<const std::byte> in) noexcept;
  /// For preadv and the like, and for copies in whole: the guest changes what is there at any time, so we
  /// never look through it. Valid as long as the memory.
  [[nodiscard]] std::optional<iovec> host_range(GuestRange range) const noexcept;

  [[nodiscard]] std::span<const Region> regions() const noexcept { return {regions_.data(), count_}; }

 private:
  [[nodiscard]] std::byte* find(GuestRange range) const noexcept;
  static void copy_once(std::byte* to, const std::byte* from, std::size_t bytes) noexcept;

  std::array<Region, kRegionsMax> regions_{};
  std::size_t count_ = 0;
};

}  // namespace mayfly
