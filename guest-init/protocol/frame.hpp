// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

/// The channel between mayfly and mayfly-init: frames over one byte stream in each direction (virtio-console
/// port 1).
///
/// The host speaks first with kLaunch. Each stream has credit: a side sends at most as many data bytes as the
/// receiver has granted, so that nobody buffers without bound and no stalled stream holds up another. Both
/// sides start with kInitialCredit for each stream and return credit as bytes leave their buffer for the
/// final reader. All integers are little endian.
namespace mayfly::protocol {

/// What a frame says. h: host to guest; g: guest to host.
enum class FrameType : std::uint8_t {
  kLaunch = 1,  ///< h: payload is a LaunchRequest. Exactly once, first.
  kData = 2,    ///< hg: payload is 1..kDataBytesMax bytes of the stream.
  kClose = 3,  ///< hg: the sender's end of this stream is closed: no more data from its writer, or, for stdin
               ///< from g and for stdout and stderr from h, its reader is gone and data is dropped.
  kCredit = 4,      ///< hg: payload u32: the sender of this frame takes that many more bytes of the stream.
  kSignal = 5,      ///< h: payload u32: send this signal to the workload.
  kWindowSize = 6,  ///< h: payload u16 rows, u16 columns.
  kExit = 7,        ///< g: payload ExitReport and message. Last frame; all data frames stand before it.
};

/// The three stdio streams, numbered as their descriptors. Frames without a stream carry 0.
enum class Stream : std::uint8_t { kStdin = 0, kStdout = 1, kStderr = 2 };

/// How the workload ended.
enum class ExitKind : std::uint32_t {
  kExited = 0,       ///< value: exit status 0..255.
  kSignaled = 1,     ///< value: signal number.
  kExecFailed = 2,   ///< value: errno of the exec; message names the command.
  kSetupFailed = 3,  ///< value: errno; message names the step (bad user, workdir, launch request, mount).
};

/// Payload of kExit, followed by `message_bytes` of text (at most kMessageBytesMax, UTF-8, no terminator).
struct ExitReport {
  ExitKind kind;
  std::uint32_t value;
};
static_assert(sizeof(ExitReport) == 8);

/// Every frame starts with this.
struct FrameHeader {
  FrameType type;
  Stream stream;
  std::uint16_t zero;
  std::uint32_t payload_bytes;
};
static_assert(sizeof(FrameHeader) == 8);

inline constexpr std::size_t kDataBytesMax = 32U << 10U;
inline constexpr std::uint32_t kInitialCredit = 256U << 10U;
inline constexpr std::size_t kMessageBytesMax = 1024;

/// Boot marks written to port 0x80 by mayfly-init (0x60 to 0x7f is user space, as in Cloud Hypervisor's
/// debug-port.md).
enum class Mark : std::uint8_t { kInitStarted = 0x60, kReady = 0x61, kExited = 0x62 };

}  // namespace mayfly::protocol
