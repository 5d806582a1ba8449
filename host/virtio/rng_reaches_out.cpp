// SPDX-License-Identifier: Apache-2.0
// For the lab's tests, in the place of rng.cpp: an entropy device that opens a file once the guest asks it
// for something, as one would that a guest has broken into. It is a vCPU's thread that does so.
#include <fcntl.h>
#include <unistd.h>

#include "virtio/rng.hpp"

namespace mayfly::virtio {

void Rng::notify(std::uint16_t queue) noexcept {
  serve(queues_[queue], [](DescriptorChain& chain) noexcept -> std::optional<QueueFault> {
    const int file = ::open("/etc/hostname", O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
      constexpr char kReached[] = "reached a file of the host\n";
      static_cast<void>(!::write(STDERR_FILENO, kReached, sizeof(kReached) - 1));
      ::close(file);
    }
    static_cast<void>(chain);
    return std::nullopt;
  });
}

}  // namespace mayfly::virtio
