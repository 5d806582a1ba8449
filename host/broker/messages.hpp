// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "lease/message.hpp"
#include "lease/socket.hpp"
#include "vfio/opened_files.hpp"

namespace mayfly::broker {

// What a client and a broker say to each other, by the rules of lease/message.hpp. With an answer that grants
// come descriptors: the container or /dev/iommu, then one for each device in the order of the request, its
// group or its character device.

inline constexpr lease::ServerName kServer{"broker", "mayfly device serve"};
inline constexpr std::uint32_t kMagic = 0x3142464d;  ///< "MFB1"
inline constexpr std::uint32_t kVersion = 1;
/// Devices of one request.
inline constexpr std::size_t kDevicesMax = 16;
/// Descriptors of one answer.
inline constexpr std::size_t kFilesMax = kDevicesMax + 1;

struct WireAddress {
  std::uint32_t domain = 0;
  std::uint8_t bus = 0;
  std::uint8_t device = 0;
  std::uint8_t function = 0;
  std::uint8_t zero = 0;
};
static_assert(sizeof(WireAddress) == 8);

struct WireRequest {
  std::uint32_t magic = kMagic;
  std::uint32_t version = kVersion;
  std::uint32_t count = 0;
  std::uint32_t zero = 0;
  /// Those from `count` on are zero.
  std::array<WireAddress, kDevicesMax> devices{};
};
static_assert(sizeof(WireRequest) == 144);

struct WireAnswer {
  static constexpr std::uint32_t kGranted = 1;
  static constexpr std::uint32_t kRefused = 2;
  static constexpr std::uint32_t kType1 = 1;
  static constexpr std::uint32_t kIommufd = 2;
  std::uint32_t magic = kMagic;
  std::uint32_t version = kVersion;
  std::uint32_t verdict = kRefused;
  /// 0 when refused.
  std::uint32_t interface = 0;
  lease::WireReason reason{};
};
static_assert(sizeof(WireAnswer) == 512);

/// Devices that a client asks for: 1 to kDevicesMax, all different.
class Request {
 public:
  /// At most kDevicesMax.
  explicit Request(std::span<const vfio::PciAddress> addresses) noexcept;

  [[nodiscard]] std::span<const vfio::PciAddress> addresses() const noexcept {
    return std::span(addresses_).first(count_);
  }

 private:
  std::array<vfio::PciAddress, kDevicesMax> addresses_{};
  std::size_t count_ = 0;
};

/// What a broker says.
struct Answer {
  /// Nothing was granted where this is not empty.
  std::string refusal{};
  vfio::BackendChoice interface = vfio::BackendChoice::kType1;
};

/// Why a packet is no message.
enum class MessageFault : std::uint8_t {
  kWrongSize,
  kWrongMagic,
  kWrongVersion,
  kWrongCount,
  kWrongAddress,
  kWrongVerdict,
};
[[nodiscard]] std::string_view describe(MessageFault fault) noexcept;

[[nodiscard]] WireRequest to_wire(const Request& request) noexcept;
/// A refusal that is too long is cut.
[[nodiscard]] WireAnswer to_wire(const Answer& answer) noexcept;

[[nodiscard]] Result<Request, MessageFault> parse_request(std::span<const std::byte> packet) noexcept;
/// What is no printable ASCII in a refusal comes as '?'.
[[nodiscard]] Result<Answer, MessageFault> parse_answer(std::span<const std::byte> packet);

}  // namespace mayfly::broker
