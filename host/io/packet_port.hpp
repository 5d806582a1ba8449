// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <sys/types.h>
#include <sys/uio.h>

namespace mayfly::io {

/// Work on packets that one side leaves to the other: bits. Of what a port gives, the host has left it to the
/// guest.
using Offloads = std::uint8_t;
inline constexpr Offloads kChecksum = 1;
inline constexpr Offloads kSegmentTcp4 = 2;
inline constexpr Offloads kSegmentTcp6 = 4;
inline constexpr Offloads kSegmentTcpEcn = 8;
inline constexpr Offloads kSegmentUdp = 16;
inline constexpr Offloads kAllOffloads =
    kChecksum | kSegmentTcp4 | kSegmentTcp6 | kSegmentTcpEcn | kSegmentUdp;

/// The host side of a network device: packets in and out, each with a virtio_net_hdr of 12 bytes before it
/// (virtio 1.2, 5.1.6; num_buffers means nothing). The I/O thread, but for what does not change.
class PacketPort {
 public:
  PacketPort() = default;
  PacketPort(const PacketPort&) = delete;
  PacketPort& operator=(const PacketPort&) = delete;
  virtual ~PacketPort() = default;

  /// For the log; lives as long as the port.
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;
  /// Readable while there are packets; broken when there will be none any more.
  [[nodiscard]] virtual int fd() const noexcept = 0;
  /// The longest packet without its Ethernet header. Does not change.
  [[nodiscard]] virtual std::uint16_t mtu() const noexcept = 0;
  /// What the host can leave to the guest, and takes from it. Does not change.
  [[nodiscard]] virtual Offloads offered() const noexcept = 0;

  /// Of a port that is one of several to one network: whether packets come here, or to the others alone; what
  /// waits here goes with the change. The first one's do, the others' do not, before this is called.
  virtual void set_receives(bool /*receives*/) noexcept {}
  /// From now on no more than this is left to the guest. What waits already may be of before.
  virtual void set_offloads(Offloads accepted) noexcept = 0;
  /// The next packet into `buffers`, without waiting: its bytes, cut to what the buffers hold, or -errno.
  [[nodiscard]] virtual ssize_t receive(std::span<const iovec> buffers) noexcept = 0;
  /// Sends a packet, foreign and unchecked, without waiting: what it took, or -errno.
  [[nodiscard]] virtual ssize_t send(std::span<const iovec> buffers) noexcept = 0;

  /// A packet that was taken is not sent to its end, and none is taken until it is: flush() when fd() is
  /// writable.
  [[nodiscard]] virtual bool is_full() const noexcept { return false; }
  virtual void flush() noexcept {}
};

}  // namespace mayfly::io
