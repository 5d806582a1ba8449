// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "guest-init/dhcp_message.hpp"

namespace mayfly::init::testing {

inline constexpr Mac kDhcpMac{2, 0, 0, 0, 0, 1};
inline constexpr std::uint32_t kTransaction = 0x01020304;

/// What a server answers: 10.0.0.7/24 of 10.0.0.1 for an hour, unless it is said otherwise.
class Reply {
 public:
  explicit Reply(DhcpKind kind, std::uint32_t transaction = kTransaction) : bytes_(240) {
    bytes_[0] = 2;
    bytes_[1] = 1;
    bytes_[2] = 6;
    for (std::size_t i = 0; i < 4; ++i) {
      bytes_[4 + i] = static_cast<std::uint8_t>(transaction >> (24U - 8U * i));
    }
    put(16, {10, 0, 0, 7});
    std::ranges::copy(kDhcpMac, bytes_.begin() + 28);
    put(236, {99, 130, 83, 99});
    add(53, {static_cast<std::uint8_t>(kind)});
    add(1, {255, 255, 255, 0});
    add(51, {0, 0, 0x0e, 0x10});
    add(54, {10, 0, 0, 1});
  }
  /// The last of an option holds.
  Reply& add(std::uint8_t option, std::initializer_list<std::uint8_t> value) {
    bytes_.push_back(option);
    bytes_.push_back(static_cast<std::uint8_t>(value.size()));
    return raw(value);
  }
  Reply& raw(std::initializer_list<std::uint8_t> bytes) {
    bytes_.insert(bytes_.end(), bytes);
    return *this;
  }
  Reply& put(std::size_t at, std::initializer_list<std::uint8_t> bytes) {
    std::ranges::copy(bytes, bytes_.begin() + static_cast<std::ptrdiff_t>(at));
    return *this;
  }
  [[nodiscard]] std::vector<std::uint8_t>& bytes() { return bytes_; }
  [[nodiscard]] const std::vector<std::uint8_t>& bytes() const { return bytes_; }

 private:
  std::vector<std::uint8_t> bytes_;
};

}  // namespace mayfly::init::testing
