// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/checked.hpp"
#include "io/port_backend.hpp"
#include "virtio/virtio_device.hpp"

namespace mayfly::virtio {

/// A terminal's size in characters.
struct ConsoleSize {
  std::uint16_t columns = 80;
  std::uint16_t rows = 25;
};

/// A console port becomes /dev/hvcN in the guest, a generic one /dev/vportMpN.
enum class PortKind : std::uint8_t { kConsole, kGeneric };

/// One port as configured.
struct PortConfig {
  PortKind kind = PortKind::kGeneric;
  /// Found in the guest under /sys/class/virtio-ports; may be empty; at most Console::kNameBytesMax.
  std::string name;
  /// Outlives the console.
  io::PortBackend* backend = nullptr;
};

struct ConsoleConfig {
  /// From 1 to Console::kPortsMax; port 0 should be a console: it is what a driver without multiport gets.
  std::vector<PortConfig> ports;
  ConsoleSize size;
};

/// The console device with several ports (virtio 1.2, 5.3).
///
/// Bytes from the guest go to a port's backend on the vCPU thread that sends them. Bytes to the guest are
/// pulled out of the backend into the guest's buffers as soon as there are both; what finds no buffer stays
/// in the backend. A port gets nothing before the guest opened it (Linux would drop it,
/// drivers/char/virtio_console.c, in_intr).
class Console final : public VirtioDevice {
 public:
  static constexpr std::size_t kPortsMax = 4;
  static constexpr std::size_t kNameBytesMax = 64;
  /// A longer chain from the guest is a fault, so that one notification ends in bounded time. Linux sends at
  /// most 32 KiB, or by splice() a pipe's 1 MiB.
  static constexpr std::uint64_t kChainBytesMax = kMiB;

  /// Throws Error when the configuration breaks the limits above.
  explicit Console(ConsoleConfig config);

  /// The backend of `port` has bytes for the guest. Any thread, but not from inside the backend.
  void wake(std::size_t port) noexcept;
  /// The terminal's size changed. Any thread, but not from inside a backend.
  void resize(ConsoleSize size) noexcept;

  [[nodiscard]] DeviceId id() const noexcept override { return DeviceId::kConsole; }
  [[nodiscard]] std::span<const std::uint16_t> queue_sizes() const noexcept override {
    return {queue_sizes_.data(), 2 * ports_.size() + 2};
  }
  [[nodiscard]] std::uint64_t offered_features() const noexcept override;
  [[nodiscard]] std::span<const std::byte> config() const noexcept override {
    return std::as_bytes(std::span(&config_, 1));
  }
  void activate(const Activation& activation) noexcept override;
  void notify(std::uint16_t queue) noexcept override;
  void reset() noexcept override;

 private:
  /// 5.3.4
  struct Config {
    std::uint16_t columns;          // 0
    std::uint16_t rows;             // 2
    std::uint32_t ports_max;        // 4
    std::uint32_t emergency_write;  // 8
  };
  static_assert(sizeof(Config) == 12);

  struct Port {
    PortConfig config;
    /// Announcements that the guest has yet to be told, one bit each (console_control.hpp). A set, not a
    /// list: the backlog cannot grow, however often the guest asks.
    std::uint8_t untold = 0;
    /// The guest reads.
    bool open = false;
  };

  [[nodiscard]] bool active() const noexcept { return !queues_.empty(); }
  [[nodiscard]] bool multiport() const noexcept;
  void receive(std::size_t port) noexcept;
  void transmit(std::size_t port) noexcept;
  void tell() noexcept;
  void hear() noexcept;
  [[nodiscard]] std::optional<QueueFault> hear_one(DescriptorChain& chain) noexcept;
  [[nodiscard]] std::size_t compose(std::size_t port, std::uint8_t announcement) noexcept;

  std::vector<Port> ports_;
  Config config_;
  std::array<std::uint16_t, 2 * kPortsMax + 2> queue_sizes_{};
  std::span<VirtQueue> queues_;
  DriverLink* link_ = nullptr;
  std::uint64_t features_ = 0;
  /// The driver asked for the ports.
  bool driver_ready_ = false;
  /// Between guest memory, which may change at any time, and the backends.
  std::array<std::byte, 16 * kKiB> bounce_;
};

}  // namespace mayfly::virtio
