// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/rate_limit.hpp"
#include "virtio/net_header.hpp"
#include "virtio/net_limit.hpp"
#include "virtio/net_pair.hpp"
#include "virtio/virtio_device.hpp"

namespace mayfly::virtio {

/// The network device (virtio 1.2, 5.1), with one pair of queues or several (5.1.6.5.5).
///
/// Each pair moves packets on its own thread, or has the host's kernel do it (net_pair.hpp). A driver that
/// breaks the rules of a queue loses that queue; a port that is gone is a link that is down.
///
/// With several pairs there is a control queue, by which the driver says how many of them packets are to come
/// to, one at first; all else that it asks for is refused. It is answered at once, on the vCPU that rings.
///
/// With a limit each packet is an operation, and costs its bytes without the header. While a direction is
/// held, what the driver sends stays in its ring and what the network sends stays in the port, and neither
/// the driver's ringing nor the port's packets wake the loop; the other direction goes on. The limit is the
/// device's, of all pairs together and whoever its driver is: a reset gives nothing back.
class Net final : public VirtioDevice, private NetPair::Device {
 public:
  using Mac = std::array<std::uint8_t, 6>;
  /// Of the first pair.
  static constexpr std::uint16_t kReceiveQueue = NetPair::kReceive;
  static constexpr std::uint16_t kSendQueue = NetPair::kSend;
  static constexpr std::size_t kPairsMax = 8;
  static constexpr std::uint64_t kPacketBytesMax = NetPair::kPacketBytesMax;

  /// A pair of queues for each of `ends`, from one to kPairsMax. Throws Error.
  Net(std::vector<NetEnd> ends, const Mac& mac, const RateLimits& receive = {}, const RateLimits& send = {});

  /// Any thread.
  [[nodiscard]] NetCounts counts() const noexcept;

  [[nodiscard]] DeviceId id() const noexcept override { return DeviceId::kNet; }
  [[nodiscard]] std::span<const std::uint16_t> queue_sizes() const noexcept override { return queue_sizes_; }
  /// With several pairs one for each queue: Linux then takes the interrupts of a pair to a CPU of its own.
  [[nodiscard]] std::uint16_t vectors() const noexcept override;
  [[nodiscard]] std::uint64_t offered_features() const noexcept override;
  [[nodiscard]] std::span<const std::byte> config() const noexcept override {
    return std::as_bytes(std::span(&config_, 1));
  }
  void activate(const Activation& activation) noexcept override;
  void notify(std::uint16_t queue) noexcept override;
  [[nodiscard]] int doorbell(std::size_t queue) const noexcept override;
  [[nodiscard]] int interrupt_event(std::size_t queue) const noexcept override;
  void reset() noexcept override;
  void pause() noexcept override;
  void resume() noexcept override;

 private:
  // NetPair::Device.
  void tell(std::size_t pair, std::uint64_t driver, const NetPair::News& news) noexcept override;
  void rung_without_a_pair() noexcept override;

  [[nodiscard]] bool has_several() const noexcept { return pairs_.size() > 1; }
  /// The control queue comes after all pairs that the driver has (5.1.2).
  [[nodiscard]] std::size_t control_queue() const noexcept;
  void lose_link() noexcept;
  void serve_control() noexcept;
  [[nodiscard]] std::optional<QueueFault> answer(DescriptorChain& chain) noexcept;
  [[nodiscard]] bool carry_out(const NetCommand& command) noexcept;

  /// None: there is no limit.
  std::optional<NetLimit> receive_limit_;
  std::optional<NetLimit> send_limit_;
  /// By which both go.
  const io::Alarm* receive_clock_ = nullptr;
  const io::Alarm* send_clock_ = nullptr;
  /// The first pair's; the others are of the same network.
  const io::PacketPort* port_ = nullptr;
  std::vector<std::unique_ptr<NetPair>> pairs_;
  std::vector<std::uint16_t> queue_sizes_;
  NetConfig config_;
  std::span<VirtQueue> queues_;
  DriverLink* link_ = nullptr;
  std::uint64_t features_ = 0;
  /// Which it is: one more after each reset.
  std::uint64_t driver_ = 0;
};

}  // namespace mayfly::virtio
