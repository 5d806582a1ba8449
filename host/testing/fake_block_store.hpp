// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include <sys/uio.h>

#include "base/buffers.hpp"
#include "base/error.hpp"
#include "io/block_store.hpp"

namespace mayfly::testing {

/// A disk in memory. What lies outside it, or comes in units that it has not, is our error.
class FakeBlockStore final : public io::BlockStore {
 public:
  explicit FakeBlockStore(const io::BlockShape& shape) : bytes(shape.bytes, '\0'), shape_(shape) {}

  [[nodiscard]] const io::BlockShape& shape() const noexcept override { return shape_; }
  [[nodiscard]] int read(std::span<const iovec> buffers, std::uint64_t offset) noexcept override {
    return move("read", buffers, offset, [this](char* buffer, std::uint64_t at, std::size_t count) {
      std::copy_n(bytes.data() + at, count, buffer);
    });
  }
  [[nodiscard]] int write(std::span<const iovec> buffers, std::uint64_t offset) noexcept override {
    MAYFLY_ASSERT(!shape_.is_read_only);
    return move("write", buffers, offset, [this](const char* buffer, std::uint64_t at, std::size_t count) {
      std::copy_n(buffer, count, bytes.data() + at);
    });
  }
  [[nodiscard]] int flush() noexcept override { return call("flush", 0, 0); }
  [[nodiscard]] int discard(std::uint64_t offset, std::uint64_t count) noexcept override {
    MAYFLY_ASSERT(!shape_.is_read_only);
    return call("discard", offset, count);
  }
  [[nodiscard]] int zero(std::uint64_t offset, std::uint64_t count, io::Unmap unmap) noexcept override {
    MAYFLY_ASSERT(!shape_.is_read_only);
    const int result = call(unmap == io::Unmap::kMay ? "unmap" : "zero", offset, count);
    if (result == 0) {
      const std::lock_guard lock(mutex_);
      std::fill_n(bytes.data() + offset, count, '\0');
    }
    return result;
  }

  /// All that it holds; not while it is in use.
  std::string bytes;
  /// What it answers instead of doing anything.
  int error = 0;
  /// "write 512+1024, flush 0+0, ": what it was asked.
  std::string log;
  /// Called at the beginning of each call, without a lock.
  std::function<void(std::string_view)> on_call;

 private:
  [[nodiscard]] int call(std::string_view name, std::uint64_t offset, std::uint64_t count) noexcept {
    if (on_call) {
      on_call(name);
    }
    MAYFLY_ASSERT(offset <= shape_.bytes && count <= shape_.bytes - offset);
    const std::lock_guard lock(mutex_);
    log += std::string(name) + " " + std::to_string(offset) + "+" + std::to_string(count) + ", ";
    return error;
  }
  template <typename Copy>
  [[nodiscard]] int move(std::string_view name, std::span<const iovec> buffers, std::uint64_t offset,
                         Copy copy) noexcept {
    const std::uint64_t count = total_bytes(buffers);
    MAYFLY_ASSERT(buffers.size() <= kBuffersMax && count % shape_.unit_bytes == 0 &&
                  offset % shape_.unit_bytes == 0);
    if (const int result = call(name, offset, count); result != 0) {
      return result;
    }
    const std::lock_guard lock(mutex_);
    for (const iovec& buffer : buffers) {
      copy(static_cast<char*>(buffer.iov_base), offset, buffer.iov_len);
      offset += buffer.iov_len;
    }
    return 0;
  }

  io::BlockShape shape_;
  std::mutex mutex_;
};

}  // namespace mayfly::testing
