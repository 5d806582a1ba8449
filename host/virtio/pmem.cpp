// SPDX-License-Identifier: Apache-2.0
#include "virtio/pmem.hpp"

namespace mayfly::virtio {
namespace {

// 5.19.6
constexpr std::uint32_t kRequestFlush = 0;
constexpr std::uint32_t kResponseOk = 0;
constexpr std::uint32_t kResponseError = 1;

std::optional<QueueFault> answer(DescriptorChain& chain) noexcept {
  std::uint32_t type = 0;
  if (chain.read(std::as_writable_bytes(std::span(&type, 1))) < sizeof(type) ||
      chain.writable() < sizeof(type)) {
    return QueueFault::kBadRequest;
  }
  const std::uint32_t response = type == kRequestFlush ? kResponseOk : kResponseError;
  chain.write(std::as_bytes(std::span(&response, 1)));
  return std::nullopt;
}

}  // namespace

Pmem::Pmem(const GuestRange& region) noexcept : config_{region.start.raw(), region.bytes} {}

void Pmem::notify(std::uint16_t queue) noexcept { serve(queues_[queue], answer); }

}  // namespace mayfly::virtio
