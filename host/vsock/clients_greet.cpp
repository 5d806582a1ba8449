// SPDX-License-Identifier: Apache-2.0
// Clients that come, and what takes them too long.
#include <algorithm>
#include <array>
#include <cerrno>

#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.hpp"
#include "vsock/clients.hpp"

namespace mayfly::vsock {

void Clients::listen(io::Readiness what) noexcept {
  if (doors_ && listening_ != what) {
    listening_ = what;
    [[maybe_unused]] const bool changed = loop_.change(doors_->listener.fd(), what, listener_handler_);
  }
}

void Clients::on_listener(std::size_t /*number*/, io::Readiness /*what*/) noexcept {
  const auto free = std::find_if(greeters_.begin(), greeters_.end(),
                                 [](const Greeter& greeter) { return !greeter.socket; });
  if (free == greeters_.end()) {
    listen(0);  // until drop()
    return;
  }
  Fd socket = doors_->listener.accept();
  if (!socket) {
    if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
      listen(0);
      accept_after_ns_ = monotonic_ns() + kAcceptAgainNs;
      set_timer();
    }
    return;
  }
  if (loop_.watch(socket.get(), io::kReadable, free->handler)) {
    free->socket = std::move(socket);
    free->greeting = {};
    free->deadline_ns = monotonic_ns() + kGreetWithinNs;
    set_timer();
  }
}

void Clients::on_greeter(std::size_t number, io::Readiness what) noexcept {
  Greeter& greeter = greeters_[number];
  if (!hear(greeter, what)) {
    drop(greeter);
    set_timer();
  }
}

bool Clients::hear(Greeter& greeter, io::Readiness what) noexcept {
  // What follows the line is the guest's, so no more than the line is taken out.
  std::array<std::byte, 32> bytes{};
  const std::size_t room = std::min(bytes.size(), greeter.greeting.room());
  const ssize_t seen = ::recv(greeter.socket.get(), bytes.data(), room, MSG_PEEK | MSG_DONTWAIT);
  if (seen < 0 && (errno == EAGAIN || errno == EINTR)) {
    return (what & io::kBroken) == 0;
  }
  if (seen <= 0) {
    return false;
  }
  const std::size_t taken = greeter.greeting.take(std::span(bytes).first(static_cast<std::size_t>(seen)));
  if (::recv(greeter.socket.get(), bytes.data(), taken, MSG_DONTWAIT) != static_cast<ssize_t>(taken)) {
    return false;
  }
  if (greeter.greeting.state() == Greeting::State::kWhole) {
    seat(greeter);
    return false;
  }
  return greeter.greeting.state() == Greeting::State::kMore;
}

void Clients::seat(Greeter& greeter) noexcept {
  const auto slot =
      greeter.greeting.port() == private_port_ ? std::nullopt : guest_->ask(greeter.greeting.port());
  if (!slot) {
    return;
  }
  loop_.forget(greeter.socket.get(), greeter.handler);
  attach(clients_[*slot], std::move(greeter.socket));
  clients_[*slot].has_greeted = true;
}

void Clients::seat_brought() noexcept {
  while (brought_count_.load() != 0) {
    Fd client;
    {
      const std::lock_guard lock(brought_mutex_);
      client = std::move(brought_[--brought_count_]);
    }
    if (const auto slot = guest_->ask(private_port_)) {
      attach(clients_[*slot], std::move(client));
    }
  }
}

void Clients::drop(Greeter& greeter) noexcept {
  if (greeter.socket) {
    loop_.forget(greeter.socket.get(), greeter.handler);
  }
  greeter.socket = Fd();
  greeter.deadline_ns = Endpoint::kNever;
  listen(io::kReadable);
}

void Clients::on_timer(std::size_t /*number*/, io::Readiness /*what*/) noexcept {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t taken = ::read(timer_.get(), &count, sizeof(count));
  timer_at_ns_ = Endpoint::kNever;
  const std::uint64_t now = monotonic_ns();
  for (Greeter& greeter : greeters_) {
    if (greeter.deadline_ns <= now) {
      drop(greeter);
    }
  }
  if (accept_after_ns_ <= now) {
    accept_after_ns_ = Endpoint::kNever;
    listen(io::kReadable);
  }
  guest_->service();
  set_timer();
}

void Clients::set_timer() noexcept {
  std::uint64_t due = std::min(guest_->deadline_ns(), accept_after_ns_);
  for (const Greeter& greeter : greeters_) {
    due = std::min(due, greeter.deadline_ns);
  }
  // One that rings too early sets it anew.
  if (due < timer_at_ns_) {
    timer_at_ns_ = due;
    const itimerspec at{.it_interval = {}, .it_value = to_timespec(due)};
    [[maybe_unused]] const int set = ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &at, nullptr);
  }
}

}  // namespace mayfly::vsock
