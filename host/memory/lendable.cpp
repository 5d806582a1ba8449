// SPDX-License-Identifier: Apache-2.0
#include "memory/lendable.hpp"

#include <fcntl.h>

#include "base/error.hpp"
#include "memory/nodes.hpp"

namespace mayfly {

std::string to_string(const MemoryKind& kind) {
  return std::to_string(kind.bytes / kMiB) + " MiB of " + std::string(name(kind.pages)) + " pages" +
         (kind.node.has_value() ? " on node " + std::to_string(*kind.node) : "");
}

Backing make_lendable(const MemoryKind& kind) {
  Backing backing(kind.bytes, kind.pages);
  if (!backing.has_file()) {
    throw Error(
        "transparent huge pages of shared memory are off on this host, and others cannot be handed out; turn "
        "them on with `echo advise | sudo tee /sys/kernel/mm/transparent_hugepage/shmem_enabled`");
  }
  if (kind.node.has_value()) {
    bind_to_node(backing.data(), kind.bytes, *kind.node, NodeRule::kOnly);
  }
  return backing;
}

void give_back(Fd file, std::uint64_t bytes) noexcept {
  // BEWARE: to close it is not enough. A tenant may have left the file open, or mapped, in another process.
  (void)::fallocate(file.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(bytes));
}

}  // namespace mayfly
