// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <sha2.h>

namespace mayfly::image {

using Digest = std::array<std::uint8_t, 32>;

/// SHA-256 (FIPS 180-4) over bytes given piece by piece. Never allocates. One thread at a time.
class Sha256 {
 public:
  Sha256() noexcept { SHA256Init(&context_); }

  void update(std::span<const std::byte> bytes) noexcept {
    // Safe: bytes viewed as unsigned char.
    SHA256Update(&context_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  }

  /// The digest of all bytes given; the object is used up.
  [[nodiscard]] Digest finish() noexcept {
    Digest digest{};
    SHA256Final(digest.data(), &context_);
    return digest;
  }

 private:
  SHA2_CTX context_{};
};

/// SHA-256 of `bytes`.
[[nodiscard]] inline Digest sha256(std::span<const std::byte> bytes) noexcept {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

}  // namespace mayfly::image
