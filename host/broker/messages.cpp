// SPDX-License-Identifier: Apache-2.0
#include "broker/messages.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace mayfly::broker {
namespace {

constexpr std::uint8_t kPciDevices = 32;
constexpr std::uint8_t kPciFunctions = 8;

bool is_zero(const WireAddress& address) noexcept {
  return address.domain == 0 && address.bus == 0 && address.device == 0 && address.function == 0 &&
         address.zero == 0;
}

}  // namespace

Request::Request(std::span<const vfio::PciAddress> addresses, const MemoryWanted& memory) noexcept
    : count_(addresses.size()), memory_(memory) {
  MAYFLY_ASSERT(addresses.size() <= kDevicesMax);
  std::ranges::copy(addresses, addresses_.begin());
}

std::string_view describe(MessageFault fault) noexcept {
  switch (fault) {
    case MessageFault::kWrongSize:
      return "a message of another size";
    case MessageFault::kWrongMagic:
      return "no message of a mayfly";
    case MessageFault::kWrongVersion:
      return "a message of another version of mayfly";
    case MessageFault::kWrongCount:
      return "a request for no device, or too many";
    case MessageFault::kWrongAddress:
      return "a request with a malformed address, or one twice";
    case MessageFault::kWrongMemory:
      return "a request for no memory, or of unknown pages";
    case MessageFault::kWrongVerdict:
      return "neither a grant nor a refusal";
  }
  return "an unknown fault";
}

WireRequest to_wire(const Request& request) noexcept {
  WireRequest wire;
  wire.count = static_cast<std::uint32_t>(request.addresses().size());
  wire.pages = static_cast<std::uint32_t>(request.memory().pages);
  wire.memory_bytes = request.memory().bytes;
  std::ranges::transform(request.addresses(), wire.devices.begin(), [](const vfio::PciAddress& address) {
    return WireAddress{address.domain, address.bus, address.device, address.function};
  });
  return wire;
}

WireAnswer to_wire(const Answer& answer) noexcept {
  WireAnswer wire;
  if (!answer.refusal.empty()) {
    wire.reason = lease::to_wire(answer.refusal);
    return wire;
  }
  wire.verdict = WireAnswer::kGranted;
  wire.interface =
      answer.interface == vfio::BackendChoice::kIommufd ? WireAnswer::kIommufd : WireAnswer::kType1;
  wire.ioas = answer.ioas;
  wire.pages = static_cast<std::uint32_t>(answer.pages.value_or(Pages::kAuto));
  return wire;
}

Result<Request, MessageFault> parse_request(std::span<const std::byte> packet) noexcept {
  const auto read = lease::read_message<WireRequest, MessageFault>(packet);
  if (!read.has_value()) {
    return unexpected(read.error());
  }
  const WireRequest& wire = *read;
  if (wire.count < 1 || wire.count > kDevicesMax) {
    return unexpected(MessageFault::kWrongCount);
  }
  const auto pages = pages_of(wire.pages);
  if (wire.memory_bytes == 0 || !pages.has_value()) {
    return unexpected(MessageFault::kWrongMemory);
  }
  std::array<vfio::PciAddress, kDevicesMax> addresses;
  for (std::size_t i = 0; i < kDevicesMax; ++i) {
    const WireAddress& from = wire.devices[i];
    if (i >= wire.count) {
      if (!is_zero(from)) {
        return unexpected(MessageFault::kWrongAddress);
      }
      continue;
    }
    addresses[i] = {from.domain, from.bus, from.device, from.function};
    const auto before = std::span(addresses).first(i);
    if (from.device >= kPciDevices || from.function >= kPciFunctions || from.zero != 0 ||
        std::ranges::find(before, addresses[i]) != before.end()) {
      return unexpected(MessageFault::kWrongAddress);
    }
  }
  return Request(std::span(addresses).first(wire.count), {wire.memory_bytes, *pages});
}

Result<Answer, MessageFault> parse_answer(std::span<const std::byte> packet) {
  const auto read = lease::read_message<WireAnswer, MessageFault>(packet);
  if (!read.has_value()) {
    return unexpected(read.error());
  }
  const WireAnswer& wire = *read;
  const bool is_type1 = wire.interface == WireAnswer::kType1;
  const auto pages = pages_of(wire.pages);
  if (wire.verdict == WireAnswer::kGranted && pages.has_value() &&
      ((is_type1 && wire.ioas == 0) || wire.interface == WireAnswer::kIommufd)) {
    return Answer{"", is_type1 ? vfio::BackendChoice::kType1 : vfio::BackendChoice::kIommufd, wire.ioas,
                  *pages == Pages::kAuto ? std::nullopt : pages};
  }
  auto reason = lease::read_reason(wire.reason);
  if (wire.verdict != WireAnswer::kRefused || wire.interface != 0 || wire.ioas != 0 || wire.pages != 0 ||
      !reason.has_value()) {
    return unexpected(MessageFault::kWrongVerdict);
  }
  return Answer{*std::move(reason)};
}

}  // namespace mayfly::broker
