// SPDX-License-Identifier: Apache-2.0
#include "guest-init/network.hpp"

#include <cerrno>
#include <cstring>
#include <net/if.h>

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace mayfly::init {

Step raise_loopback() noexcept {
  const int any_socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (any_socket < 0) {
    return setup_failure(errno, "opening a socket for the loopback interface");
  }
  ifreq loopback{};
  std::memcpy(loopback.ifr_name, "lo", 3);
  loopback.ifr_flags = IFF_UP;
  const int error = ioctl(any_socket, SIOCSIFFLAGS, &loopback) == 0 ? 0 : errno;
  close(any_socket);
  if (error != 0) {
    return setup_failure(error, "bringing the loopback interface up");
  }
  return std::nullopt;
}

Step set_host_name(std::string_view name) noexcept {
  const std::string_view chosen = name.empty() ? "mayfly" : name;
  if (sethostname(chosen.data(), chosen.size()) != 0) {
    return setup_failure(errno, "setting the host name", chosen);
  }
  return std::nullopt;
}

}  // namespace mayfly::init
