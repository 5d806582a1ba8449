// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace mayfly::vsock {

/// Which of the connections that there is room for.
using Slot = std::uint16_t;

/// What became of bytes that were to go through a stream.
struct Moved {
  enum class Then : std::uint8_t {
    kMore,     ///< All that was asked for; or some, and it may be tried again.
    kBlocked,  ///< No more now: Endpoint::ready() comes when there is.
    kOver,     ///< No more ever.
  };
  std::size_t bytes = 0;
  Then then = Then::kMore;
};

/// The host's ends of connections: streams that do not block, one a slot. Whoever implements it calls the
/// Endpoint when something changes, but never from inside of one of these calls.
class Streams {
 public:
  enum class Connect : std::uint8_t {
    kConnected,
    kRefused,
    kLater,  ///< Endpoint::connected() or refused() comes.
  };

  Streams() = default;
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;
  virtual ~Streams() = default;

  /// The guest wants a stream to the host's `port`, in `slot`, which is empty.
  [[nodiscard]] virtual Connect connect(Slot slot, std::uint32_t port) noexcept = 0;
  /// The guest took the connection of the client in `slot`, which has the host's port `port`.
  virtual void granted(Slot slot, std::uint32_t port) noexcept = 0;
  /// The client's next bytes. Without bytes it is blocked or over.
  [[nodiscard]] virtual Moved read(Slot slot, std::span<std::byte> to) noexcept = 0;
  /// Bytes for the client. With fewer than all it is blocked or over.
  [[nodiscard]] virtual Moved write(Slot slot, std::span<const std::byte> from) noexcept = 0;
  /// The guest sends no more: the client's reads end.
  virtual void end_output(Slot slot) noexcept = 0;
  /// The guest receives no more: the client's writes fail.
  virtual void end_input(Slot slot) noexcept = 0;
  /// The slot is empty again; whether connecting, or connected. Nothing comes for it any more.
  virtual void close(Slot slot) noexcept = 0;
};

}  // namespace mayfly::vsock
