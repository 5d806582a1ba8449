// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <sys/uio.h>

#include "virtio/descriptor_chain.hpp"
#include "virtio/net_header.hpp"
#include "virtio/virt_queue.hpp"

namespace mayfly::virtio {

/// Buffers of the driver for packets to come: chains of the receiving queue that are taken already, in their
/// order. One packet fills one chain, or with mergeable buffers (5.1.6.3.1) as many as it needs. Not locked:
/// calls come with the device's mutex held.
class NetBuffers {
 public:
  /// Chains that are kept: 64 KiB in buffers of 1.5 KiB, as Linux gives them, and some more.
  static constexpr std::size_t kChainsMax = 48;

  NetBuffers() noexcept = default;
  NetBuffers(const NetBuffers&) = delete;
  NetBuffers& operator=(const NetBuffers&) = delete;
  ~NetBuffers() { forget(); }

  /// Takes chains, `chains_max` at most, until `bytes` have room or the queue has no more; whether there is
  /// one. Where there is none the driver notifies of the next.
  [[nodiscard]] bool gather(VirtQueue& queue, std::uint64_t bytes, std::size_t chains_max) noexcept;
  /// Where a packet goes after its header, as far as `room` has place for pieces.
  [[nodiscard]] std::span<iovec> packet_pieces(std::size_t chains_max, std::span<iovec> room) const noexcept;
  /// Gives the driver a packet: `header`, and `bytes` that are in packet_pieces() already. num_buffers is set
  /// here.
  void give(VirtQueue& queue, NetHeader header, std::uint64_t bytes) noexcept;
  /// The queue is gone.
  void forget() noexcept;

 private:
  [[nodiscard]] std::optional<DescriptorChain>& at(std::size_t index) noexcept {
    return chains_[(first_ + index) % kChainsMax];
  }
  [[nodiscard]] const std::optional<DescriptorChain>& at(std::size_t index) const noexcept {
    return chains_[(first_ + index) % kChainsMax];
  }
  [[nodiscard]] std::optional<DescriptorChain> take(VirtQueue& queue) noexcept;

  std::array<std::optional<DescriptorChain>, kChainsMax> chains_;
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  /// What all chains have room for.
  std::uint64_t writable_ = 0;
};

}  // namespace mayfly::virtio
