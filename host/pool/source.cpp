// SPDX-License-Identifier: Apache-2.0
#include "pool/source.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>

#include "base/error.hpp"
#include "memory/nodes.hpp"
#include "memory/populate.hpp"

namespace mayfly::pool {
namespace {

class MemfdFilling final : public Filling {
 public:
  explicit MemfdFilling(const ShelfSpec& spec) : backing_(spec.bytes, spec.pages) {
    if (!backing_.has_file()) {
      throw Error(
          "transparent huge pages of shared memory are off on this host, and others cannot be handed out; "
          "turn them "
          "on with `echo advise | sudo tee /sys/kernel/mm/transparent_hugepage/shmem_enabled`");
    }
    if (spec.node.has_value()) {
      bind_to_node(backing_.data(), spec.bytes, *spec.node, NodeRule::kOnly);
    }
  }

  [[nodiscard]] Result<void, std::string> fill(const Piece& part) noexcept override {
    const auto done = populate_.populate(backing_.data() + part.offset, part.bytes);
    return done.has_value() ? Result<void, std::string>()
                            : unexpected(std::string("the host has not enough memory: ") +
                                         std::strerror(done.error().errno_value));
  }
  [[nodiscard]] Fd take() noexcept override { return std::move(backing_).take_file(); }

 private:
  Backing backing_;
  MadvisePopulate populate_;
};

}  // namespace

std::unique_ptr<Filling> MemfdSource::begin(const ShelfSpec& spec) {
  return std::make_unique<MemfdFilling>(spec);
}

void MemfdSource::give_back(Fd memory, std::uint64_t bytes) noexcept {
  // BEWARE: to close it is not enough. A tenant may have left the file open, or mapped, in another process.
  (void)::fallocate(memory.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(bytes));
}

}  // namespace mayfly::pool
