// SPDX-License-Identifier: Apache-2.0
#include "rings.hpp"

#include "hardware.hpp"

namespace hostile {
namespace {

// virtio 1.2, 2.7.5
constexpr std::uint16_t kNext = 1;
constexpr std::uint16_t kWrite = 2;
constexpr std::uint16_t kIndirect = 4;
constexpr std::uint64_t kDescriptorBytes = 16;
constexpr std::uint64_t kIndexAt = 2;
constexpr std::uint64_t kEntriesAt = 4;
constexpr std::uint64_t kRequestBytes = 128;
/// After three pairs; where the driver has not taken several it is the third queue.
constexpr std::uint32_t kNetControlQueue = 6;

void put(std::uint64_t at, std::uint64_t address, std::uint32_t bytes, std::uint32_t flags,
         std::uint32_t next) noexcept {
  store(at, address);
  store(at + 8, bytes);
  store(at + 12, static_cast<std::uint16_t>(flags));
  store(at + 14, static_cast<std::uint16_t>(next));
}

/// The parts of a request that makes sense, in bytes.
struct Shape {
  std::uint32_t header = 0;
  std::uint32_t data = 0;
  /// The device writes the data; else it reads them.
  bool writes = false;
  /// What the device writes at the end.
  std::uint32_t status = 0;
  /// Where data must be; 0 is anywhere.
  std::uint64_t data_at = 0;
};

Shape put_block_request(Random& random, std::uint64_t at) noexcept {
  // virtio 1.2, 5.2.6; the disk has 8192 sectors.
  constexpr std::uint32_t kTypes[] = {0, 0, 1, 1, 4, 8, 11, 13, 2};
  const std::uint32_t type = random.of(kTypes);
  store(at, type);
  const std::uint64_t sector = random.one_in(2) ? random.below(8192) : 8193 - random.below(33);
  store(at + 8, random.one_in(8) ? random.next() : sector);
  store<std::uint64_t>(at + 16, random.below(8200));
  store(at + 24, random.one_in(8) ? any_length(random) : random.below(64));
  store(at + 28, random.below(2));
  switch (type) {
    case 4:
      return {.header = 16, .status = 1};
    case 8:
      return {.header = 16, .data = 20, .writes = true, .status = 1};
    case 11:
    case 13:
      return {.header = 16, .data = 16, .status = 1, .data_at = at + 16};
    default:
      return {.header = 16, .data = 512 * (1 + random.below(32)), .writes = type == 0, .status = 1};
  }
}

Shape put_packet(Random& random, std::uint64_t at) noexcept {
  // virtio 1.2, 5.10.6
  constexpr std::uint32_t kPorts[] = {7000, 7000, 5000, 1024, 0xffffffff};
  const std::uint32_t bytes = random.one_in(2) ? 0 : random.below(2000);
  store<std::uint64_t>(at, random.one_in(32) ? random.next() : 3);
  store<std::uint64_t>(at + 8, random.one_in(32) ? random.next() : 2);
  store(at + 16, random.of(kPorts));
  store(at + 20, random.of(kPorts));
  store(at + 24, random.one_in(16) ? any_length(random) : bytes);
  store(at + 28, static_cast<std::uint16_t>(random.one_in(32) ? random.below(4) : 1));
  store(at + 30, static_cast<std::uint16_t>(random.one_in(2) ? 1 : random.below(9)));
  store(at + 32, random.below(5));
  store(at + 36, any_length(random));
  store(at + 40, random.one_in(2) ? any_length(random) : 0);
  return {.header = 44, .data = bytes};
}

Shape put_command(Random& random, std::uint64_t at) noexcept {
  // virtio 1.2, 5.1.6.5.5: so many pairs are used; the device has three.
  store(at, static_cast<std::uint16_t>(random.one_in(8) ? random.next() : 4));
  store(at + 2, static_cast<std::uint16_t>(random.one_in(8) ? random.next() : 1 + random.below(3)));
  return {.header = 4, .status = 1};
}

Shape put_pages(Random& random, std::uint64_t at) noexcept {
  // Numbers of pages, or our driver's ranges of whole 2 MiB; host/virtio/balloon.hpp
  const bool ranges = random.one_in(2);
  for (std::uint64_t entry = at; entry < at + kRequestBytes; entry += 16) {
    const std::uint64_t page = (kBuffers + random.below(kRamEnd - kBuffers)) / 4096;
    store(entry, ranges ? (page * 4096) & ~(2 * kMiB - 1) : page | (page + 1) << 32U);
    store(entry + 8, ranges ? (1 + random.below(8)) * 2 * kMiB : (page + 2) | (page + 3) << 32U);
  }
  return {.header = ranges ? 16 * (1 + random.below(8)) : 4 * (1 + random.below(32))};
}

/// What a request in this queue begins with, and the rest of it.
Shape put_request(Random& random, std::uint16_t type, std::uint32_t queue, std::uint64_t at) noexcept {
  for (std::uint64_t offset = 0; offset < kRequestBytes; offset += 8) {
    store(at + offset, any_value(random));
  }
  const Shape receives{.data = 64U << random.below(7), .writes = true};
  switch (type) {
    case kBlock:
      return put_block_request(random, at);
    case kNet:
      if (queue == kNetControlQueue || (queue == 2 && random.one_in(8))) {
        return put_command(random, at);
      }
      store<std::uint64_t>(at, random.one_in(4) ? any_value(random) : 0);
      store<std::uint32_t>(at + 8, 0);
      return queue % 2 == 0 ? receives : Shape{.header = 12, .data = 14 + random.below(1500)};
    case kSocket:
      return queue != 1 ? receives : put_packet(random, at);
    case kConsole:
      store(at, random.below(4));
      store(at + 4, static_cast<std::uint16_t>(random.below(9)));
      return queue % 2 == 0 ? receives : Shape{.header = 8, .data = queue == 3 ? 0 : random.below(300)};
    case kBalloon:
      return put_pages(random, at);
    case kPmem:
      store<std::uint32_t>(at, random.below(2));
      return {.header = 4, .status = 4};
    default:
      return receives;
  }
}

/// Descriptors of one chain, one after the other in a table.
class Chain {
 public:
  Chain(std::uint64_t table, std::uint32_t size, std::uint32_t first) noexcept
      : table_(table), mask_(size - 1), at_(first & mask_) {}

