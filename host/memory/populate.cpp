// SPDX-License-Identifier: Apache-2.0
#include "memory/populate.hpp"

#include <cerrno>

#include <sys/mman.h>

namespace mayfly {

Result<void, PopulateFault> MadvisePopulate::populate(std::byte* host, std::uint64_t bytes) noexcept {
  while (::madvise(host, bytes, MADV_POPULATE_WRITE) != 0) {
    // What has been populated stays so: each try gets further.
    if (errno != EINTR && errno != EAGAIN) {
      return unexpected(PopulateFault{errno});
    }
  }
  return {};
}

}  // namespace mayfly
