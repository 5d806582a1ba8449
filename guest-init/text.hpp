// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace mayfly::init {

/// A line of text in a fixed buffer. What does not fit is cut off.
class Text {
 public:
  static constexpr std::size_t kBytesMax = 320;

  Text() = default;

  /// Appends `part`.
  Text& add(std::string_view part) noexcept {
    const std::size_t room = kBytesMax - size_;
    const std::size_t bytes = part.size() < room ? part.size() : room;
    std::memcpy(bytes_.data() + size_, part.data(), bytes);
    size_ += bytes;
    return *this;
  }

  /// Appends `number` in decimal.
  Text& add_number(std::uint64_t number) noexcept {
    std::array<char, 20> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    return add({digits.data(), static_cast<std::size_t>(end - digits.data())});
  }

  [[nodiscard]] std::string_view view() const noexcept { return {bytes_.data(), size_}; }

  /// The text with a terminator, valid until the next change.
  [[nodiscard]] const char* c_str() noexcept {
    bytes_[size_] = '\0';
    return bytes_.data();
  }

 private:
  std::size_t size_ = 0;
  std::array<char, kBytesMax + 1> bytes_;
};

}  // namespace mayfly::init
