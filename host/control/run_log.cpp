// SPDX-License-Identifier: Apache-2.0
#include "control/run_log.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include <fcntl.h>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/positioned_io.hpp"

namespace mayfly::control {
namespace {

constexpr std::string_view kNoLog = "this is no log of a run, or it was changed by somebody else";

/// A lock of it to write.
struct flock whole_file() noexcept {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

template <typename T>
std::span<std::byte> bytes_of(T& words) noexcept {
  return std::as_writable_bytes(std::span(&words, 1));
}

bool write_whole(int fd, std::span<const std::byte> bytes, std::uint64_t at) noexcept {
  while (!bytes.empty()) {
    const ssize_t written = write_at(fd, bytes, at);
    if (written <= 0) {
      if (written < 0 && errno == EINTR) {
        continue;
      }
      errno = written == 0 ? EIO : errno;
      return false;
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    at += static_cast<std::uint64_t>(written);
  }
  return true;
}

/// What the file does not have is zeros.
void read_whole(int fd, std::span<std::byte> out, std::uint64_t at) {
  std::ranges::fill(out, std::byte{0});
  while (!out.empty()) {
    const ssize_t got = read_at(fd, out, at);
    if (got < 0 && errno != EINTR) {
      fail_errno("cannot read the log");
    }
    if (got == 0) {
      return;
    }
    if (got > 0) {
      out = out.subspan(static_cast<std::size_t>(got));
      at += static_cast<std::uint64_t>(got);
    }
  }
}

/// Throws Error: it is no log.
LogHeader read_header(int fd) {
  LogHeader header{};
  read_whole(fd, bytes_of(header), 0);
  if (header.magic != kLogMagic || header.capacity != kLogCapacity || header.begin > header.end ||
      header.end - header.begin > header.capacity || header.begin % 8 != 0 || header.end % 8 != 0) {
    throw Error(std::string(kNoLog));
  }
  return header;
}

}  // namespace

void RunLog::lock(int file) {
  struct flock lock = whole_file();
  if (::fcntl(file, F_OFD_SETLK, &lock) != 0) {
    fail_errno("cannot lock the log");
  }
}

RunLog::RunLog(Fd file, Begin begin)
    : file_(std::move(file)), header_(begin == Begin::kGoesOn ? read_header(file_.get()) : LogHeader()) {
  if (!write_header()) {
    fail_errno("cannot write the log");
  }
}

bool RunLog::write_header() const noexcept {
  return write_whole(file_.get(), std::as_bytes(std::span(&header_, 1)), 0);
}

bool RunLog::write_ring(std::span<const std::byte> bytes, std::uint64_t at) const noexcept {
  const std::uint64_t offset = at % kLogCapacity;
  const std::size_t first = std::min<std::uint64_t>(bytes.size(), kLogCapacity - offset);
  return write_whole(file_.get(), bytes.first(first), kLogDataAt + offset) &&
         write_whole(file_.get(), bytes.subspan(first), kLogDataAt);
}

bool RunLog::make_room(std::uint64_t bytes) noexcept {
  const std::uint64_t begin = header_.begin;
  while (header_.end + bytes - header_.begin > kLogCapacity) {
    std::uint32_t oldest = 0;
    // All records are at multiples of eight, as the ring's end is.
    const ssize_t got = read_at(file_.get(), bytes_of(oldest), kLogDataAt + header_.begin % kLogCapacity);
    const std::uint64_t room = log_room_of(oldest);
    const bool good =
        got == sizeof(oldest) && oldest <= kLogRecordBytesMax && room <= header_.end - header_.begin;
    // Who has written into it has lost what was there.
    header_.begin = good ? header_.begin + room : header_.end;
  }
  // Before what they were is written over.
  return header_.begin == begin || write_header();
}

ssize_t RunLog::append(LogStream stream, std::span<const std::byte> bytes) noexcept {
  const std::lock_guard lock(mutex_);
  const std::size_t count = std::min<std::size_t>(bytes.size(), kLogRecordBytesMax);
  const LogRecord record{
      .bytes = static_cast<std::uint32_t>(count), .stream = stream, .time_ns = realtime_ns()};
  const std::uint64_t room = log_room_of(record.bytes);
  if (!make_room(room) || !write_ring(std::as_bytes(std::span(&record, 1)), header_.end) ||
      !write_ring(bytes.first(count), header_.end + sizeof(record))) {
    return -1;
  }
  header_.end += room;
  if (!write_header()) {
    header_.end -= room;
    return -1;
  }
  return static_cast<ssize_t>(count);
}

void RunLog::append_all(LogStream stream, std::string_view text) noexcept {
  auto bytes = std::as_bytes(std::span(text));
  while (!bytes.empty()) {
    const ssize_t taken = append(stream, bytes);
    if (taken < 0) {
      return;
    }
    bytes = bytes.subspan(static_cast<std::size_t>(taken));
  }
}

void RunLogReader::read_ring(std::span<std::byte> out, std::uint64_t at) const {
  const std::uint64_t offset = at % kLogCapacity;
  const std::size_t first = std::min<std::uint64_t>(out.size(), kLogCapacity - offset);
  read_whole(file_.get(), out.first(first), kLogDataAt + offset);
  read_whole(file_.get(), out.subspan(first), kLogDataAt);
}

std::optional<RunLogReader::Piece> RunLogReader::next() {
  LogHeader now = read_header(file_.get());
  if (!begun_) {
    begun_ = true;
    position_ = now.begin;
  }
  while (true) {
    if (position_ < now.begin) {
      lost_ += now.begin - position_;
      position_ = now.begin;
    }
    // Beyond the end: another run has begun a log in the same file.
    if (position_ >= now.end) {
      return std::nullopt;
    }
    LogRecord record{};
    read_ring(bytes_of(record), position_);
    const bool good = record.bytes <= kLogRecordBytesMax &&
                      log_room_of(record.bytes) <= now.end - position_ &&
                      record.stream >= LogStream::kStdout && record.stream <= LogStream::kMayfly;
    Piece piece{record.stream, record.time_ns, std::string(good ? record.bytes : 0, '\0')};
    read_ring(std::as_writable_bytes(std::span(piece.bytes)), position_ + sizeof(record));
    now = read_header(file_.get());
    // What was read may be half of what is written over it.
    if (position_ >= now.begin) {
      if (!good) {
        throw Error(std::string(kNoLog));
      }
      position_ += log_room_of(record.bytes);
      return piece;
    }
  }
}

bool RunLogReader::is_written() const {
  struct flock lock = whole_file();
  if (::fcntl(file_.get(), F_OFD_GETLK, &lock) != 0) {
    fail_errno("cannot ask who has locked the log");
  }
  return lock.l_type != F_UNLCK;
}

}  // namespace mayfly::control
