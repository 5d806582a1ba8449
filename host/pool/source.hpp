// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "memory/pieces.hpp"
#include "pool/shelf.hpp"

namespace mayfly::pool {

/// One piece of memory that is being filled. Its parts are filled by several threads at once.
class Filling {
 public:
  Filling() = default;
  Filling(const Filling&) = delete;
  Filling& operator=(const Filling&) = delete;
  virtual ~Filling() = default;

  /// Puts zeroed pages behind a part; a sentence when the host refuses.
  [[nodiscard]] virtual Result<void, std::string> fill(const Piece& part) noexcept = 0;
  /// The memory, once all is filled: a file that nobody else has, nor has had. Once.
  [[nodiscard]] virtual Fd take() noexcept = 0;
};

/// Where a pool's memory comes from and goes to. Any thread.
class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  /// Throws Error when the host has not enough.
  [[nodiscard]] virtual std::unique_ptr<Filling> begin(const MemoryKind& kind) = 0;
  /// Gives the pages back to the host, though somebody else may still have the file open.
  virtual void give_back(Fd memory, std::uint64_t bytes) noexcept = 0;
};

/// Files of the host's memory without a name (memfd_create): new ones, which the kernel zeroes page by page
/// as they are filled, sealed against any change of size.
class MemfdSource final : public Source {
 public:
  [[nodiscard]] std::unique_ptr<Filling> begin(const MemoryKind& kind) override;
  void give_back(Fd memory, std::uint64_t bytes) noexcept override;
};

}  // namespace mayfly::pool
