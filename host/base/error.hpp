// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <string>
#include <string_view>

namespace mayfly {

/// The host refused something while the machine was built or changed: a sentence for the user, and errno's
/// text where there is one. Caught in main only.
class Error : public std::exception {
 public:
  /// `sentence` names the cause and, where there is one, the mend; no final stop.
  explicit Error(std::string sentence);
  /// As above, with ": <text of errno_value>" after it.
  Error(int errno_value, std::string_view sentence);

  [[nodiscard]] const char* what() const noexcept override { return sentence_.c_str(); }
  /// 0 when no system call failed.
  [[nodiscard]] int errno_value() const noexcept { return errno_value_; }

 private:
  std::string sentence_;
  int errno_value_ = 0;
};

/// Throws Error with the current errno.
[[noreturn]] void fail_errno(std::string_view sentence);

namespace detail {
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line) noexcept;
}

}  // namespace mayfly

/// We are wrong: prints and aborts, in every build. Never for what a guest, a file or the host did.
#define MAYFLY_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::mayfly::detail::assertion_failed(#condition, __FILE__, __LINE__))
