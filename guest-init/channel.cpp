// SPDX-License-Identifier: Apache-2.0
#include "guest-init/channel.hpp"

#include <cerrno>
#include <ctime>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace mayfly::init {
namespace {

constexpr const char* kPort = "/dev/vport0p1";
constexpr long kConnectNs = 10'000'000'000;
constexpr long kReportNs = 1'000'000'000;

/// Sleeps that add up to a bound: short at first, since the wait is usually none or well under a millisecond.
class Patience {
 public:
  explicit Patience(long bound_ns) noexcept : bound_ns_(bound_ns) {}

  /// Sleeps and gives true, or false when the bound is reached.
  [[nodiscard]] bool sleep() noexcept {
    if (slept_ns_ >= bound_ns_) {
      return false;
    }
    const timespec pause{.tv_sec = 0, .tv_nsec = next_ns_};
    nanosleep(&pause, nullptr);
    slept_ns_ += next_ns_;
    next_ns_ = next_ns_ < kLongestNs ? next_ns_ * 2 : kLongestNs;
    return true;
  }

 private:
  static constexpr long kLongestNs = 10'000'000;
  long bound_ns_;
  long slept_ns_ = 0;
  long next_ns_ = 50'000;
};

}  // namespace

Step Channel::open() noexcept {
  Patience patience(kConnectNs);
  for (;;) {
    descriptor_ = ::open(kPort, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (descriptor_ >= 0) {
      return std::nullopt;
    }
    if ((errno != ENOENT && errno != ENXIO) || !patience.sleep()) {
      return setup_failure(errno, "opening the channel", kPort);
    }
  }
}

Step Channel::receive(std::span<std::byte> bytes) noexcept {
  Patience patience(kConnectNs);
  while (!bytes.empty()) {
    const ssize_t got = read_some(bytes);
    if (got > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(got));
    } else if (got == 0) {
      // The port driver reads as ended until the host has opened its end too; it cannot be polled for that.
      if (!is_port_ || !patience.sleep()) {
        return setup_failure(EPIPE, "waiting for the host on the channel");
      }
    } else if (errno == EAGAIN) {
      pollfd ready{.fd = descriptor_, .events = POLLIN, .revents = 0};
      poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      return setup_failure(errno, "reading the channel");
    }
  }
  return std::nullopt;
}

bool Channel::wait_writable() noexcept {
  Patience patience(kReportNs);
  for (;;) {
    pollfd ready{.fd = descriptor_, .events = POLLOUT, .revents = 0};
    if (poll(&ready, 1, -1) > 0 && (ready.revents & (POLLHUP | POLLERR)) == 0) {
      return true;
    }
    if (!patience.sleep()) {
      return false;
    }
  }
}

ssize_t Channel::read_some(std::span<std::byte> bytes) noexcept {
  return read(descriptor_, bytes.data(), bytes.size());
}

ssize_t Channel::write_some(std::span<const std::byte> bytes) noexcept {
  return write(descriptor_, bytes.data(), bytes.size());
}

}  // namespace mayfly::init
