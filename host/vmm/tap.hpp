// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/fd.hpp"
#include "io/packet_port.hpp"

namespace mayfly::vmm {

/// Of how many queues a tap is one: the only one, or one of several. The host spreads packets over those that
/// are attached, so a further one is detached until set_receives().
enum class TapQueue : std::uint8_t { kOnly, kFirst, kFurther };

/// A tap of the host (Documentation/networking/tuntap.rst): an interface whose wire is a descriptor, or
/// several.
class Tap final : public io::PacketPort {
 public:
  /// Joins the tap of that name, which must be there. Throws Error that names the mend.
  explicit Tap(const std::string& name, TapQueue queue = TapQueue::kOnly);
  /// Takes over a descriptor that the caller has joined to a tap, with IFF_NO_PI and IFF_VNET_HDR, and with
  /// IFF_MULTI_QUEUE where it is one of several. Throws Error.
  explicit Tap(int descriptor, TapQueue queue = TapQueue::kOnly);

  [[nodiscard]] std::string_view name() const noexcept override { return name_; }
  [[nodiscard]] int fd() const noexcept override { return fd_.get(); }
  [[nodiscard]] std::uint16_t mtu() const noexcept override { return mtu_; }
  [[nodiscard]] io::Offloads offered() const noexcept override { return offered_; }
  void set_receives(bool receives) noexcept override { (void)attach(receives); }
  void set_offloads(io::Offloads accepted) noexcept override;
  [[nodiscard]] ssize_t receive(std::span<const iovec> buffers) noexcept override;
  [[nodiscard]] ssize_t send(std::span<const iovec> buffers) noexcept override;

 private:
  void set_up(TapQueue queue);
  [[nodiscard]] bool attach(bool attached) noexcept;

  Fd fd_;
  std::string name_;
  std::uint16_t mtu_ = 1500;
  io::Offloads offered_ = 0;
};

}  // namespace mayfly::vmm
