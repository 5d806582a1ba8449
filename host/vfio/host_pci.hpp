// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vfio/pci_address.hpp"

namespace mayfly::vfio {

/// What the host's kernel says about one of its PCI functions.
struct HostDevice {
  PciAddress address;
  std::uint16_t vendor = 0;
  std::uint16_t device = 0;
  /// Base class, subclass and programming interface, the first in bits 23:16.
  std::uint32_t class_code = 0;
  /// Empty when none is bound.
  std::string driver{};
  /// Nothing when no IOMMU translates for it.
  std::optional<std::uint32_t> group{};
  std::optional<std::uint32_t> numa_node{};
  /// "flr", "bus" and so on, the one that is tried first in front; empty when it cannot be reset.
  std::string reset_methods{};

  /// True for bridges, which VFIO does not pass through.
  [[nodiscard]] bool is_bridge() const noexcept { return class_code >> 16U == 0x06; }
};

/// The host's PCI functions, as /sys shows them. Nothing is kept: each call looks.
class HostPci {
 public:
  /// `root` is put in front of "/sys" and "/dev", for tests.
  explicit HostPci(std::string root = "") : root_(std::move(root)) {}

  /// Nothing when there is no such function.
  [[nodiscard]] std::optional<HostDevice> find(const PciAddress& address) const;
  /// The IOMMU group of a function; nothing where it, or the function, is not there.
  [[nodiscard]] std::optional<std::uint32_t> group_of(const PciAddress& address) const;
  /// By address.
  [[nodiscard]] std::vector<HostDevice> all() const;
  /// The functions that the IOMMU cannot tell apart, by address.
  [[nodiscard]] std::vector<HostDevice> group(std::uint32_t group) const;
  /// The folder of /sys that stands for the function.
  [[nodiscard]] std::string path_of(const PciAddress& address) const;
  /// "/dev/vfio/7", or for the whole folder "/dev/vfio/" and what follows.
  [[nodiscard]] std::string dev(const std::string& name) const { return root_ + "/dev/" + name; }
  [[nodiscard]] const std::string& root() const noexcept { return root_; }

 private:
  std::string root_;
};

/// The driver that a function must have to be passed through.
inline constexpr const char* kVfioDriver = "vfio-pci";

/// True when VFIO counts a group with this function as viable: it has no driver that would touch it.
[[nodiscard]] bool leaves_group_viable(const HostDevice& device) noexcept;

/// The function, checked: it is there, is no bridge, has an IOMMU group that is viable, and vfio-pci. Throws
/// Error that names what is wrong and the mend.
[[nodiscard]] HostDevice require_assignable(const HostPci& host, const PciAddress& address);

/// "0000:01:00.0 (nvme), 0000:01:00.1 (no driver)", for messages.
[[nodiscard]] std::string with_drivers(const std::vector<HostDevice>& devices);

}  // namespace mayfly::vfio
