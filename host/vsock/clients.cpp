// SPDX-License-Identifier: Apache-2.0
#include "vsock/clients.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/event_fd.hpp"

namespace mayfly::vsock {

Clients::Clients(std::optional<Doors> doors, std::uint32_t private_port, io::EventLoop& loop)
    : doors_(std::move(doors)),
      private_port_(private_port),
      loop_(loop),
      bell_(make_event()),
      timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
  if (!bell_ || !timer_) {
    fail_errno("cannot make what wakes a guest's sockets");
  }
  bell_handler_.set(*this, &Clients::on_bell, 0);
  timer_handler_.set(*this, &Clients::on_timer, 0);
  listener_handler_.set(*this, &Clients::on_listener, 0);
  connector_handler_.set(*this, &Clients::on_connector, 0);
  for (std::size_t number = 0; number < greeters_.size(); ++number) {
    greeters_[number].handler.set(*this, &Clients::on_greeter, number);
  }
  for (std::size_t number = 0; number < clients_.size(); ++number) {
    clients_[number].handler.set(*this, &Clients::on_client, number);
  }
}

Clients::~Clients() = default;

void Clients::serve(Guest& guest) {
  guest_ = &guest;
  listening_ = io::kReadable;
  if (!loop_.watch(bell_.get(), io::kReadable, bell_handler_) ||
      !loop_.watch(timer_.get(), io::kReadable, timer_handler_) ||
      (doors_ && (!loop_.watch(doors_->connector.fd(), io::kReadable, connector_handler_) ||
                  !loop_.watch(doors_->listener.fd(), listening_, listener_handler_)))) {
    fail_errno("cannot wait for the clients of a guest's sockets");
  }
}

void Clients::wake() noexcept { ring_event(bell_.get()); }

void Clients::bring(Fd client) noexcept {
  {
    const std::lock_guard lock(brought_mutex_);
    if (brought_count_ == brought_.size()) {
      return;
    }
    brought_[brought_count_++] = std::move(client);
  }
  wake();
}

void Clients::on_bell(std::size_t /*number*/, io::Readiness /*what*/) noexcept {
  (void)take_event(bell_.get());
  seat_brought();
  guest_->service();
  set_timer();
}

void Clients::on_client(std::size_t number, io::Readiness what) noexcept {
  Client& client = clients_[number];
  Endpoint::Readiness ready = 0;
  ready |= (what & io::kReadable) != 0 ? Endpoint::kReadable : Endpoint::Readiness{0};
  ready |= (what & io::kWritable) != 0 ? Endpoint::kWritable : Endpoint::Readiness{0};
  if ((what & io::kBroken) != 0) {
    ready |= Endpoint::kHungUp;
    client.is_forgotten = true;
    loop_.forget(client.socket.get(), client.handler);
  } else {
    // Not told again before read() or write() found that there is no more.
    watch(client, client.watched & static_cast<io::Readiness>(~what));
  }
  guest_->ready(static_cast<Slot>(number), ready);
  set_timer();
}

void Clients::watch(Client& client, io::Readiness what) noexcept {
  if (!client.is_forgotten && client.watched != what) {
    client.watched = what;
    [[maybe_unused]] const bool changed = loop_.change(client.socket.get(), what, client.handler);
  }
}

Streams::Connect Clients::connect(Slot slot, std::uint32_t port) noexcept {
  last_serial_ += last_serial_ + 1 == 0 ? 2 : 1;
  if (!doors_ || !doors_->connector.ask(last_serial_, port)) {
    return Connect::kRefused;
  }
  clients_[slot].serial = last_serial_;
  return Connect::kLater;
}

void Clients::on_connector(std::size_t /*number*/, io::Readiness what) noexcept {
  std::optional<Connector::Answer> answer = doors_->connector.take();
  if (!answer) {
    if ((what & io::kBroken) != 0) {
      loop_.forget(doors_->connector.fd(), connector_handler_);  // and nobody is asked any more: ask() fails
    }
    return;
  }
  const auto client = std::find_if(clients_.begin(), clients_.end(),
                                   [&](const Client& each) { return each.serial == answer->serial; });
  // It may have given up.
  if (answer->serial == 0 || client == clients_.end()) {
    return;
  }
  const auto slot = static_cast<Slot>(client - clients_.begin());
  client->serial = 0;
  if (answer->stream) {
    attach(*client, std::move(answer->stream));
    guest_->connected(slot);
  } else {
    guest_->refused(slot);
  }
  set_timer();
}

void Clients::attach(Client& client, Fd socket) noexcept {
  client.socket = std::move(socket);
  client.watched = 0;
  // Should it be gone, that is told whatever it is watched for.
  client.is_forgotten = !loop_.watch(client.socket.get(), client.watched, client.handler);
}

void Clients::granted(Slot slot, std::uint32_t port) noexcept {
  if (!clients_[slot].has_greeted) {
    return;
  }
  const std::string line = welcome(port);
  // The first bytes there are: they have room.
  [[maybe_unused]] const ssize_t sent =
      ::send(clients_[slot].socket.get(), line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

Moved Clients::read(Slot slot, std::span<std::byte> to) noexcept {
  Client& client = clients_[slot];
  const ssize_t got = ::recv(client.socket.get(), to.data(), to.size(), MSG_DONTWAIT);
  if (got > 0) {
    return {static_cast<std::size_t>(got), Moved::Then::kMore};
  }
  // A client that is gone sends no more, and nobody would tell us.
  if (got < 0 && (errno == EAGAIN || errno == EINTR) && !client.is_forgotten) {
    watch(client, client.watched | io::kReadable);
    return {0, Moved::Then::kBlocked};
  }
  return {0, Moved::Then::kOver};
}

Moved Clients::write(Slot slot, std::span<const std::byte> from) noexcept {
  Client& client = clients_[slot];
  std::size_t done = 0;
  while (done < from.size()) {
    const ssize_t sent =
        ::send(client.socket.get(), from.data() + done, from.size() - done, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) {
      if ((errno != EAGAIN && errno != EINTR) || client.is_forgotten) {
        return {done, Moved::Then::kOver};
      }
      watch(client, client.watched | io::kWritable);
      return {done, Moved::Then::kBlocked};
    }
    done += static_cast<std::size_t>(sent);
  }
  return {done, Moved::Then::kMore};
}

void Clients::end_output(Slot slot) noexcept { ::shutdown(clients_[slot].socket.get(), SHUT_WR); }

void Clients::end_input(Slot slot) noexcept { ::shutdown(clients_[slot].socket.get(), SHUT_RD); }

void Clients::close(Slot slot) noexcept {
  Client& client = clients_[slot];
  if (client.socket && !client.is_forgotten) {
    loop_.forget(client.socket.get(), client.handler);
  }
  client.socket = Fd();
  client.watched = 0;
  client.is_forgotten = false;
  client.has_greeted = false;
  client.serial = 0;
  // A descriptor is free again.
  listen(io::kReadable);
}

}  // namespace mayfly::vsock
