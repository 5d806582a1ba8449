// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "machine.hpp"
#include "random.hpp"

namespace hostile {

/// What one vCPU does to the machine in one round: it takes a device as its driver would, and then does to
/// it, to others and to the bus what no driver does, while the other vCPUs do the same.
class Attack {
 public:
  /// `machine` outlives this.
  Attack(const Machine& machine, std::uint32_t cpu, std::uint32_t round) noexcept;

  void run() noexcept;

 private:
  [[nodiscard]] const Device& device() const noexcept { return machine_.devices[device_]; }
  [[nodiscard]] std::uint32_t any_queue() noexcept;
  [[nodiscard]] std::uint64_t any_register() noexcept;
  /// `value`, unless written there it is a message that takes a vCPU away from this guest (NMI, INIT, SMI).
  [[nodiscard]] std::uint64_t survivable(std::uint64_t at, std::uint64_t value) const noexcept;
  [[nodiscard]] static bool ends_machine(std::uint32_t port, std::uint32_t bytes) noexcept;

  void begin_driver() noexcept;
  void begin_queue(std::uint16_t queue) noexcept;
  void enable_messages() noexcept;

  void step() noexcept;
  void work() noexcept;
  void touch_register() noexcept;
  void touch_common() noexcept;
  void touch_status() noexcept;
  void touch_port() noexcept;
  void touch_config_ports() noexcept;
  void touch_config() noexcept;
  void move_bar() noexcept;
  void touch_by_config() noexcept;
  void touch_anywhere() noexcept;
  void touch_by_string() noexcept;
  void set_timer() noexcept;
  void end_machine() noexcept;

  const Machine& machine_;
  Random random_;
  std::uint32_t device_;
  bool deadly_;
};

}  // namespace hostile
