// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mayfly::doctor {

enum class Level : std::uint8_t {
  kOk,
  kNone,  ///< The host has not got it; a guest is slower for that, or cannot be given something.
  kHint,  ///< The host has it, switched off.
  kWarn,  ///< `mayfly run` works, but something of it does not, or a guest is not kept apart as it should be.
  kFail,  ///< `mayfly run` does not work.
};

/// Something of a host that makes guests possible, quicker or safer.
struct Mechanism {
  std::string_view area;
  std::string_view name;
  /// What it gains where it is on.
  std::string_view gain;
  /// Who says so.
  std::string_view source;
};

/// One line of `mayfly doctor`: a mechanism on a host.
struct Finding {
  Mechanism mechanism;
  Level level = Level::kOk;
  /// Nothing: the host does not say.
  std::optional<bool> present{};
  std::optional<bool> on{};
  std::string what{};
  std::string mend{};  ///< The command or parameter that helps; empty when there is none.
};

// The kinds of findings.
[[nodiscard]] Finding is_on(const Mechanism& mechanism, std::string what = "on");
[[nodiscard]] Finding is_off(const Mechanism& mechanism, std::string what, std::string mend);
[[nodiscard]] Finding is_absent(const Mechanism& mechanism, std::string what, std::string mend = {});
[[nodiscard]] Finding is_unknown(const Mechanism& mechanism, std::string what, std::string mend = {});
[[nodiscard]] Finding warning(const Mechanism& mechanism, std::string what, std::string mend);
[[nodiscard]] Finding failure(const Mechanism& mechanism, std::string what, std::string mend);

/// One line a finding: "level  area.name  what — mend — gain: gain [source]"; the gain of what is not on
/// only.
[[nodiscard]] std::string to_text(std::span<const Finding> findings);
/// All of it, and whether `mayfly run` will work, as JSON.
[[nodiscard]] std::string to_json(std::span<const Finding> findings);

/// Whether `mayfly run` will work: false when any finding is a failure.
[[nodiscard]] bool can_run(std::span<const Finding> findings) noexcept;

}  // namespace mayfly::doctor