  void add(std::uint64_t address, std::uint32_t bytes, std::uint16_t flags) noexcept {
    last_ = table_ + at_ * kDescriptorBytes;
    at_ = (at_ + 1) & mask_;
    put(last_, address, bytes, flags | kNext, at_);
  }
  /// The last one has no next.
  void end() noexcept {
    if (last_ != 0) {
      store(last_ + 12, static_cast<std::uint16_t>(load<std::uint16_t>(last_ + 12) & ~kNext));
    }
  }
  /// One descriptor of the last eight is made into what no driver makes.
  void spoil(Random& random, std::uint64_t indirect) noexcept {
    const std::uint64_t at = table_ + ((at_ + mask_ + 1 - random.below(8)) & mask_) * kDescriptorBytes;
    switch (random.below(6)) {
      case 0:
        store(at, any_address(random));
        break;
      case 1:
        store(at + 8, any_length(random));
        break;
      case 2:
        store(at + 12, static_cast<std::uint16_t>(random.below(8)));
        break;
      case 3:
        store(at + 14,
              static_cast<std::uint16_t>(random.one_in(2) ? random.next() : random.below(mask_ + 1)));
        break;
      default:
        put(at, indirect, 16 * (1 + random.below(256)), kIndirect, 0);
        break;
    }
  }

