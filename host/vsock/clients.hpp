// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>

#include "base/fd.hpp"
#include "io/event_loop.hpp"
#include "lease/socket.hpp"
#include "vsock/connector.hpp"
#include "vsock/endpoint.hpp"
#include "vsock/greeting.hpp"
#include "vsock/guest.hpp"
#include "vsock/streams.hpp"

namespace mayfly::vsock {

/// The host's side of a guest's sockets: a Unix socket that clients connect to, say by a Greeting which of
/// the guest's ports they want, and have a stream to it when they are told so by welcome(). Who is refused is
/// closed. A guest that asks for a port of the host gets the stream that the Connector has for it.
///
/// All of it but bring() runs on the loop's thread. Clients can be anything: those that have not yet said
/// what they want are kGreetersMax at most and have kGreetWithinNs each; further ones wait in the kernel's
/// queue.
class Clients final : public Streams, public Worker {
 public:
  static constexpr std::size_t kGreetersMax = 16;
  static constexpr std::uint64_t kGreetWithinNs = 60'000'000'000;
  /// Until it is tried again, when the host has no descriptor left for a client.
  static constexpr std::uint64_t kAcceptAgainNs = 1'000'000'000;
  /// How many bring() keeps until the loop's thread takes them.
  static constexpr std::size_t kBroughtMax = 32;
  /// Descriptors that it ever has.
  static constexpr std::size_t kFilesMax = Endpoint::kConnectionsMax + kGreetersMax + kBroughtMax + 5;

  /// What leads to the guest's sockets from outside, and from there to outside.
  struct Doors {
    lease::Listener listener;
    Connector connector;
  };
  /// Without `doors` there are those clients only that bring() brings. No other gets to `private_port` of the
  /// guest. `loop` has not begun, and outlives this. Throws Error.
  Clients(std::optional<Doors> doors, std::uint32_t private_port, io::EventLoop& loop);
  /// When the loop has ended.
  ~Clients() override;
  /// Who they are clients of, who outlives the loop. Once, before the loop begins. Throws Error.
  void serve(Guest& guest);

  /// Makes `client`, a connection, one of the guest's private port; it is told of nothing. It is closed where
  /// that cannot be: the guest has no driver, nobody listens there, or there are too many. Any thread.
  void bring(Fd client) noexcept;

  void wake() noexcept override;
  [[nodiscard]] int bell() const noexcept override { return bell_.get(); }

  [[nodiscard]] Connect connect(Slot slot, std::uint32_t port) noexcept override;
  void granted(Slot slot, std::uint32_t port) noexcept override;
  [[nodiscard]] Moved read(Slot slot, std::span<std::byte> to) noexcept override;
  [[nodiscard]] Moved write(Slot slot, std::span<const std::byte> from) noexcept override;
  void end_output(Slot slot) noexcept override;
  void end_input(Slot slot) noexcept override;
  void close(Slot slot) noexcept override;

 private:
  /// Has one of our functions called with the number of what is ready.
  class Handler final : public io::EventHandler {
   public:
    using Call = void (Clients::*)(std::size_t, io::Readiness) noexcept;
    Handler() noexcept = default;
    void set(Clients& owner, Call call, std::size_t number) noexcept {
      owner_ = &owner;
      call_ = call;
      number_ = number;
    }
    void ready(io::Readiness what) noexcept override { (owner_->*call_)(number_, what); }

   private:
    Clients* owner_ = nullptr;
    Call call_ = nullptr;
    std::size_t number_ = 0;
  };
  /// One that has a slot.
  struct Client {
    Handler handler;
    Fd socket;
    io::Readiness watched = 0;
    /// Broken, and so watched no more.
    bool is_forgotten = false;
    /// Somebody who said CONNECT, and is told OK.
    bool has_greeted = false;
    /// The answer that it waits for; 0: for none.
    std::uint32_t serial = 0;
  };
  /// One that has yet to say what it wants.
  struct Greeter {
    Handler handler;
    Fd socket;
    Greeting greeting;
    std::uint64_t deadline_ns = Endpoint::kNever;
  };

  // Called by the loop.
  void on_bell(std::size_t number, io::Readiness what) noexcept;
  void on_timer(std::size_t number, io::Readiness what) noexcept;
  void on_listener(std::size_t number, io::Readiness what) noexcept;
  void on_connector(std::size_t number, io::Readiness what) noexcept;
  void on_greeter(std::size_t number, io::Readiness what) noexcept;
  void on_client(std::size_t number, io::Readiness what) noexcept;

  /// False when `greeter` is done with: it has what it wants, or is to be dropped.
  [[nodiscard]] bool hear(Greeter& greeter, io::Readiness what) noexcept;
  /// Gives it a slot, where there is one.
  void seat(Greeter& greeter) noexcept;
  void seat_brought() noexcept;
  void drop(Greeter& greeter) noexcept;
  void listen(io::Readiness what) noexcept;
  /// Gives `client` its stream.
  void attach(Client& client, Fd socket) noexcept;
  void watch(Client& client, io::Readiness what) noexcept;
  /// Has the timer ring when something is due.
  void set_timer() noexcept;

  std::optional<Doors> doors_;
  std::uint32_t private_port_;
  io::EventLoop& loop_;
  Guest* guest_ = nullptr;
  Fd bell_;
  Fd timer_;
  Handler bell_handler_;
  Handler timer_handler_;
  Handler listener_handler_;
  Handler connector_handler_;
  std::uint32_t last_serial_ = 0;
  io::Readiness listening_ = 0;
  std::uint64_t accept_after_ns_ = Endpoint::kNever;
  std::uint64_t timer_at_ns_ = Endpoint::kNever;
  std::mutex brought_mutex_;
  std::array<Fd, kBroughtMax> brought_;
  /// Changed with the mutex held; a look without is for the loop's thread, which alone takes.
  std::atomic<std::size_t> brought_count_{0};
  std::array<Greeter, kGreetersMax> greeters_;
  std::array<Client, Endpoint::kConnectionsMax> clients_;
};

}  // namespace mayfly::vsock
