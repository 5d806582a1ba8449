// SPDX-License-Identifier: Apache-2.0
#include "vmm/connector_process.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <span>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/pidfd.hpp"
#include "lease/socket.hpp"
#include "sandbox/connector_filter.hpp"
#include "sandbox/inherited_files.hpp"
#include "vmm/leave_caller.hpp"

namespace mayfly::vmm {
namespace {

/// Where `path` lies.
Fd folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return Fd(::open(folder.empty() ? "." : folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

/// Its first packet: this with the listening socket, or without one a sentence, of so many bytes at most.
constexpr std::string_view kServes = "serves";
constexpr std::size_t kSentenceMax = 1024;

bool say(int channel, std::string_view words, std::span<const int> files = {}) noexcept {
  return lease::send_packet(channel, std::as_bytes(std::span(words.substr(0, kSentenceMax))), files);
}

/// 0, or errno.
int confine(const std::string& path, sandbox::Mode mode) noexcept {
  const Fd folder = folder_of(path);
  return folder ? sandbox::confine_connector(mode, folder.get()) : errno;
}

/// Throws Error before the first packet.
void listen_and_connect(int channel, const std::string& path, sandbox::Mode mode) {
  const lease::Listener listener(path, lease::SocketKind::kStream);
  sandbox::close_all_but({channel, listener.fd()});
  if (const int error = confine(path, mode); error != 0) {
    throw Error(error,
                "--vsock: the host does not let the process that connects for the guest confine itself; "
                "--sandbox off does without");
  }
  const int socket = listener.fd();
  const bool is_told = say(channel, kServes, std::span(&socket, 1));
  while (is_told && vsock::serve_connect(channel, path)) {
  }
  // The listener goes and with it what is at the path: before others see that nobody listens there.
}

/// All that the process does.
void serve(const Fd& channel, const std::string& path, sandbox::Mode mode) noexcept {
  // It is told of mayfly's end by its channel alone, which nobody else has the other end of.
  leave_caller("mayfly-connect", CallersStderr::kGone);
  try {
    listen_and_connect(channel.get(), path, mode);
  } catch (const Error& error) {
    static_cast<void>(say(channel.get(), error.what()));
  }
}

}  // namespace

ConnectorProcess::ConnectorProcess(const std::string& path, sandbox::Mode mode) {
  std::array<int, 2> both{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, both.data()) != 0) {
    fail_errno("--vsock: cannot make a pair of sockets");
  }
  channel_ = Fd(both[0]);
  Fd others(both[1]);
  process_ = ::fork();
  if (process_ < 0) {
    fail_errno("--vsock: cannot start the process that connects for the guest");
  }
  if (process_ == 0) {
    channel_ = Fd();
    serve(others, path, mode);
    ::_exit(0);
  }
  end_ = open_pidfd(process_);
}

vsock::Clients::Doors ConnectorProcess::take_doors() {
  lease::Packet packet = lease::receive_packet(channel_.get(), kSentenceMax, 1);
  if (packet.bytes.empty()) {
    throw Error("--vsock: the process that connects for the guest has ended");
  }
  if (packet.files.empty()) {
    std::string sentence(packet.bytes.size(), '\0');
    std::memcpy(sentence.data(), packet.bytes.data(), sentence.size());
    throw Error(std::move(sentence));
  }
  return {lease::Listener(std::move(packet.files.front())), vsock::Connector(std::move(channel_))};
}

ConnectorProcess::~ConnectorProcess() {
  channel_ = Fd();
  await_end(end_);
}

}  // namespace mayfly::vmm
