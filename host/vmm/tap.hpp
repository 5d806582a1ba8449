// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/fd.hpp"
#include "io/packet_port.hpp"

namespace mayfly::vmm {

/// A tap of the host (Documentation/networking/tuntap.rst): an interface whose wire is a descriptor.
class Tap final : public io::PacketPort {
 public:
  /// Joins the tap of that name, which must be there. Throws Error that names the mend.
  explicit Tap(const std::string& name);
  /// Takes over a descriptor that the caller has joined to a tap, with IFF_NO_PI and IFF_VNET_HDR. Throws
  /// Error.
  explicit Tap(int descriptor);

  [[nodiscard]] std::string_view name() const noexcept override { return name_; }
  [[nodiscard]] int fd() const noexcept override { return fd_.get(); }
  [[nodiscard]] std::uint16_t mtu() const noexcept override { return mtu_; }
  [[nodiscard]] io::Offloads offered() const noexcept override { return offered_; }
  void set_offloads(io::Offloads accepted) noexcept override;
  [[nodiscard]] ssize_t receive(std::span<const iovec> buffers) noexcept override;
  [[nodiscard]] ssize_t send(std::span<const iovec> buffers) noexcept override;

 private:
  void set_up();

  Fd fd_;
  std::string name_;
  std::uint16_t mtu_ = 1500;
  io::Offloads offered_ = 0;
};

}  // namespace mayfly::vmm
