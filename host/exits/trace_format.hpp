// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace mayfly::exits {

/// Where a number lies in the raw record of a trace event, and its size: 1, 2, 4 or 8 bytes.
struct TraceField {
  std::uint16_t offset = 0;
  std::uint8_t bytes = 0;

  [[nodiscard]] bool operator==(const TraceField&) const = default;
};

/// The number of the event that a format file describes, events/SYSTEM/NAME/format of tracefs: foreign input.
/// Nothing when it says none, or one that no record can have. Source: Documentation/trace/events.rst, 3.
[[nodiscard]] std::optional<std::uint16_t> event_id(std::string_view format) noexcept;

/// A field by its name; nothing when there is none, or none that is one number.
[[nodiscard]] std::optional<TraceField> find_field(std::string_view format, std::string_view name) noexcept;

/// The number that a record has there; nothing when it is too short.
[[nodiscard]] std::optional<std::uint64_t> load(std::span<const std::byte> record, TraceField field) noexcept;

}  // namespace mayfly::exits
