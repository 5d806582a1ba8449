// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

/// The control queues' messages of the console device (virtio 1.2, 5.3.6.2).
namespace mayfly::virtio {

/// What goes through both control queues; a name or a ControlSize may follow.
struct ControlMessage {
  std::uint32_t port;   // 0
  std::uint16_t event;  // 4
  std::uint16_t value;  // 6
};
static_assert(sizeof(ControlMessage) == 8);

/// Follows a ControlMessage of kResize. BEWARE: Linux before 6.15, but for its stable branches, took the two
/// the wrong way round (drivers/char/virtio_console.c, handle_control_message).
struct ControlSize {
  std::uint16_t columns;  // 0
  std::uint16_t rows;     // 2
};
static_assert(sizeof(ControlSize) == 4);

enum class ControlEvent : std::uint16_t {
  kDeviceReady = 0,
  kPortAdd = 1,
  kPortRemove = 2,
  kPortReady = 3,
  kConsolePort = 4,
  kResize = 5,
  kPortOpen = 6,
  kPortName = 7,
};

/// What we tell the driver of a port, in this order: Linux makes the port at the first, and a console of it
/// at the second, which the later ones need. The driver's PORT_READY need not be waited for.
inline constexpr std::uint8_t kTellAdd = 1U << 0U;
inline constexpr std::uint8_t kTellConsole = 1U << 1U;
inline constexpr std::uint8_t kTellName = 1U << 2U;
inline constexpr std::uint8_t kTellSize = 1U << 3U;
inline constexpr std::uint8_t kTellOpen = 1U << 4U;

}  // namespace mayfly::virtio
