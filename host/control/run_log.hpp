// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <sys/types.h>

#include "base/fd.hpp"

namespace mayfly::control {

// The log of a detached run, ID.log beside its socket: the last of what its workload wrote, in a file that
// grows to kLogBytes and no further. A LogHeader, and from kLogDataAt on a ring of records: a LogRecord, its
// bytes, and room up to a multiple of eight. Its writer holds it locked (F_OFD_SETLK) as long as the run
// lives.

inline constexpr std::uint64_t kLogBytes = 1ULL << 20U;
inline constexpr std::uint64_t kLogDataAt = 4096;
/// Of the ring, bytes.
inline constexpr std::uint64_t kLogCapacity = kLogBytes - kLogDataAt;
/// Of one record, without its head.
inline constexpr std::uint32_t kLogRecordBytesMax = 16U << 10U;
inline constexpr std::uint64_t kLogMagic = 0x31676f6c6679616dULL;  // "mayflog1"

struct LogHeader {
  std::uint64_t magic = kLogMagic;
  /// Of the ring, bytes.
  std::uint64_t capacity = kLogCapacity;
  /// What was ever written, bytes of records: those in [begin, end) are there, each at its number modulo the
  /// capacity. Only grow.
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

/// Whose bytes: the workload's, of each of its streams, or mayfly's.
enum class LogStream : std::uint8_t {
  kStdout = 1,
  kStderr = 2,
  kMayfly = 3,  ///< What mayfly itself says.
};

struct LogRecord {
  std::uint32_t bytes = 0;
  LogStream stream = LogStream::kStdout;
  std::array<std::uint8_t, 3> reserved{};
  /// CLOCK_REALTIME, nanoseconds.
  std::uint64_t time_ns = 0;
};
static_assert(sizeof(LogHeader) == 32 && sizeof(LogRecord) == 16);

/// What a record with so many bytes takes in the ring.
[[nodiscard]] constexpr std::uint64_t log_room_of(std::uint32_t bytes) noexcept {
  return sizeof(LogRecord) + (std::uint64_t{bytes} + 7) / 8 * 8;
}

/// Writes a log. Any thread.
class RunLog {
 public:
  /// Takes an open file as the log of a run that lives. Throws Error: it is another's.
  static void lock(int file);

  enum class Begin : std::uint8_t { kEmpty, kGoesOn };
  /// A log in `file`, which is locked, opened to read and write: an empty one, or what is there goes on.
  /// Throws Error: that is no log.
  explicit RunLog(Fd file, Begin begin = Begin::kEmpty);

  /// Adds what there is room for in a record, over the oldest records where need be. As write(2): how many
  /// bytes that were, or -1 and errno.
  ssize_t append(LogStream stream, std::span<const std::byte> bytes) noexcept;
  /// The same with all of a text; what cannot be written is lost.
  void append_all(LogStream stream, std::string_view text) noexcept;

 private:
  [[nodiscard]] bool make_room(std::uint64_t bytes) noexcept;
  [[nodiscard]] bool write_header() const noexcept;
  [[nodiscard]] bool write_ring(std::span<const std::byte> bytes, std::uint64_t at) const noexcept;

  Fd file_;
  std::mutex mutex_;
  LogHeader header_;
};

/// Reads a log that may be written meanwhile. Its bytes are foreign ones. One thread.
class RunLogReader {
 public:
  struct Piece {
    LogStream stream;
    std::uint64_t time_ns;
    std::string bytes;
  };

  explicit RunLogReader(Fd file) noexcept : file_(std::move(file)) {}

  /// The next piece, from the oldest on; nothing when there is no more, yet. Throws Error: it is no log.
  [[nodiscard]] std::optional<Piece> next();
  /// Bytes of records that were written over before next() came to them.
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }
  /// Whether its run lives, and may write more.
  [[nodiscard]] bool is_written() const;

 private:
  void read_ring(std::span<std::byte> out, std::uint64_t at) const;

  Fd file_;
  bool begun_ = false;
  std::uint64_t position_ = 0;
  std::uint64_t lost_ = 0;
};

}  // namespace mayfly::control