 private:
  std::uint64_t table_;
  std::uint32_t mask_;
  std::uint32_t at_;
  std::uint64_t last_ = 0;
};

std::uint64_t buffer(Random& random) noexcept {
  return kBuffers + random.below(kRamEnd - kBuffers - 0x20000);
}

void add_data(Random& random, Chain& chain, const Shape& shape) noexcept {
  const std::uint16_t flags = shape.writes ? kWrite : 0;
  if (shape.data_at != 0) {
    chain.add(shape.data_at, shape.data, flags);
    return;
  }
  for (std::uint32_t left = shape.data; left > 0;) {
    const std::uint32_t most = random.one_in(4) ? 1 + random.below(left) : left;
    chain.add(buffer(random), most, flags);
    left -= most;
  }
}

/// One chain in `table`, from entry `first` on, all entries below `size`.
void put_chain(Random& random, Chain chain, const Shape& shape, std::uint64_t request,
               std::uint64_t indirect) noexcept {
  if (shape.header != 0) {
    chain.add(request, shape.header, 0);
  }
  if (random.one_in(6)) {
    const std::uint32_t pieces = random.below(random.one_in(8) ? 64 : 5);
    for (std::uint32_t i = 0; i < pieces; ++i) {
      chain.add(any_address(random), any_length(random), random.one_in(2) ? kWrite : 0);
    }
  } else {
    add_data(random, chain, shape);
  }
  if (shape.status != 0) {
    chain.add(buffer(random), shape.status, kWrite);
  }
  chain.end();
  if (random.one_in(12)) {
    chain.spoil(random, indirect);
  }
}

}  // namespace

Ring ring_of(std::uint32_t device, std::uint32_t queue) noexcept {
  const std::uint64_t at = kRings + (device * kQueuesMax + queue) * kRingBytes;
  return {at, at + 0x1000, at + 0x2000, at + 0x3000};
}

std::uint64_t any_address(Random& random) noexcept {
  if (!random.one_in(48)) {
    return kBuffers + random.below(kRamEnd - kBuffers);
  }
  switch (random.below(8)) {
    case 0:
      return kRamEnd - random.below(32);
    case 1:
      return kWindow32 + random.below(0x40000);
    case 2:
      return kEcam + random.below(0x100000);
    case 3:
      return kPmemAt + random.below(4 * kMiB);
    case 4:
      return 0 - std::uint64_t{random.below(0x2000)};
    case 5:
      return kRings + random.below(2 * kMiB);
    case 6:
      return kWindow64 + random.below(4 * kMiB);
    default:
      return random.next() | kBuffers;
  }
}

std::uint32_t any_length(Random& random) noexcept {
  constexpr std::uint32_t kLengths[] = {0,     1,     4,     8,          12,        16,   44,
                                        64,    511,   512,   513,        1514,      4096, 4096,
                                        16384, 65536, 65550, 0x7fffffff, 0xffffffff};
  return random.one_in(48) ? static_cast<std::uint32_t>(random.next()) : random.of(kLengths);
}

std::uint64_t any_value(Random& random) noexcept {
  // As numbers of pages these are below 64 KiB or from 16 MiB on, and as addresses too.
  switch (random.below(4)) {
    case 0:
      return random.below(16);
    case 1:
      return random.below(2) == 0 ? 0 : ~0ULL;
    default:
      return random.next() | 0x1000'0000'1000ULL;
  }
}

void clear(std::uint32_t device, std::uint32_t queue) noexcept {
  const Ring ring = ring_of(device, queue);
  for (std::uint64_t at = ring.driver_area; at < ring.indirect; at += 8) {
    store<std::uint64_t>(at, 0);
  }
}

void offer(Random& random, const Machine& machine, std::uint32_t device, std::uint32_t queue) noexcept {
  const Ring ring = ring_of(device, queue);
  const std::uint32_t size = machine.devices[device].sizes[queue];
  if (size == 0) {
    return;
  }
  const std::uint16_t type = machine.devices[device].type;
  const std::uint64_t requests = kRequests + (device * kQueuesMax + queue) * kRingBytes;
  auto index = load<std::uint16_t>(ring.driver_area + kIndexAt);
  const std::uint32_t chains = 1 + random.below(random.one_in(8) ? 64 : 4);
  if (random.one_in(2)) {
    const Shape shape = put_request(random, type, queue, requests);
    put_chain(random, Chain(ring.indirect, kRingBytes / kDescriptorBytes / 4, 0), shape, requests,
              ring.indirect);
  }
  for (std::uint32_t i = 0; i < chains; ++i) {
    const std::uint32_t head = random.below(size);
    const std::uint64_t request = requests + i * kRequestBytes;
    const Shape shape = put_request(random, type, queue, request);
    put_chain(random, Chain(ring.descriptors, size, head), shape, request, ring.indirect);
    store(ring.driver_area + kEntriesAt + 2 * (index & (size - 1)),
          static_cast<std::uint16_t>(random.one_in(128) ? random.next() : head));
    ++index;
  }
  // Seldom an index that nobody can have come to: the device then stands still.
  const bool lies = random.one_in(96);
  const auto lie = static_cast<std::uint16_t>(random.next());
  store(ring.driver_area + kIndexAt, lies ? lie : index);
}

void scribble(Random& random, std::uint32_t device, std::uint32_t queue) noexcept {
  const std::uint64_t ring = ring_of(device, queue).descriptors;
  for (std::uint32_t i = 0; i < 256; ++i) {
    const std::uint64_t at = ring + (random.below(kRingBytes) & ~7U);
    switch (random.below(4)) {
      case 0:
        store(at, any_value(random));
        break;
      case 1:
        store(at, any_address(random));
        break;
      case 2:
        store(at, std::uint64_t{any_length(random)} | std::uint64_t{random.below(8)} << 32U |
                      std::uint64_t{random.below(256)} << 48U);
        break;
      default:
        exchange(at, random.below(4));
        break;
    }
  }
}

}  // namespace hostile
