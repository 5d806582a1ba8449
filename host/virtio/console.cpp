// SPDX-License-Identifier: Apache-2.0
#include "virtio/console.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/error.hpp"
#include "virtio/console_control.hpp"

namespace mayfly::virtio {
namespace {

// 5.3.3
constexpr std::uint64_t kFeatureSize = 1U << 0U;
constexpr std::uint64_t kFeatureMultiport = 1U << 1U;

// 5.3.2: port 0's queues, the control queues, then two for each further port.
constexpr std::size_t kControlIn = 2;
constexpr std::size_t kControlOut = 3;
constexpr std::size_t receive_queue(std::size_t port) noexcept { return port == 0 ? 0 : 2 * port + 2; }
constexpr std::size_t port_of(std::size_t queue) noexcept { return queue < kControlIn ? 0 : queue / 2 - 1; }
constexpr bool is_transmit(std::size_t queue) noexcept { return queue % 2 == 1; }

// Linux fills each receiving queue with a page for every entry as soon as it finds the port, at a cost in
// boot time; sending queues cost their ring only.
/// Somebody's keystrokes.
constexpr std::uint16_t kConsoleReceiveSize = 4;
/// A workload's standard input: 64 KiB under way.
constexpr std::uint16_t kGenericReceiveSize = 16;
/// All announcements of a console and a generic port, seven, in one batch.
constexpr std::uint16_t kControlInSize = 8;
/// Every sender waits until its message is taken.
constexpr std::uint16_t kControlOutSize = 8;
constexpr std::uint16_t kTransmitSize = 16;

std::uint8_t announcements(const PortConfig& port) noexcept {
  const std::uint8_t name = port.name.empty() ? 0 : kTellName;
  const std::uint8_t console = port.kind == PortKind::kConsole ? kTellConsole | kTellSize : 0;
  return kTellAdd | kTellOpen | name | console;
}

}  // namespace

Console::Console(ConsoleConfig config) : config_{config.size.columns, config.size.rows, 0, 0} {
  if (config.ports.empty() || config.ports.size() > kPortsMax) {
    throw Error("a console has from 1 to " + std::to_string(kPortsMax) + " ports");
  }
  config_.ports_max = static_cast<std::uint32_t>(config.ports.size());
  queue_sizes_[kControlIn] = kControlInSize;
  queue_sizes_[kControlOut] = kControlOutSize;
  for (PortConfig& port : config.ports) {
    if (port.name.size() > kNameBytesMax || port.backend == nullptr) {
      throw Error("console port \"" + port.name + "\" has a name that is too long, or no backend");
    }
    const std::size_t queue = receive_queue(ports_.size());
    queue_sizes_[queue] = port.kind == PortKind::kConsole ? kConsoleReceiveSize : kGenericReceiveSize;
    queue_sizes_[queue + 1] = kTransmitSize;
    ports_.push_back({.config = std::move(port)});
  }
}

std::uint64_t Console::offered_features() const noexcept {
  return kFeatureSize | kFeatureMultiport | kFeatureIndirectDescriptors | kFeatureEventIndex;
}

bool Console::multiport() const noexcept { return (features_ & kFeatureMultiport) != 0; }

void Console::activate(const Activation& activation) noexcept {
  queues_ = activation.queues;
  link_ = activation.link;
  features_ = activation.features;
  // Each buffer that the driver adds to a receiving queue would cost a notification, at probe dozens; we look
  // into these queues when we have something to put in.
  queues_[kControlIn].disarm();
  for (std::size_t port = 0; port < ports_.size(); ++port) {
    queues_[receive_queue(port)].disarm();
  }
  ports_[0].open = !multiport();
}

void Console::reset() noexcept {
  queues_ = {};
  link_ = nullptr;
  features_ = 0;
  driver_ready_ = false;
  for (Port& port : ports_) {
    port.untold = 0;
    port.open = false;
  }
}

void Console::notify(std::uint16_t queue) noexcept {
  if (queue == kControlIn) {
    tell();
  } else if (queue == kControlOut) {
    hear();
  } else if (is_transmit(queue)) {
    transmit(port_of(queue));
  } else {
    receive(port_of(queue));
  }
}

void Console::wake(std::size_t port) noexcept {
  const std::lock_guard lock(mutex());
  MAYFLY_ASSERT(port < ports_.size());
  // Open implies a driver: reset() closes every port.
  receive(port);
}

void Console::resize(ConsoleSize size) noexcept {
  const std::lock_guard lock(mutex());
  config_.columns = size.columns;
  config_.rows = size.rows;
  if (!active()) {
    return;
  }
  if (!multiport()) {
    link_->config_interrupt();
    return;
  }
  for (Port& port : ports_) {
    if (port.config.kind == PortKind::kConsole && driver_ready_) {
      port.untold |= kTellSize;
    }
  }
  tell();
}

void Console::receive(std::size_t port) noexcept {
  if (!ports_[port].open) {
    return;
  }
  VirtQueue& queue = queues_[receive_queue(port)];
  queue.arm();
  while (auto chain = queue.pop()) {
    if (chain->writable() == 0) {
      queue.push_used(std::move(*chain));
      queue.fail(QueueFault::kBadRequest);
      return;
    }
    const std::span room =
        std::span(bounce_).first(std::min<std::uint64_t>(bounce_.size(), chain->writable()));
    const std::size_t bytes = ports_[port].config.backend->to_guest(room);
    if (bytes == 0) {
      queue.put_back(std::move(*chain));
      queue.disarm();
      break;
    }
    chain->write(room.first(bytes));
    queue.push_used(std::move(*chain));
  }
  queue.signal();
}

void Console::transmit(std::size_t port) noexcept {
  serve(queues_[receive_queue(port) + 1], [&](DescriptorChain& chain) -> std::optional<QueueFault> {
    if (chain.writable() > 0) {
      return QueueFault::kBadRequest;
    }
    if (chain.readable() > kChainBytesMax) {
      return QueueFault::kBytesTooMany;
    }
    while (chain.readable() > 0) {
      const std::size_t bytes = chain.read(bounce_);
      ports_[port].config.backend->from_guest(std::span(bounce_).first(bytes));
    }
    return std::nullopt;
  });
}

void Console::hear() noexcept {
  if (!multiport()) {
    return;
  }
  serve(queues_[kControlOut], [&](DescriptorChain& chain) { return hear_one(chain); });
  tell();
}

std::optional<QueueFault> Console::hear_one(DescriptorChain& chain) noexcept {
  ControlMessage message{};
  if (chain.read(std::as_writable_bytes(std::span(&message, 1))) < sizeof(message)) {
    return QueueFault::kBadRequest;
  }
  const auto event = static_cast<ControlEvent>(message.event);
  if (event == ControlEvent::kDeviceReady) {
    // All at once: one interrupt tells everything, and the driver takes the messages in order.
    driver_ready_ = message.value != 0;
    for (Port& port : ports_) {
      port.untold = driver_ready_ ? announcements(port.config) : std::uint8_t{0};
    }
    return std::nullopt;
  }
  if (message.port >= ports_.size()) {
    return QueueFault::kBadRequest;
  }
  if (event == ControlEvent::kPortOpen) {
    ports_[message.port].open = message.value != 0;
    receive(message.port);
  }
  return std::nullopt;
}

void Console::tell() noexcept {
  if (!multiport()) {
    return;
  }
  VirtQueue& queue = queues_[kControlIn];
  queue.arm();
  for (std::size_t port = 0; port < ports_.size(); ++port) {
    std::uint8_t& untold = ports_[port].untold;
    while (untold != 0) {
      auto chain = queue.pop();
      if (!chain) {
        // Armed: the driver notifies when it has more buffers.
        queue.signal();
        return;
      }
      const auto announcement =
          static_cast<std::uint8_t>(1U << static_cast<unsigned>(std::countr_zero(untold)));
      const std::size_t bytes = compose(port, announcement);
      const bool fits = chain->write(std::span(bounce_).first(bytes)) == bytes;
      queue.push_used(std::move(*chain));
      if (!fits) {
        queue.fail(QueueFault::kBadRequest);
        return;
      }
      untold &= static_cast<std::uint8_t>(~announcement);
    }
  }
  queue.disarm();
  queue.signal();
}

std::size_t Console::compose(std::size_t port, std::uint8_t announcement) noexcept {
  ControlMessage message{static_cast<std::uint32_t>(port), 0, 1};
  std::span<const std::byte> rest;
  const ControlSize size{config_.columns, config_.rows};
  switch (announcement) {
    case kTellAdd:
      message.event = static_cast<std::uint16_t>(ControlEvent::kPortAdd);
      break;
    case kTellConsole:
      message.event = static_cast<std::uint16_t>(ControlEvent::kConsolePort);
      break;
    case kTellName:
      message.event = static_cast<std::uint16_t>(ControlEvent::kPortName);
      rest = std::as_bytes(std::span(ports_[port].config.name));
      break;
    case kTellSize:
      message.event = static_cast<std::uint16_t>(ControlEvent::kResize);
      rest = std::as_bytes(std::span(&size, 1));
      break;
    default:
      message.event = static_cast<std::uint16_t>(ControlEvent::kPortOpen);
      break;
  }
  std::memcpy(bounce_.data(), &message, sizeof(message));
  std::copy(rest.begin(), rest.end(), bounce_.begin() + sizeof(message));
  return sizeof(message) + rest.size();
}

}  // namespace mayfly::virtio
