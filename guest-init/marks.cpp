// SPDX-License-Identifier: Apache-2.0
#include "guest-init/marks.hpp"

#include <cstdint>

#include <fcntl.h>
#include <unistd.h>

namespace mayfly::init {
namespace {
constexpr off_t kMarkPort = 0x80;
}

void Marks::write(protocol::Mark mark) const noexcept {
  const auto code = static_cast<std::uint8_t>(mark);
  [[maybe_unused]] const ssize_t written = pwrite(port_, &code, sizeof(code), kMarkPort);
}

int open_mark_port() noexcept {
  int port = -1;
  do {
    port = open("/dev/port", O_RDWR | O_CLOEXEC);
  } while (port >= 0 && port <= STDERR_FILENO);
  return port;
}

}  // namespace mayfly::init
