// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "lease/message.hpp"
#include "lease/socket.hpp"
#include "memory/backing.hpp"
#include "vfio/opened_files.hpp"

namespace mayfly::broker {

// What a client and a broker say to each other, by the rules of lease/message.hpp. With an answer that grants
// come descriptors: the container or /dev/iommu, then one for each device in the order of the request, its
// group or its character device, then a memfd where there is memory with them.

inline constexpr lease::ServerName kServer{"broker", "mayfly device serve"};
inline constexpr std::uint32_t kMagic = 0x3142464d;  ///< "MFB1"
inline constexpr std::uint32_t kVersion = 2;
/// Devices of one request.
inline constexpr std::size_t kDevicesMax = 16;
/// Descriptors of one answer.
inline constexpr std::size_t kFilesMax = kDevicesMax + 2;

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
  /// Of enum Pages: what the guest's memory may be made of.
  std::uint32_t pages = 0;
  /// Of the guest's memory.
  std::uint64_t memory_bytes = 0;
  /// Those from `count` on are zero.
  std::array<WireAddress, kDevicesMax> devices{};
};
static_assert(sizeof(WireRequest) == 152);

struct WireAnswer {
  static constexpr std::uint32_t kGranted = 1;
  static constexpr std::uint32_t kRefused = 2;
  static constexpr std::uint32_t kType1 = 1;
  static constexpr std::uint32_t kIommufd = 2;
  std::uint32_t magic = kMagic;
  std::uint32_t version = kVersion;
  std::uint32_t verdict = kRefused;
  /// 0 when refused, as the two below.
  std::uint32_t interface = 0;
  /// The address space that the devices are in already, of iommufd; 0: none.
  std::uint32_t ioas = 0;
  /// Of enum Pages: what the memory that comes along is made of, all that the guest has; 0: there is none.
  std::uint32_t pages = 0;
  lease::WireReason reason{};
};
static_assert(sizeof(WireAnswer) == 520);

/// A guest's memory: what a client wants it to be, and takes from a broker that keeps some.
struct MemoryWanted {
  std::uint64_t bytes = 0;
  /// kAuto: any.
  Pages pages = Pages::kAuto;

  bool operator==(const MemoryWanted&) const = default;
};

/// Devices that a client asks for: 1 to kDevicesMax, all different. And for what guest.
class Request {
 public:
  /// At most kDevicesMax.
  Request(std::span<const vfio::PciAddress> addresses, const MemoryWanted& memory) noexcept;

  [[nodiscard]] std::span<const vfio::PciAddress> addresses() const noexcept {
    return std::span(addresses_).first(count_);
  }
  [[nodiscard]] const MemoryWanted& memory() const noexcept { return memory_; }

 private:
  std::array<vfio::PciAddress, kDevicesMax> addresses_{};
  std::size_t count_ = 0;
  MemoryWanted memory_;
};

/// What a broker says.
struct Answer {
  /// Nothing was granted where this is not empty.
  std::string refusal{};
  vfio::BackendChoice interface = vfio::BackendChoice::kType1;
  /// As in WireAnswer.
  std::uint32_t ioas = 0;
  /// Of the memory that comes along; nothing: there is none.
  std::optional<Pages> pages{};
};

/// Why a packet is no message.
enum class MessageFault : std::uint8_t {
  kWrongSize,
  kWrongMagic,
  kWrongVersion,
  kWrongCount,
  kWrongAddress,
  kWrongMemory,
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
