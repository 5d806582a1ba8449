// SPDX-License-Identifier: Apache-2.0
#include "vmm/passt_process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/pidfd.hpp"
#include "sandbox/inherited_files.hpp"

namespace mayfly::vmm {
namespace {

struct Ends {
  Fd ours;
  Fd others;
};

Ends make_stream() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    fail_errno("--net user: cannot make a pair of sockets");
  }
  return {Fd(ends[0]), Fd(ends[1])};
}

Ends make_pipe(int flags) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), flags | O_CLOEXEC) != 0) {
    fail_errno("--net user: cannot make a pipe");
  }
  return {Fd(ends[0]), Fd(ends[1])};
}

std::string to_text(const protocol::Ipv4Address& address) {
  std::string text;
  for (const std::uint8_t byte : address) {
    text += (text.empty() ? "" : ".") + std::to_string(byte);
  }
  return text;
}

/// An option for each: in one that has several, passt takes an address for all of them.
void add_ports(std::vector<std::string>& words, const char* option, const std::vector<std::string>& ports) {
  for (const std::string& port : ports) {
    words.insert(words.end(), {option, port});
  }
  if (ports.empty()) {
    words.insert(words.end(), {option, "none"});
  }
}

std::vector<std::string> words_of(const NetDevice& device, int stream) {
  std::vector<std::string> words{"passt", "--foreground", "--quiet", "--fd", std::to_string(stream),
                                 "--ipv4-only", "--address", to_text(device.setup.address), "--netmask",
                                 std::to_string(device.setup.prefix), "--gateway",
                                 to_text(device.setup.gateway),
                                 // The host's own services on its loopback are not the guest's.
                                 "--no-map-gw", "--no-dhcp"};
  add_ports(words, "--tcp-ports", device.user->tcp);
  add_ports(words, "--udp-ports", device.user->udp);
  if (device.user->dns != protocol::Ipv4Address{}) {
    words.insert(words.end(), {"--dns-forward", to_text(device.user->dns)});
  }
  return words;
}

/// In the new process; says on `failed` why it could not.
[[noreturn]] void become_passt(const NetDevice& device, const Fd& stream, const Fd& messages,
                               const Fd& failed) {
  ::setsid();  // a terminal's signals are for the VM
  const Fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  ::dup2(nothing.get(), STDIN_FILENO);
  ::dup2(nothing.get(), STDOUT_FILENO);
  ::dup2(messages.get(), STDERR_FILENO);
  sandbox::close_all_but({stream.get(), failed.get()});
  ::fcntl(stream.get(), F_SETFD, 0);
  std::vector<std::string> words = words_of(device, stream.get());
  std::vector<char*> arguments;
  std::ranges::transform(words, std::back_inserter(arguments), [](std::string& word) { return word.data(); });
  arguments.push_back(nullptr);
  // The caller's variables are none of its business.
  std::array<char*, 1> no_variables{nullptr};
  ::execvpe(arguments.front(), arguments.data(), no_variables.data());
  const int error = errno;
  [[maybe_unused]] const ssize_t written = ::write(failed.get(), &error, sizeof(error));
  ::_exit(1);
}

/// Of an Ethernet header, and of an ARP packet for IPv4 (RFC 826).
constexpr std::size_t kEthernetBytes = 14;
constexpr std::size_t kArpBytes = 28;
/// The type of an ARP packet and its first fields: Ethernet, IPv4, addresses of 6 and 4 bytes.
constexpr std::array<std::uint8_t, 8> kArp{0x08, 0x06, 0, 1, 0x08, 0x00, 6, 4};
constexpr std::size_t kArpAt = PasstPort::kHeaderBytes + kEthernetBytes - 2;
constexpr std::size_t kSenderAt = kArpAt + kArp.size() + 2;

using ArpPacket = std::array<std::uint8_t, PasstPort::kHeaderBytes + kEthernetBytes + kArpBytes>;

/// Who has the gateway's address? As the guest will ask.
ArpPacket ask_for_gateway(const protocol::NetworkSetup& setup) noexcept {
  ArpPacket packet{};
  auto* at = std::fill_n(packet.begin() + PasstPort::kHeaderBytes, setup.mac.size(), std::uint8_t{0xff});
  std::ranges::copy(setup.mac, at);
  at = std::ranges::copy(kArp, packet.begin() + kArpAt).out;
  *++at = 1;  // a request
  at = std::ranges::copy(setup.mac, at + 1).out;
  at = std::ranges::copy(setup.address, at).out;
  std::ranges::copy(setup.gateway, at + setup.mac.size());
  return packet;
}

bool is_answer(std::span<const std::uint8_t> packet, const protocol::NetworkSetup& setup) noexcept {
  return packet.size() >= std::tuple_size_v<ArpPacket> &&
         std::ranges::equal(packet.subspan(kArpAt, kArp.size()), kArp) && packet[kSenderAt - 1] == 2 &&
         std::ranges::equal(packet.subspan(kSenderAt + setup.mac.size(), setup.gateway.size()),
                            setup.gateway);
}

}  // namespace

PasstProcess::PasstProcess(const NetDevice& device) : setup_(device.setup) {
  Ends stream = make_stream();
  // Nobody reads before the end: what there is no room for is not to hold passt up.
  Ends messages = make_pipe(O_NONBLOCK);
  Ends failed = make_pipe(0);
  process_ = ::fork();
  if (process_ < 0) {
    fail_errno("--net user: cannot start a process for passt");
  }
  if (process_ == 0) {
    become_passt(device, stream.others, messages.others, failed.others);
  }
  stream_ = std::move(stream.ours);
  messages_ = std::move(messages.ours);
  failed_ = std::move(failed.ours);
  end_ = open_pidfd(process_);
}

std::unique_ptr<PasstPort> PasstProcess::take_port() {
  if (::fcntl(stream_.get(), F_SETFL, O_NONBLOCK) != 0) {
    fail_errno("--net user: cannot set the stream up");
  }
  auto port = std::make_unique<PasstPort>(std::move(stream_), std::move(messages_));
  port_ = port.get();
  return port;
}

void PasstProcess::wait_until_up() {
  constexpr int kPatienceMs = 60'000;
  int error = 0;
  if (::read(failed_.get(), &error, sizeof(error)) == static_cast<ssize_t>(sizeof(error))) {
    throw Error(error, "--net user: cannot run passt, of the package of that name (apt-get install passt)");
  }
  ArpPacket question = ask_for_gateway(setup_);
  const iovec asked{question.data(), question.size()};
  ssize_t result = port_->send(std::span(&asked, 1));
  // What others send before the guest is there is lost, as on any network.
  ArpPacket answer{};
  const iovec room{answer.data(), answer.size()};
  while (result >= 0 || result == -EAGAIN || result == -EINTR) {
    pollfd said{port_->fd(), POLLIN, 0};
    if (::poll(&said, 1, kPatienceMs) == 0) {
      throw Error("--net user: passt does not answer");
    }
    result = port_->receive(std::span(&room, 1));
    if (result >= 0 && is_answer(std::span(answer).first(static_cast<std::size_t>(result)), setup_)) {
      return;
    }
  }
  throw Error("--net user: " + std::string(port_->name()) + " has ended before the guest began");
}

PasstProcess::~PasstProcess() {
  stream_ = Fd();
  await_end(end_);
}

}  // namespace mayfly::vmm
