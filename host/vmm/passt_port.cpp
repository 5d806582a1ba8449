// SPDX-License-Identifier: Apache-2.0
#include "vmm/passt_port.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <unistd.h>

#include "base/buffers.hpp"
#include "base/positioned_io.hpp"
#include "base/printable.hpp"

namespace mayfly::vmm {
namespace {

/// An Ethernet header, and the longest packet.
constexpr std::uint32_t kPacketBytesMin = 14;
constexpr std::uint32_t kPacketBytesMax = 65535 + 18;
/// passt's own limit (ETH_MAX_MTU): what is longer it has no room for.
constexpr std::uint32_t kSentBytesMax = 65535;
/// PacketPieces of a packet: more than net.cpp has.
constexpr std::size_t kPiecesMax = 256;

struct PacketPieces {
  std::array<iovec, kPiecesMax> all;
  std::size_t count = 0;

  void add(void* at, std::size_t bytes) noexcept {
    if (bytes != 0 && count < all.size()) {
      all[count++] = {at, bytes};
    }
  }
  /// What of `buffers` is from `begin` on, `bytes` at most.
  void add(std::span<const iovec> buffers, std::size_t begin, std::size_t bytes) noexcept {
    for_each_part(buffers, begin, bytes, [this](void* at, std::size_t part) { add(at, part); });
  }
  [[nodiscard]] std::span<const iovec> span() const noexcept { return std::span(all).first(count); }
};

}  // namespace

PasstPort::PasstPort(Fd stream, Fd messages) : stream_(std::move(stream)), messages_(std::move(messages)) {
  part_.resize(kPacketBytesMax);
  unsent_.reserve(kLengthBytes + kSentBytesMax);
}

std::string_view PasstPort::name() const noexcept {
  // Its last words, but for those of a host without a system log (src/log.c of passt).
  std::string said(4096, '\0');
  const ssize_t got = messages_ ? ::read(messages_.get(), said.data(), said.size()) : 0;
  said.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  std::string last;
  for (std::size_t begin = 0; begin < said.size();) {
    const std::size_t end = std::min(said.find('\n', begin), said.size());
    const std::string line = as_printable(said.substr(begin, end - begin));
    if (!line.empty() && !line.starts_with("Failed to send ") && !line.starts_with("Don't run as root")) {
      last += last.empty() ? line : "; " + line;
    }
    begin = end + 1;
  }
  if (!last.empty()) {
    name_ = "passt (" + last + ")";
  }
  return name_;
}

std::uint32_t PasstPort::length() const noexcept {
  return std::uint32_t{length_[0]} << 24U | std::uint32_t{length_[1]} << 16U |
         std::uint32_t{length_[2]} << 8U | length_[3];
}

int PasstPort::complete(std::span<std::byte> whole, std::size_t& have) noexcept {
  const ssize_t got = read_at(stream_.get(), whole.subspan(have), kAtStream);
  if (got <= 0) {
    return got == 0 ? -ENODEV : -errno;
  }
  have += static_cast<std::size_t>(got);
  return have < whole.size() ? -EAGAIN : 0;
}

int PasstPort::receive_length() noexcept {
  if (length_bytes_ < kLengthBytes) {
    if (const int error = complete(std::as_writable_bytes(std::span(length_)), length_bytes_); error != 0) {
      return error;
    }
  }
  // A stream that has lost its step is none.
  return length() < kPacketBytesMin || length() > kPacketBytesMax ? -EPROTO : 0;
}

ssize_t PasstPort::receive(std::span<const iovec> buffers) noexcept {
  if (const int error = receive_length(); error != 0) {
    return error;
  }
  const std::size_t bytes = length();
  const std::size_t room = total_bytes(buffers);
  const auto whole = std::span(part_).first(bytes);
  // Straight to the driver, when it is there in one.
  if (part_bytes_ == 0 && room >= kHeaderBytes + bytes) {
    PacketPieces packet;
    packet.add(buffers, kHeaderBytes, bytes);
    const ssize_t got = read_at(stream_.get(), packet.span(), kAtStream);
    if (got <= 0) {
      return got == 0 ? -ENODEV : -errno;
    }
    part_bytes_ = static_cast<std::size_t>(got);
    if (part_bytes_ < bytes) {
      copy_from(buffers, kHeaderBytes, whole.first(part_bytes_));
      return -EAGAIN;
    }
  } else {
    if (const int error = complete(whole, part_bytes_); error != 0) {
      return error;
    }
    copy_to(buffers, kHeaderBytes, whole);
  }
  constexpr std::array<std::byte, kHeaderBytes> kNothingLeft{};
  copy_to(buffers, 0, kNothingLeft);
  length_bytes_ = 0;
  part_bytes_ = 0;
  return static_cast<ssize_t>(std::min(room, kHeaderBytes + bytes));
}

void PasstPort::flush() noexcept {
  if (unsent_.empty()) {
    return;
  }
  const ssize_t sent = write_at(stream_.get(), std::span<const std::byte>(unsent_), kAtStream);
  if (sent >= 0) {
    unsent_.erase(unsent_.begin(), unsent_.begin() + sent);
  } else if (errno != EAGAIN && errno != EINTR) {
    unsent_.clear();  // there is nobody
  }
}

ssize_t PasstPort::send(std::span<const iovec> buffers) noexcept {
  const std::size_t room = total_bytes(buffers);
  if (room < kHeaderBytes + kPacketBytesMin || room > kHeaderBytes + kSentBytesMax) {
    return -EINVAL;
  }
  // Between two parts of a packet there is no place for another one.
  if (is_full()) {
    return -EAGAIN;
  }
  const auto bytes = static_cast<std::uint32_t>(room - kHeaderBytes);
  std::array<std::uint8_t, kLengthBytes> before{
      static_cast<std::uint8_t>(bytes >> 24U), static_cast<std::uint8_t>(bytes >> 16U),
      static_cast<std::uint8_t>(bytes >> 8U), static_cast<std::uint8_t>(bytes)};
  PacketPieces packet;
  packet.add(before.data(), before.size());
  packet.add(buffers, kHeaderBytes, bytes);
  ssize_t sent = write_at(stream_.get(), packet.span(), kAtStream);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) {
    return -errno;
  }
  sent = std::max<ssize_t>(sent, 0);
  const std::size_t rest = kLengthBytes + bytes - static_cast<std::size_t>(sent);
  if (rest != 0) {
    unsent_.resize(rest);
    copy_from(packet.span(), static_cast<std::uint64_t>(sent), unsent_);
  }
  return static_cast<ssize_t>(room);
}

}  // namespace mayfly::vmm
