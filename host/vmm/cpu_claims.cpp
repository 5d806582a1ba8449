// SPDX-License-Identifier: Apache-2.0
#include "vmm/cpu_claims.hpp"

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>

#include <sys/socket.h>
#include <sys/un.h>

#include "base/error.hpp"

namespace mayfly::vmm {
namespace {

/// The socket of a claim; none when another run has it.
Fd claim(std::uint32_t cpu) {
  Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) {
    fail_errno("socket");
  }
  const std::string name = "mayfly.cpu." + std::to_string(cpu);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // After a first byte of 0, which makes the name abstract (unix(7)).
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  // Safe: bind() takes every family's address as this type.
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), bytes) == 0) {
    return socket;
  }
  if (errno != EADDRINUSE) {
    fail_errno("cannot claim CPU " + std::to_string(cpu));
  }
  return Fd();
}

}  // namespace

CpuClaims::CpuClaims(std::span<const std::uint32_t> candidates, std::uint32_t count) {
  std::string taken;
  for (const std::uint32_t cpu : candidates) {
    if (cpus_.size() == count) {
      return;
    }
    if (Fd socket = claim(cpu)) {
      cpus_.push_back(cpu);
      sockets_.push_back(std::move(socket));
    } else {
      taken += (taken.empty() ? "" : ",") + std::to_string(cpu);
    }
  }
  if (cpus_.size() < count) {
    throw Error("other runs with --dedicated have CPU " + taken + "; that leaves " +
                std::to_string(cpus_.size()) + " for " + std::to_string(count) +
                (count == 1 ? " vCPU" : " vCPUs"));
  }
}

}  // namespace mayfly::vmm
