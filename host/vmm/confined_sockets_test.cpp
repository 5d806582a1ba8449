// SPDX-License-Identifier: Apache-2.0
// A guest's sockets as a run has them, all of it but a guest with a kernel: the process that connects, the
// I/O thread, and the whole sandbox. A system call that the filters lack ends the child by SIGSYS.
#include <array>
#include <csignal>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.hpp"
#include "base/temporary_folder.hpp"
#include "sandbox/sandbox.hpp"
#include "testing/vsock_fixture.hpp"
#include "vmm/connector_process.hpp"
#include "vmm/io_thread.hpp"
#include "vsock/clients.hpp"

namespace mayfly::vmm {
namespace {

using vsock::Operation;
using vsock::Ports;

constexpr std::uint32_t kHostPort = 7;

/// Connects to the host's port once, where it sends no more after what it has sent back; takes all clients,
/// and sends back what they send.
class EchoGuest final : public vsock::Guest {
 public:
  explicit EchoGuest(vsock::Clients& clients) : worker_(clients), endpoint_(clients, testing::kGuestCid) {}

  void service() noexcept override {
    begin();
    endpoint_.expire();
    if (!has_asked_) {
      has_asked_ = true;
      send({.host = kHostPort, .guest = 1}, Operation::kRequest);
    }
    pump();
  }
  std::uint64_t deadline_ns() const noexcept override { return endpoint_.deadline_ns(); }
  std::optional<vsock::Slot> ask(std::uint32_t port) noexcept override {
    begin();
    worker_.wake();  // a guest answers later
    return endpoint_.ask(port);
  }
  void connected(vsock::Slot slot) noexcept override {
    begin();
    endpoint_.connected(slot);
    pump();
  }
  void refused(vsock::Slot slot) noexcept override {
    begin();
    endpoint_.refused(slot);
    pump();
  }
  void ready(vsock::Slot slot, vsock::Endpoint::Readiness what) noexcept override {
    begin();
    endpoint_.ready(slot, what);
    pump();
  }

 private:
  void begin() noexcept { endpoint_.set_time(monotonic_ns()); }
  void send(Ports ports, Operation operation, std::span<const std::byte> payload = {},
            std::uint32_t flags = 0) noexcept {
    endpoint_.take(testing::from_guest(ports, operation, static_cast<std::uint32_t>(payload.size()), flags),
                   payload);
  }
  void pump() noexcept {
    std::array<std::byte, 4096> room{};
    while (const auto header = endpoint_.next(room)) {
      const Ports ports{.host = header->source_port, .guest = header->destination_port};
      const auto operation = static_cast<Operation>(header->operation);
      if (operation == Operation::kRequest) {
        send(ports, Operation::kResponse);
      } else if (operation == Operation::kReadWrite) {
        send(ports, operation, std::span(room).first(header->bytes));
        if (ports.host == kHostPort) {
          send(ports, Operation::kShutdown, {}, vsock::kNoSending);
        }
      } else if (operation == Operation::kShutdown) {
        send(ports, operation, {}, vsock::kNothingMore);
      }
    }
  }

  vsock::Worker& worker_;
  vsock::Endpoint endpoint_;
  bool has_asked_ = false;
};

/// Until `end` says so; its exit status.
int run_confined(const std::string& path, int end) {
  ConnectorProcess process(path, sandbox::Mode::kOn);
  sandbox::Sandbox sandbox(sandbox::Mode::kOn, {.files_max = 192 + vsock::Clients::kFilesMax});
  PauseGate gate;
  IoThread thread(gate, sandbox::ThreadKind::kSockets);
  vsock::Clients clients(process.take_doors(), 0, thread);
  EchoGuest guest(clients);
  clients.serve(guest);
  thread.start();
  sandbox.leave_files();
  static_cast<void>(sandbox.lock_down(-1));
  clients.wake();
  char byte = 0;
  const ssize_t got = ::read(end, &byte, 1);
  thread.stop();
  return got == 0 ? 0 : 1;
}

std::string everything(int socket) {
  std::string all;
  std::array<char, 4096> bytes{};
  for (ssize_t got = 1; (got = ::recv(socket, bytes.data(), bytes.size(), 0)) > 0;) {
    all.append(bytes.data(), static_cast<std::size_t>(got));
  }
  return all;
}

TEST(ConfinedSockets, CarryBytesBothWays) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.path() / "guest.sock";
  const lease::Listener port(vsock::path_of_port(path, kHostPort), lease::SocketKind::kStream);
  std::array<int, 2> end{};
  ASSERT_EQ(::pipe(end.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(end[1]);
    ::_exit(run_confined(path, end[0]));
  }
  ::close(end[0]);

  // The guest comes to the host; from then on it serves.
  Fd from_guest;
  for (int tries = 0; !from_guest && tries < 6000; ++tries) {
    ::usleep(10'000);
    from_guest = port.accept();
  }
  ASSERT_TRUE(from_guest);
  const std::string sent(10'000, 'x');
  ASSERT_EQ(::send(from_guest.get(), "hello", 5, MSG_NOSIGNAL), 5);

  // The host comes to the guest.
  const Fd client = lease::connect_to(path, {"guest", "mayfly run"}, lease::SocketKind::kStream);
  const std::string said = "CONNECT 5000\n" + sent;
  ASSERT_EQ(::send(client.get(), said.data(), said.size(), MSG_NOSIGNAL), static_cast<ssize_t>(said.size()));
  ::shutdown(client.get(), SHUT_WR);
  const std::string heard = everything(client.get());
  EXPECT_TRUE(heard.starts_with("OK "));
  EXPECT_TRUE(heard.ends_with("\n" + sent)) << heard.size() << " bytes";

  ::fcntl(from_guest.get(), F_SETFL, 0);
  EXPECT_EQ(everything(from_guest.get()), "hello");

  ::close(end[1]);
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS ? "by the sandbox" : "");
}

}  // namespace
}  // namespace mayfly::vmm
