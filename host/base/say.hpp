// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mayfly {

// What mayfly itself says on stderr, all of it: as text, or as a JSON object a line.

enum class Severity : std::uint8_t {
  kError,    ///< It ends, or has failed, by this.
  kWarning,  ///< It goes on, with less than was asked for.
  kInfo,     ///< What happens.
};
enum class LogFormat : std::uint8_t { kText, kJson };

/// Takes what is said, beside stderr. On any thread that says something.
class Hearer {
 public:
  Hearer() = default;
  Hearer(const Hearer&) = delete;
  Hearer& operator=(const Hearer&) = delete;
  virtual ~Hearer() = default;

  /// A whole line, or several.
  virtual void heard(std::string_view lines) noexcept = 0;
};

/// The form of all that is said from now on; text before. While there is one thread.
void speak_in(LogFormat format) noexcept;
[[nodiscard]] LogFormat log_format() noexcept;
/// The VM that is spoken of from now on; JSON names it. While there is one thread.
void speak_of(std::string id) noexcept;
/// Who hears it too from now on; null: nobody. Who was told so before hears nothing any more, but for what is
/// being said: it ends after the threads that speak.
void speak_to(Hearer* hearer) noexcept;

/// One line of `format`, with its end: "mayfly: " and the sentence; or an object of time (`time_ns` of
/// CLOCK_REALTIME, RFC 3339 in UTC, to the millisecond), level, message and, where one is spoken of, the VM's
/// id, in ASCII with all that is no such character escaped. Bytes that are no UTF-8 become U+FFFD.
[[nodiscard]] std::string line_of(LogFormat format, Severity severity, std::string_view sentence,
                                  std::uint64_t time_ns);

/// Says a sentence, which may have several lines, in one write. Any thread, in a sandbox too; where stderr
/// takes nothing it is lost there.
void say(Severity severity, std::string_view sentence) noexcept;
/// A warning.
inline void warn(std::string_view sentence) noexcept { say(Severity::kWarning, sentence); }
/// Says it to the hearer alone.
void tell_hearer(Severity severity, std::string_view sentence) noexcept;

}  // namespace mayfly
