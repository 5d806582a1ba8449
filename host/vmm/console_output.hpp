// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/fd.hpp"
#include "io/port_backend.hpp"
#include "vmm/run_config.hpp"
#include "vmm/stdio_writer.hpp"

namespace mayfly::vmm {

/// Where the guest's console (hvc0) is written: a file, the controlling terminal or nowhere. Never blocks a
/// vCPU: what a slow reader leaves no room for is dropped, with a note of how much. Nothing is ever typed
/// into hvc0; the keyboard is the workload's.
class ConsoleOutput : public io::PortBackend {
 public:
  static constexpr std::size_t kBufferBytes = 1U << 20U;

  /// Throws Error when the file cannot be written.
  explicit ConsoleOutput(const ConsoleSpec& spec);
  /// Gives a reader one second to take what is left. After the console device is gone.
  ~ConsoleOutput() override;

  void from_guest(std::span<const std::byte> bytes) noexcept override;
  [[nodiscard]] std::size_t to_guest(std::span<std::byte> buffer) noexcept override;

 private:
  [[nodiscard]] bool note_dropped(std::size_t room_after) noexcept;

  Fd fd_;
  std::optional<StdioWriter> writer_;
  std::uint64_t dropped_ = 0;
};

}  // namespace mayfly::vmm
