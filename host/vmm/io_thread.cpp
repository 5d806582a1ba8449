// SPDX-License-Identifier: Apache-2.0
#include "vmm/io_thread.hpp"

#include <cstdint>
#include <system_error>

#include <unistd.h>

#include "base/error.hpp"
#include "base/event_fd.hpp"
#include "sandbox/sandbox.hpp"

namespace mayfly::vmm {
namespace {

std::uint32_t to_epoll(io::Readiness what) noexcept {
  return ((what & io::kReadable) != 0 ? std::uint32_t{EPOLLIN} : 0) |
         ((what & io::kWritable) != 0 ? std::uint32_t{EPOLLOUT} : 0);
}

io::Readiness from_epoll(std::uint32_t events) noexcept {
  const int bits = ((events & EPOLLIN) != 0 ? io::kReadable : 0) |
                   ((events & EPOLLOUT) != 0 ? io::kWritable : 0) |
                   ((events & (EPOLLERR | EPOLLHUP)) != 0 ? io::kBroken : 0);
  return static_cast<io::Readiness>(bits);
}

}  // namespace

IoThread::IoThread(PauseGate& gate, sandbox::ThreadKind kind)
    : gate_(gate), kind_(kind), epoll_(::epoll_create1(EPOLL_CLOEXEC)), wake_(make_event()) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;  // no handler's
  if (!epoll_ || !wake_ || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0) {
    fail_errno("cannot make what the I/O thread waits for");
  }
}

IoThread::~IoThread() { stop(); }

void IoThread::start() {
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    throw Error(error.code().value(), "cannot start the I/O thread");
  }
}

void IoThread::interrupt() noexcept { ring_event(wake_.get()); }

void IoThread::stop() noexcept {
  if (thread_.joinable()) {
    stop_.store(true);
    interrupt();
    thread_.join();
  }
}

void IoThread::run() noexcept {
  sandbox::confine_thread(kind_);
  while (!stop_.load()) {
    if (gate_.is_closed()) {
      gate_.hold();
    } else {
      take_turn(/*timeout=*/-1);
    }
  }
  // Some are always ready, such as for a client that never ends.
  constexpr int kLastTurns = 64;
  for (int turns = 0; turns < kLastTurns && take_turn(/*timeout=*/0) > 0; ++turns) {
  }
  gate_.leave();
}

std::size_t IoThread::take_turn(int timeout) noexcept {
  const int found = ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), timeout);
  const std::size_t ready = found < 0 ? 0 : static_cast<std::size_t>(found);
  left_ = std::span(events_).first(ready);
  while (!left_.empty()) {
    const epoll_event event = left_.front();
    left_ = left_.subspan(1);
    if (event.data.ptr != nullptr) {
      // Safe: watch() and change() have put it there.
      static_cast<io::EventHandler*>(event.data.ptr)->ready(from_epoll(event.events));
    } else if (event.events != 0) {
      (void)take_event(wake_.get());
    }
  }
  return ready;
}

bool IoThread::watch(int fd, io::Readiness what, io::EventHandler& handler) noexcept {
  epoll_event event{};
  event.events = to_epoll(what);
  event.data.ptr = &handler;
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

bool IoThread::change(int fd, io::Readiness what, io::EventHandler& handler) noexcept {
  epoll_event event{};
  event.events = to_epoll(what);
  event.data.ptr = &handler;
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0;
}

void IoThread::forget(int fd, io::EventHandler& handler) noexcept {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  // What this turn has yet to tell of it is not told.
  for (epoll_event& event : left_) {
    if (event.data.ptr == &handler) {
      event = {};
    }
  }
}

}  // namespace mayfly::vmm
