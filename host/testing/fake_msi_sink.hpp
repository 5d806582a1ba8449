// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <utility>
#include <vector>

#include "io/msi_sink.hpp"

namespace mayfly::testing {

/// Keeps what was sent. Any thread.
class FakeMsiSink final : public io::MsiSink {
 public:
  void send(const io::MsiMessage& message) noexcept override {
    const std::lock_guard lock(mutex_);
    messages_.push_back(message);
  }
  /// What was sent since the last call.
  [[nodiscard]] std::vector<io::MsiMessage> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(messages_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<io::MsiMessage> messages_;
};

}  // namespace mayfly::testing
