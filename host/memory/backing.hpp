// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/checked.hpp"
#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/mapping.hpp"
#include "memory/pieces.hpp"

namespace mayfly {

/// What guest memory is made of. kAuto: the largest that is free.
enum class Pages : std::uint8_t { kAuto, k4k, kThp, k2m, k1g };

/// Of what is one of them as a number; else nothing.
[[nodiscard]] constexpr std::optional<Pages> pages_of(std::uint32_t number) noexcept {
  return number <= static_cast<std::uint32_t>(Pages::k1g) ? std::optional(static_cast<Pages>(number))
                                                          : std::nullopt;
}

/// "auto", "4k", "thp", "2m" or "1g".
[[nodiscard]] std::string_view name(Pages pages) noexcept;

/// Size of the pages that the host gives and takes such memory by: 1 GiB for k1g, else 2 MiB or parts of
/// that.
[[nodiscard]] constexpr std::uint64_t page_bytes(Pages pages) noexcept {
  return pages == Pages::k1g ? kGiB : 2 * kMiB;
}

/// The least of such memory that is worth populating: a page where those are huge, else 64 KiB.
[[nodiscard]] constexpr std::uint64_t populate_bytes(Pages pages) noexcept {
  return pages == Pages::k2m || pages == Pages::k1g ? page_bytes(pages) : 64 * kKiB;
}

/// Huge pages that the host has, but not as many of them free as are needed: it may have them later.
class NotEnoughPages : public Error {
 public:
  NotEnoughPages(std::string shortage, const std::string& mend)
      : Error(shortage + "; " + mend), shortage_(std::move(shortage)) {}
  /// What is free and needed of what, without the mend.
  [[nodiscard]] const std::string& shortage() const noexcept { return shortage_; }

 private:
  std::string shortage_;
};

/// Host memory for a guest's RAM: one mapping aligned to 1 GiB (so that huge mappings are possible in KVM and
/// IOMMU), nothing of it populated yet, all of it zero.
class Backing {
 public:
  /// `bytes` is a multiple of 2 MiB. Huge pages that are asked for and not free throw NotEnoughPages, which
  /// names the free and needed ones and the command that reserves them; kAuto always finds something. Huge
  /// pages are reserved here, so that a later touch cannot fail. With `nodes`, NUMA nodes of the host that
  /// are there, each gives an equal part (split_over()), and when one is too small for its part it is named
  /// in the same way.
  Backing(std::uint64_t bytes, Pages wanted, std::span<const std::uint32_t> nodes = {});
  /// Memory that another process has made and filled: a memfd of `bytes` in such pages, never kAuto, all of
  /// it populated, and sealed against any change of size, since to touch what was cut off would be SIGBUS.
  /// Throws Error when it is anything else.
  Backing(Fd memfd, std::uint64_t bytes, Pages pages);

  [[nodiscard]] std::byte* data() const noexcept { return mapping_.data(); }
  [[nodiscard]] std::uint64_t size() const noexcept { return mapping_.size(); }
  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return mapping_.bytes(); }
  /// Another process has made and filled it.
  [[nodiscard]] bool is_lent() const noexcept { return is_lent_; }
  /// False where it is private memory.
  [[nodiscard]] bool has_file() const noexcept { return static_cast<bool>(memfd_); }
  /// What was taken; never kAuto.
  [[nodiscard]] Pages pages() const noexcept { return pages_; }
  /// What has host memory behind some of it now, in whole units of `unit`, a power of two that divides
  /// size(); in ascending order, none next to another. Takes time in proportion to size(). Throws Error.
  [[nodiscard]] std::vector<Piece> populated_parts(std::uint64_t unit) const;
  /// Bytes that have host memory behind them now. Takes time in proportion to size(), and no memory that the
  /// guest has a say in. Throws Error.
  [[nodiscard]] std::uint64_t populated() const;

  /// Gives [offset, offset + bytes), whole pages, back to the host; it reads as zero afterwards, and a touch
  /// takes memory again. BEWARE: not so for huge pages, which must be had back by reserve() first. Where the
  /// host refuses, the memory stays. Any thread; takes time in proportion to what was populated.
  void discard(std::uint64_t offset, std::uint64_t bytes) noexcept;
  /// Has the host promise huge pages again for what was given back; false when it has not enough. Where
  /// memory comes without a promise there is nothing to do. Any thread.
  [[nodiscard]] bool reserve(std::uint64_t offset, std::uint64_t bytes) noexcept;

  /// Unmaps the memory and gives its file, sealed against any change of size; empty where it has none.
  [[nodiscard]] Fd take_file() && noexcept;

 private:
  using Nodes = std::span<const std::uint32_t>;
  void map_hugetlb(std::uint64_t bytes, Pages size, Nodes nodes);
  bool try_hugetlb(std::uint64_t bytes, Pages size, Nodes nodes);
  void map_small(std::uint64_t bytes, Pages kind, Nodes nodes);
  void bind(Nodes nodes);

  Fd memfd_;
  Mapping mapping_;
  Pages pages_ = Pages::k4k;
  bool is_lent_ = false;
};

/// Room for `bytes` in this process's address space at a multiple of 1 GiB, to be mapped over with MAP_FIXED:
/// an address that is congruent to the guest's lets KVM and the IOMMU use huge mappings. Throws Error.
[[nodiscard]] Mapping reserve_aligned(std::uint64_t bytes);

/// The value in brackets of a file like /sys/kernel/mm/transparent_hugepage/enabled; empty when it cannot be
/// read.
[[nodiscard]] std::string selected_value(const std::string& path);

}  // namespace mayfly
