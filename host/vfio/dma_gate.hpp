// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vfio/bus_master_gate.hpp"
#include "vfio/dma_map.hpp"

namespace mayfly::vfio {

/// The gate of a DmaMap: open once the invariant holds. Closed when the host has refused to map, or the
/// machine stops: then the device stays as it is, for what it would reach is not all there.
class DmaGate final : public BusMasterGate {
 public:
  /// `map` outlives this.
  explicit DmaGate(DmaMap& map) noexcept : map_(map) {}

  [[nodiscard]] Passage pass() noexcept override {
    return map_.wait_settled() == DmaMap::Settled::kYes ? Passage::kOpen : Passage::kClosed;
  }

 private:
  DmaMap& map_;
};

/// The gate where all memory was mapped before the guest was made.
class OpenGate final : public BusMasterGate {
 public:
  [[nodiscard]] Passage pass() noexcept override { return Passage::kOpen; }
};

}  // namespace mayfly::vfio
