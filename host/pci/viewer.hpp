// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/mapping.hpp"

namespace mayfly::pci {

/// Who shows memory to the guest in place of registers.
class Viewer {
 public:
  Viewer() = default;
  Viewer(const Viewer&) = delete;
  Viewer& operator=(const Viewer&) = delete;
  virtual ~Viewer() = default;

  /// Takes away all that this viewer shows: when this returns, reads reach the devices again. From a vCPU
  /// thread, several of them too.
  virtual void hide() noexcept = 0;
};

/// Memory to be shown, as it is where nothing answers: all ones. Throws Error when there is none.
[[nodiscard]] Mapping blank_view(std::size_t bytes);

/// Makes `seen` what reads give now. The guest reads at any time: what changes, changes by whole dwords.
/// `seen` is aligned to a dword and as long as `now`.
void refresh_view(std::span<std::byte> seen, std::span<const std::uint32_t> now) noexcept;

}  // namespace mayfly::pci
