// SPDX-License-Identifier: Apache-2.0
#include "base/error.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/say.hpp"

namespace mayfly {
namespace {

std::string with_errno(int errno_value, std::string_view sentence) {
  std::array<char, 128> buffer{};
  std::string text(sentence);
  text += ": ";
  text += ::strerror_r(errno_value, buffer.data(), buffer.size());
  return text;
}

}  // namespace

Error::Error(std::string sentence) : sentence_(std::move(sentence)) {}

Error::Error(int errno_value, std::string_view sentence)
    : sentence_(with_errno(errno_value, sentence)), errno_value_(errno_value) {}

void fail_errno(std::string_view sentence) { throw Error(errno, sentence); }

namespace detail {

void assertion_failed(const char* condition, const char* file, int line) noexcept {
  say(Severity::kError,
      std::string("internal error: ") + condition + " (" + file + ":" + std::to_string(line) + ")");
  std::abort();
}

}  // namespace detail
}  // namespace mayfly
