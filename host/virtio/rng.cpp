// SPDX-License-Identifier: Apache-2.0
#include "virtio/rng.hpp"

#include <cerrno>

#include <sys/random.h>

namespace mayfly::virtio {
namespace {

std::optional<QueueFault> fill(DescriptorChain& chain) noexcept {
  // 5.4.6.1: the driver MUST place at least one buffer, and none that the device would read.
  if (chain.readable() > 0 || chain.writable() == 0) {
    return QueueFault::kBadRequest;
  }
  while (const auto piece = chain.writable_piece(Rng::kRequestBytesMax - chain.written())) {
    const ssize_t got = ::getrandom(piece->iov_base, piece->iov_len, 0);
    if (got > 0) {
      chain.commit(static_cast<std::size_t>(got));
    } else if (errno != EINTR) {
      break;
    }
  }
  return std::nullopt;
}

}  // namespace

void Rng::notify(std::uint16_t queue) noexcept { serve(queues_[queue], fill); }

}  // namespace mayfly::virtio
