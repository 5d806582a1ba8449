// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "control/status.hpp"

namespace mayfly::control {

// What PROTOCOL.md says, as values: one JSON object a line, both ways. Pure functions; any thread.

inline constexpr int kVersion = 1;
/// The longest request, without its end of line.
inline constexpr std::size_t kRequestBytesMax = 4096;
/// The longest response.
inline constexpr std::size_t kResponseBytesMax = std::size_t{1} << 20U;

enum class Verb : std::uint8_t { kStatus, kBalloon, kStop, kKill, kPause, kResume, kWait, kExec };

/// The word for it; also that of the command line.
[[nodiscard]] std::string_view name(Verb verb) noexcept;

struct Request {
  Verb verb = Verb::kStatus;
  /// kBalloon: what the balloon is to hold.
  std::uint64_t bytes = 0;

  [[nodiscard]] bool operator==(const Request&) const = default;
};

/// Why something was not done: a word that programs compare, and a sentence that names cause and mend.
struct Refusal {
  std::string code{};
  std::string message{};
};

/// The request in a line. Foreign bytes: any are taken.
[[nodiscard]] Result<Request, Refusal> parse_request(std::string_view line);
/// With its end of line; the same for all that follow.
[[nodiscard]] std::string to_line(const Request& request);

/// What a server answers.
struct Response {
  /// Present: what was asked for was not done.
  std::optional<Refusal> refusal{};
  /// Of kStatus.
  std::optional<Status> status{};
  /// Of kWait: mayfly's exit status.
  std::optional<int> exit_status{};
};
[[nodiscard]] std::string to_line(const Response& response);
/// The response in a line; nothing when it is none. Members that it does not know are passed over.
[[nodiscard]] std::optional<Response> parse_response(std::string_view line);

/// The same object as in a response, for people: indented, with an end of line.
[[nodiscard]] std::string to_json_text(const Status& status);
[[nodiscard]] std::string to_json_text(const std::vector<Status>& all);

/// The word for it.
[[nodiscard]] std::string_view name(State state) noexcept;

/// How a number behaves.
enum class NumberKind : std::uint8_t {
  kNow,      ///< How it stands.
  kUpToNow,  ///< What was counted: only grows.
};
/// A number of a part of a status, such as `held_bytes` of `balloon`, by the names that PROTOCOL.md has.
struct StatusNumber {
  std::string_view part;
  std::string_view name;
  NumberKind kind = NumberKind::kNow;
  std::uint64_t value = 0;
};
/// Those of the parts that the VM has.
[[nodiscard]] std::vector<StatusNumber> numbers_of_parts(const Status& status);

}  // namespace mayfly::control
