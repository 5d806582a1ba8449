// SPDX-License-Identifier: Apache-2.0
#include "vmm/session_link.hpp"

#include <cerrno>
#include <system_error>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.hpp"

namespace mayfly::vmm {
namespace {

bool is_passing(int error) noexcept { return error == EAGAIN || error == EINTR; }

}  // namespace

SessionLink::SessionLink(Fd stream, VmDown& down)
    : stream_(std::move(stream)), down_(down), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!wake_) {
    fail_errno("eventfd");
  }
}

void SessionLink::start(io::PortBackend& session) {
  try {
    thread_ = std::thread([this, &session] { run(session); });
  } catch (const std::system_error& error) {
    throw Error(error.code().value(), "cannot start a thread for the command's stdio");
  }
}

void SessionLink::wake() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof(one));  // full: it is awake
}

void SessionLink::stop() noexcept {
  if (thread_.joinable()) {
    stop_.store(true);
    wake();
    thread_.join();
  }
  stream_ = Fd();
}

void SessionLink::run(io::PortBackend& session) noexcept {
  bool goes_on = send(session);
  while (goes_on && !stop_.load()) {
    const auto to_send = static_cast<short>(unsent_.empty() ? 0 : POLLOUT);
    std::array<pollfd, 2> watched{
        {{stream_.get(), static_cast<short>(POLLIN | to_send), 0}, {wake_.get(), POLLIN, 0}}};
    if (::poll(watched.data(), watched.size(), -1) <= 0) {
      continue;
    }
    if (watched[1].revents != 0) {
      std::uint64_t count = 0;
      [[maybe_unused]] const ssize_t taken = ::read(wake_.get(), &count, sizeof(count));
    }
    goes_on = (watched[0].revents & ~POLLOUT) == 0 || receive(session);
    goes_on = goes_on && send(session);
  }
  if (!goes_on) {
    down_.report(DownReason::kPoweroff);
  }
}

bool SessionLink::receive(io::PortBackend& session) noexcept {
  const ssize_t got = ::recv(stream_.get(), received_.data(), received_.size(), MSG_DONTWAIT);
  if (got > 0) {
    session.from_guest(std::span(received_).first(static_cast<std::size_t>(got)));
  }
  return got > 0 || (got < 0 && is_passing(errno));
}

bool SessionLink::send(io::PortBackend& session) noexcept {
  while (!takes_no_more_) {
    if (unsent_.empty()) {
      unsent_ = std::span(sent_).first(session.to_guest(sent_));
    }
    if (unsent_.empty()) {
      return true;
    }
    const ssize_t went = ::send(stream_.get(), unsent_.data(), unsent_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (went < 0 && errno == EPIPE) {
      // It may have something to say all the same.
      takes_no_more_ = true;
      unsent_ = {};
    } else if (went < 0) {
      return is_passing(errno);
    } else {
      unsent_ = unsent_.subspan(static_cast<std::size_t>(went));
    }
  }
  return true;
}

}  // namespace mayfly::vmm
