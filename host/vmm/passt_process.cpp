// SPDX-License-Identifier: Apache-2.0
#include "vmm/passt_process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.hpp"
#include "sandbox/inherited_files.hpp"
#include "vmm/passt_port.hpp"

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

}  // namespace

std::unique_ptr<io::PacketPort> start_passt(const NetDevice& device) {
  Ends stream = make_stream();
  // Nobody reads before the end: what there is no room for is not to hold passt up.
  Ends messages = make_pipe(O_NONBLOCK);
  Ends failed = make_pipe(0);
  const pid_t process = ::fork();
  if (process < 0) {
    fail_errno("--net user: cannot start a process for passt");
  }
  if (process == 0) {
    become_passt(device, stream.others, messages.others, failed.others);
  }
  failed.others = Fd();
  int error = 0;
  if (::read(failed.ours.get(), &error, sizeof(error)) == static_cast<ssize_t>(sizeof(error))) {
    throw Error(error, "--net user: cannot run passt, of the package of that name (apt-get install passt)");
  }
  if (::fcntl(stream.ours.get(), F_SETFL, O_NONBLOCK) != 0) {
    fail_errno("--net user: cannot set the stream up");
  }
  return std::make_unique<PasstPort>(std::move(stream.ours), std::move(messages.ours));
}

}  // namespace mayfly::vmm
