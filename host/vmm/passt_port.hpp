// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "io/packet_port.hpp"

namespace mayfly::vmm {

/// Network packets on a stream, each after its length in four bytes, big-endian: what passt(1) speaks, as
/// QEMU's `-netdev stream` does. No more is read of the stream than belongs to one packet, so that it is
/// readable as long as there are more.
class PasstPort final : public io::PacketPort {
 public:
  /// Of a virtio_net_hdr, which is before a packet on our side and not on the stream.
  static constexpr std::size_t kHeaderBytes = 12;

  /// Neither blocks. `messages`: what passt writes on stderr, for when it is gone; may be empty.
  PasstPort(Fd stream, Fd messages);

  /// With what passt has said last, once it is gone.
  [[nodiscard]] std::string_view name() const noexcept override;
  [[nodiscard]] int fd() const noexcept override { return stream_.get(); }
  /// The most that passt takes: TCP's segments come in large packets, for want of offloads.
  [[nodiscard]] std::uint16_t mtu() const noexcept override { return 65520; }
  [[nodiscard]] io::Offloads offered() const noexcept override { return 0; }
  void set_offloads(io::Offloads /*accepted*/) noexcept override {}
  [[nodiscard]] ssize_t receive(std::span<const iovec> buffers) noexcept override;
  [[nodiscard]] ssize_t send(std::span<const iovec> buffers) noexcept override;
  [[nodiscard]] bool is_full() const noexcept override { return !unsent_.empty(); }
  void flush() noexcept override;

 private:
  static constexpr std::size_t kLengthBytes = 4;

  /// Reads what is missing of `whole`, of which there are `have` bytes. 0 when it is all there, or -errno:
  /// -EAGAIN while the stream has no more of it.
  [[nodiscard]] int complete(std::span<std::byte> whole, std::size_t& have) noexcept;
  /// As complete().
  [[nodiscard]] int receive_length() noexcept;
  [[nodiscard]] std::uint32_t length() const noexcept;

  Fd stream_;
  Fd messages_;
  mutable std::string name_ = "passt";
  // Of the packet that is coming.
  std::array<std::uint8_t, kLengthBytes> length_{};
  std::size_t length_bytes_ = 0;
  std::vector<std::byte> part_;
  std::size_t part_bytes_ = 0;
  /// The rest of the last packet that was taken.
  std::vector<std::byte> unsent_;
};

}  // namespace mayfly::vmm
