// SPDX-License-Identifier: Apache-2.0
#include "control/vm_id.hpp"

#include <algorithm>
#include <array>

#include <sys/random.h>

#include "base/error.hpp"
#include "base/hex.hpp"

namespace mayfly::control {
namespace {

constexpr std::size_t kLengthMax = 64;

bool is_alphanumeric(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

bool is_vm_id(std::string_view text) noexcept {
  return !text.empty() && text.size() <= kLengthMax && text.front() != '-' && text.front() != '.' &&
         std::ranges::all_of(text,
                             [](char c) { return is_alphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

void require_vm_id(std::string_view text) {
  if (!is_vm_id(text)) {
    throw Error(
        "'" + std::string(text) +
        "' is no id of a VM; write up to 64 letters, digits, '-', '_' and '.', neither '-' nor '.' first");
  }
}

std::string random_vm_id() {
  std::array<std::uint8_t, 4> random{};
  if (::getrandom(random.data(), random.size(), GRND_NONBLOCK) != static_cast<ssize_t>(random.size())) {
    fail_errno("cannot get random numbers for the VM's id");
  }
  return to_hex(random);
}

}  // namespace mayfly::control
