// SPDX-License-Identifier: Apache-2.0
#include "virtio/net_buffers.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"

namespace mayfly::virtio {

std::optional<DescriptorChain> NetBuffers::take(VirtQueue& queue) noexcept {
  if (!queue.has_counted()) {
    queue.arm();
  }
  auto chain = queue.pop();
  if (chain && (chain->readable() > 0 || chain->writable() < sizeof(NetHeader))) {
    // 5.1.6.3: all of a buffer is for us to write, and the header fits.
    queue.push_used(std::move(*chain));
    queue.fail(QueueFault::kBadRequest);
    return std::nullopt;
  }
  return chain;
}

bool NetBuffers::gather(VirtQueue& queue, std::uint64_t bytes, std::size_t chains_max) noexcept {
  const std::size_t most = std::min(chains_max, kChainsMax);
  while (count_ < most && writable_ < bytes) {
    auto chain = take(queue);
    if (!chain) {
      break;
    }
    writable_ += chain->writable();
    at(count_).emplace(std::move(*chain));
    ++count_;
  }
  if (count_ > 0) {
    queue.disarm();
  }
  return count_ > 0;
}

std::span<iovec> NetBuffers::packet_pieces(std::size_t chains_max, std::span<iovec> room) const noexcept {
  std::size_t pieces = 0;
  for (std::size_t i = 0; i < std::min(count_, chains_max); ++i) {
    pieces += at(i)->writable_pieces(i == 0 ? sizeof(NetHeader) : 0, room.subspan(pieces)).size();
  }
  return room.first(pieces);
}

void NetBuffers::give(VirtQueue& queue, NetHeader header, std::uint64_t bytes) noexcept {
  std::uint64_t covered = 0;
  std::size_t used = 0;
  while (used == 0 || covered < bytes + sizeof(header)) {
    MAYFLY_ASSERT(used < count_);
    covered += at(used++)->writable();
  }
  header.num_buffers = static_cast<std::uint16_t>(used);
  at(0)->write(std::as_bytes(std::span(&header, 1)));
  for (std::size_t i = 0; i < used; ++i) {
    DescriptorChain& chain = *at(0);
    const std::uint64_t part = std::min(bytes, chain.writable());
    writable_ -= chain.writable() + (i == 0 ? sizeof(header) : 0);
    chain.commit(part);
    bytes -= part;
    queue.push_used(std::move(chain));
    at(0).reset();
    first_ = (first_ + 1) % kChainsMax;
    --count_;
  }
}

void NetBuffers::forget() noexcept {
  for (std::size_t i = 0; i < count_; ++i) {
    at(i)->release();
    at(i).reset();
  }
  first_ = count_ = 0;
  writable_ = 0;
}

}  // namespace mayfly::virtio
