// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "memory/guest_address.hpp"

namespace mayfly {

/// The guest's physical address space, the same in every run of the same size:
///
///     0            RAM, up to 3 GiB
///     0xc0000000   PCI window for 32-bit BARs (512 MiB)
///     0xe0000000   ECAM of the one PCI bus (1 MiB)
///     0xfec00000   I/O APIC     0xfee00000 local APIC     0xfffbc000 KVM's own pages
///     4 GiB        the rest of RAM
///     next 1 GiB   persistent memory (the image)
///     next 1 GiB   PCI window for 64-bit BARs (64 GiB)
class Layout {
 public:
  /// `ram_bytes` and `pmem_bytes` are multiples of 2 MiB. Throws Error when they cannot fit in any
  /// processor's addresses.
  Layout(std::uint64_t ram_bytes, std::uint64_t pmem_bytes);

  /// Throws Error when the guest needs more than `physical_bits` of address.
  void require_fit(std::uint32_t physical_bits) const;

  /// One or two ranges of RAM, ascending.
  [[nodiscard]] std::span<const GuestRange> ram() const noexcept { return {ram_.data(), ram_count_}; }
  [[nodiscard]] GuestRange pmem() const noexcept { return pmem_; }
  [[nodiscard]] GuestRange window64() const noexcept { return window64_; }

  static constexpr GuestRange kWindow32{GuestAddress(0xc0000000), 512 * kMiB};
  static constexpr GuestRange kEcam{GuestAddress(0xe0000000), kMiB};

 private:
  std::array<GuestRange, 2> ram_{};
  std::size_t ram_count_ = 1;
  GuestRange pmem_;
  GuestRange window64_;
};

}  // namespace mayfly
