// SPDX-License-Identifier: Apache-2.0
#include "virtio/queue_fault.hpp"

namespace mayfly::virtio {

std::string_view describe(QueueFault fault) noexcept {
  switch (fault) {
    case QueueFault::kBadSize:
      return "the queue's size is not one that the device offers";
    case QueueFault::kMisaligned:
      return "an area of the ring is not aligned";
    case QueueFault::kRingOutsideMemory:
      return "an area of the ring lies outside RAM";
    case QueueFault::kAvailIndexWrong:
      return "the available index is ahead by more than the queue's size, or runs backwards";
    case QueueFault::kHeadOutOfRange:
      return "an available entry names no descriptor";
    case QueueFault::kNextOutOfRange:
      return "a descriptor's next names no descriptor";
    case QueueFault::kChainTooLong:
      return "a chain is longer than the queue's size or loops";
    case QueueFault::kBytesTooMany:
      return "a chain has more bytes than the device takes";
    case QueueFault::kBufferOutsideMemory:
      return "a buffer lies outside RAM";
    case QueueFault::kReadableAfterWritable:
      return "a device-readable descriptor follows a device-writable one";
    case QueueFault::kIndirectNotNegotiated:
      return "an indirect descriptor without VIRTIO_F_INDIRECT_DESC";
    case QueueFault::kIndirectNested:
      return "an indirect descriptor inside an indirect table or with a next one";
    case QueueFault::kIndirectLength:
      return "an indirect table is empty or not a multiple of 16 bytes";
    case QueueFault::kBadRequest:
      return "a request has not the form that the device asks for";
    case QueueFault::kHostRefuses:
      return "the host's kernel, which serves it, makes no sense of what is there";
  }
  return "unknown fault";
}

}  // namespace mayfly::virtio
