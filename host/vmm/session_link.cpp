// SPDX-License-Identifier: Apache-2.0
#include "vmm/session_link.hpp"

#include <cerrno>
#include <cstdint>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/event_fd.hpp"

namespace mayfly::vmm {
namespace {

bool is_passing(int error) noexcept { return error == EAGAIN || error == EINTR; }

}  // namespace

SessionLink::SessionLink(Fd stream, VmDown& down)
    : stream_(std::move(stream)), down_(down), wake_(make_event()) {
  if (!wake_) {
    fail_errno("eventfd");
  }
}

void SessionLink::wake() noexcept { ring_event(wake_.get()); }

std::array<pollfd, 2> SessionLink::watched() const noexcept {
  const auto to_send = static_cast<short>(unsent_.empty() ? 0 : POLLOUT);
  return {
      {{stream_.get(), static_cast<short>(POLLIN | to_send), 0}, {stream_ ? wake_.get() : -1, POLLIN, 0}}};
}

void SessionLink::serve(std::span<const pollfd, 2> watched) noexcept {
  if (!stream_ || (watched[0].revents == 0 && watched[1].revents == 0)) {
    return;
  }
  if (watched[1].revents != 0) {
    (void)take_event(wake_.get());
  }
  const bool goes_on = (watched[0].revents & ~POLLOUT) == 0 || receive();
  if (!goes_on || !send()) {
    stream_ = Fd();
    down_.report(DownReason::kPoweroff);
  }
}

bool SessionLink::receive() noexcept {
  const ssize_t got = ::recv(stream_.get(), received_.data(), received_.size(), MSG_DONTWAIT);
  if (got > 0) {
    session_->from_guest(std::span(received_).first(static_cast<std::size_t>(got)));
  }
  return got > 0 || (got < 0 && is_passing(errno));
}

bool SessionLink::send() noexcept {
  while (!takes_no_more_) {
    if (unsent_.empty()) {
      unsent_ = std::span(sent_).first(session_->to_guest(sent_));
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
