// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "host/base/fd.hpp"

namespace mayfly::image {

/// How much is read and written at a time.
inline constexpr std::size_t kPieceBytes = std::size_t{1} << 20U;

/// Reads until `bytes` is full or the file ends, from `offset`; returns the bytes read. Throws Error naming
/// `name`.
std::size_t read_at(int fd, std::uint64_t offset, std::span<std::byte> bytes, std::string_view name);

/// Writes all of `bytes` at `offset`; runs of zero blocks are left as holes. The target must read as zero
/// there. Throws Error naming `name` when the disk is full, a limit is reached or the device fails.
void write_sparse(int fd, std::uint64_t offset, std::span<const std::byte> bytes, std::string_view name);

/// True when every byte is zero, and for none.
[[nodiscard]] bool all_zero(std::span<const std::byte> bytes) noexcept;

/// An unnamed file in `directory` that vanishes with its descriptor. Throws Error naming the directory.
[[nodiscard]] Fd open_unnamed(const std::string& directory);

/// The directory that `path` lies in.
[[nodiscard]] std::string parent_directory(const std::string& path);

}  // namespace mayfly::image
