// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mayfly::doctor {

/// What a host says of itself, raw: all that `mayfly doctor` looks at, so that another machine can judge it.
/// hosts/README.md describes its form as a file.
struct Recording {
  /// Path to content without the final newline; a file that is not there, or cannot be read, is absent.
  std::map<std::string, std::string, std::less<>> files{};
  /// Path to the names in a folder, sorted; absent as above.
  std::map<std::string, std::vector<std::string>, std::less<>> folders{};
  /// What system calls answered, by the names in record_host.cpp; negative: -errno.
  std::map<std::string, std::int64_t, std::less<>> answers{};
  /// CPUID leaf to EAX, EBX, ECX, EDX.
  std::map<std::uint32_t, std::array<std::uint32_t, 4>> cpuid{};

  [[nodiscard]] bool operator==(const Recording&) const = default;

  [[nodiscard]] std::optional<std::string_view> text(std::string_view path) const noexcept;
  /// Empty when there is no such folder.
  [[nodiscard]] const std::vector<std::string>& names(std::string_view path) const noexcept;
  [[nodiscard]] std::optional<std::int64_t> answer(std::string_view name) const noexcept;
  /// Whether there is something at a path that was looked for; nothing when it was not.
  [[nodiscard]] std::optional<bool> has(std::string_view path) const noexcept;
};

/// As JSON, one entry a line.
[[nodiscard]] std::string to_json(const Recording& recording);

/// The recording that `json` is. Throws Error, one sentence that begins with `name`, when it is none: foreign
/// input.
[[nodiscard]] Recording parse_recording(std::string_view name, std::string_view json);

/// What a recording may have at most, bytes.
inline constexpr std::size_t kRecordingBytesMax = 1U << 20U;

}  // namespace mayfly::doctor
