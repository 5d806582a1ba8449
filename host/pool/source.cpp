// SPDX-License-Identifier: Apache-2.0
#include "pool/source.hpp"

#include <cstring>
#include <utility>

#include "memory/lendable.hpp"
#include "memory/populate.hpp"

namespace mayfly::pool {
namespace {

class MemfdFilling final : public Filling {
 public:
  explicit MemfdFilling(const MemoryKind& kind) : backing_(make_lendable(kind)) {}

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

std::unique_ptr<Filling> MemfdSource::begin(const MemoryKind& kind) {
  return std::make_unique<MemfdFilling>(kind);
}

void MemfdSource::give_back(Fd memory, std::uint64_t bytes) noexcept {
  mayfly::give_back(std::move(memory), bytes);
}

}  // namespace mayfly::pool
