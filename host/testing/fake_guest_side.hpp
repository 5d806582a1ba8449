// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>

#include "io/event_interrupts.hpp"
#include "vfio/bar_windows.hpp"
#include "vfio/bus_master_gate.hpp"

namespace mayfly::testing {

/// Remembers which eventfd is connected to what. One thread.
class FakeEventInterrupts final : public io::EventInterrupts {
 public:
  static constexpr std::uint32_t kFirstLine = 24;

  [[nodiscard]] std::uint32_t allocate(std::uint32_t count) override {
    next_ += count;
    return next_ - count;
  }
  [[nodiscard]] bool connect(std::uint32_t line, int event, const io::MsiMessage& message) noexcept override {
    if (refuse) {
      return false;
    }
    return lines.emplace(line, std::pair(event, message)).second;
  }
  void disconnect(std::uint32_t line, int event) noexcept override {
    const auto found = lines.find(line);
    if (found != lines.end() && found->second.first == event) {
      lines.erase(found);
    }
  }
  [[nodiscard]] bool connect_pin(std::uint32_t pin, int event, int /*ended*/) noexcept override {
    return !refuse && pins.emplace(pin, event).second;
  }
  void disconnect_pin(std::uint32_t pin, int /*event*/) noexcept override { pins.erase(pin); }

  std::map<std::uint32_t, std::pair<int, io::MsiMessage>> lines;
  std::map<std::uint32_t, int> pins;
  bool refuse = false;

 private:
  std::uint32_t next_ = kFirstLine;
};

/// Slots that are full, and where. One thread.
class FakeGuestSlots final : public vfio::GuestSlots {
 public:
  [[nodiscard]] std::uint32_t allocate(std::uint32_t count) override {
    next_ += count;
    return next_ - count;
  }
  [[nodiscard]] bool fill(std::uint32_t slot, GuestAddress at,
                          std::span<std::byte> memory) noexcept override {
    ++changes;
    return !refuse && full.emplace(slot, GuestRange{at, memory.size()}).second;
  }
  [[nodiscard]] bool empty(std::uint32_t slot) noexcept override {
    ++changes;
    return full.erase(slot) == 1;
  }

  std::map<std::uint32_t, GuestRange> full;
  int changes = 0;
  bool refuse = false;

 private:
  std::uint32_t next_ = 0;
};

/// Counts who has come, and lets them pass or not.
class FakeGate final : public vfio::BusMasterGate {
 public:
  [[nodiscard]] Passage pass() noexcept override {
    ++passes;
    return answer;
  }
  int passes = 0;
  Passage answer = Passage::kOpen;
};

}  // namespace mayfly::testing
