// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

#include "guest-init/protocol/machine_setup.hpp"

/// The launch request: what to run in the guest, as a flat list of records.
///
/// One encoding serves three readers: the host sends it to mayfly-init over the channel, the image carries
/// the defaults in it, and `mayfly-image inspect` prints it. All integers are little endian.
///
///     offset 0  u32 magic "MFLR"     offset 4  u32 bytes of all records
///     then, for each record: u16 type, u16 zero, u32 length, `length` bytes (no padding, no terminator)
namespace mayfly::protocol {

/// What a record holds. A repeated kArgument or kEnvironment appends, of kNetwork, kNameserver, kMount and
/// kModule there may be several; any other type stands at most once.
enum class LaunchField : std::uint16_t {
  kArgument = 1,     ///< One element of argv, in order. Any bytes but NUL.
  kEnvironment = 2,  ///< One "NAME=value". Any bytes but NUL; NAME is not empty.
  kWorkdir = 3,      ///< Absolute path in the guest.
  kUser = 4,         ///< "name", "name:group", "uid" or "uid:gid", resolved in the guest.
  kHostname = 5,     ///< 1 to 64 bytes.
  kTerminal = 6,     ///< u16 rows, u16 columns: stdio is a terminal of this size.
  kNetwork = 7,      ///< A NetworkSetup and, by DHCP, what the other end is called. At most kNetworksMax.
  kNameserver = 8,   ///< An Ipv4Address, for /etc/resolv.conf. At most kNameserversMax.
  kAgentPort = 9,    ///< u32, not 0: the port of AF_VSOCK on which further commands come from the host.
  kMount = 10,       ///< A DiskMount and the absolute path in the guest. At most kMountsMax.
  kModule = 11,      ///< A kernel module's name, and after a blank its parameters. At most kModulesMax.
};

inline constexpr std::uint32_t kLaunchMagic = 0x524C464D;  // "MFLR"
inline constexpr std::size_t kLaunchHeaderBytes = 8;
inline constexpr std::size_t kRecordHeaderBytes = 8;
/// Linux gives arguments and environment together at most 6 MiB (fs/exec.c, bprm_stack_limits: 3/4 of
/// _STK_LIM).
inline constexpr std::size_t kLaunchBytesMax = 6U << 20U;

/// Why bytes are not a launch request.
enum class LaunchFault : std::uint8_t {
  kTooShort,
  kTooLong,
  kBadMagic,
  kTruncatedRecord,
  kUnknownField,
  kReservedNotZero,
  kEmbeddedNul,
  kRepeatedField,
  kBadValue,
};

/// One sentence for people.
[[nodiscard]] constexpr std::string_view describe(LaunchFault fault) noexcept {
  switch (fault) {
    case LaunchFault::kTooShort:
      return "launch request is shorter than its header";
    case LaunchFault::kTooLong:
      return "launch request is longer than 6 MiB";
    case LaunchFault::kBadMagic:
      return "launch request has a wrong magic number or length";
    case LaunchFault::kTruncatedRecord:
      return "launch request has a record that reaches beyond its end";
    case LaunchFault::kUnknownField:
      return "launch request has a record of unknown type";
    case LaunchFault::kReservedNotZero:
      return "launch request has a reserved field that is not zero";
    case LaunchFault::kEmbeddedNul:
      return "launch request has a NUL byte inside a string";
    case LaunchFault::kRepeatedField:
      return "launch request has more records of a type than there may be";
    case LaunchFault::kBadValue:
      return "launch request has a record whose value is not allowed";
  }
  return "launch request is malformed";
}

/// Size of the terminal that the workload's stdio is.
struct TerminalSize {
  std::uint16_t rows;
  std::uint16_t columns;
  friend constexpr bool operator==(const TerminalSize&, const TerminalSize&) = default;
};

/// One record, borrowed from the request's bytes.
struct LaunchRecord {
  LaunchField field;
  std::string_view value;
};

namespace detail {
template <typename T>
[[nodiscard]] inline T load(const std::byte* at) noexcept {
  T value{};
  std::memcpy(&value, at, sizeof(value));
  return value;
}
}  // namespace detail

/// The value of a record of fixed size, which has that size, or of one that begins with it.
template <typename T>
[[nodiscard]] inline T load_from(std::string_view value) noexcept {
  T loaded;
  std::memcpy(&loaded, value.data(), sizeof(loaded));
  return loaded;
}

/// A checked view of a launch request; borrows the bytes, which must outlive it. Never allocates.
class LaunchRequest {
 public:
  /// Checks every record. On success the view's accessors cannot fail.
  [[nodiscard]] static std::optional<LaunchRequest> parse(std::span<const std::byte> bytes,
                                                          LaunchFault& fault) noexcept {
    const std::optional<LaunchFault> found = validate(bytes);
    if (found.has_value()) {
      fault = *found;
      return std::nullopt;
    }
    return LaunchRequest(bytes.subspan(kLaunchHeaderBytes));
  }

  /// Calls `visit(LaunchRecord)` for each record in order.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (std::size_t at = 0; at < records_.size();) {
      const LaunchRecord record = record_at(records_, at);
      visit(record);
      at += kRecordHeaderBytes + record.value.size();
    }
  }

  /// The value of a single-valued field, empty when the request does not name it.
  [[nodiscard]] std::optional<std::string_view> find(LaunchField field) const noexcept {
    std::optional<std::string_view> found;
    for_each([&](const LaunchRecord& record) {
      if (record.field == field) {
        found = record.value;
      }
    });
    return found;
  }

  /// Set when stdio is to be a terminal.
  [[nodiscard]] std::optional<TerminalSize> terminal() const noexcept {
    const std::optional<std::string_view> value = find(LaunchField::kTerminal);
    if (!value.has_value()) {
      return std::nullopt;
    }
    TerminalSize size{};
    std::memcpy(&size.rows, value->data(), sizeof(size.rows));
    std::memcpy(&size.columns, value->data() + sizeof(size.rows), sizeof(size.columns));
    return size;
  }

 private:
  static constexpr auto kFieldsMax = static_cast<std::uint16_t>(LaunchField::kModule);

  explicit LaunchRequest(std::span<const std::byte> records) noexcept : records_(records) {}

  [[nodiscard]] static LaunchRecord record_at(std::span<const std::byte> records, std::size_t at) noexcept {
    const std::byte* head = records.data() + at;
    // Safe: bytes viewed as char, within the length that validate() checked.
    return {
        static_cast<LaunchField>(detail::load<std::uint16_t>(head)),
        {reinterpret_cast<const char*>(head + kRecordHeaderBytes), detail::load<std::uint32_t>(head + 4)}};
  }

  /// Whether a value that is no text is a good one; nothing for one that is text.
  [[nodiscard]] static std::optional<bool> validate_binary(const LaunchRecord& record) noexcept {
    switch (record.field) {
      case LaunchField::kTerminal:
        return record.value.size() == 4;
      case LaunchField::kNetwork:
        return record.value.size() >= sizeof(NetworkSetup) &&
               is_valid(load_from<NetworkSetup>(record.value), {record.value.data() + sizeof(NetworkSetup),
                                                                record.value.size() - sizeof(NetworkSetup)});
      case LaunchField::kNameserver:
        return record.value.size() == sizeof(Ipv4Address);
      case LaunchField::kAgentPort:
        return record.value.size() == sizeof(std::uint32_t) && load_from<std::uint32_t>(record.value) != 0;
      case LaunchField::kMount:
        return record.value.size() > sizeof(DiskMount) &&
               is_valid(load_from<DiskMount>(record.value), record.value.substr(sizeof(DiskMount)));
      case LaunchField::kModule:
        return is_valid_module(record.value);
      default:
        return std::nullopt;
    }
  }

  [[nodiscard]] static std::optional<LaunchFault> validate_value(const LaunchRecord& record) noexcept {
    if (const std::optional<bool> binary = validate_binary(record); binary.has_value()) {
      return *binary ? std::nullopt : std::optional(LaunchFault::kBadValue);
    }
    if (record.value.find('\0') != std::string_view::npos) {
      return LaunchFault::kEmbeddedNul;
    }
    switch (record.field) {
      case LaunchField::kEnvironment: {
        const std::size_t equals = record.value.find('=');
        return equals == 0 || equals == std::string_view::npos ? std::optional(LaunchFault::kBadValue)
                                                               : std::nullopt;
      }
      case LaunchField::kWorkdir:
        return record.value.starts_with('/') ? std::nullopt : std::optional(LaunchFault::kBadValue);
      case LaunchField::kHostname:
        return record.value.empty() || record.value.size() > 64 ? std::optional(LaunchFault::kBadValue)
                                                                : std::nullopt;
      case LaunchField::kUser:
        return record.value.empty() ? std::optional(LaunchFault::kBadValue) : std::nullopt;
      case LaunchField::kArgument:
      case LaunchField::kTerminal:
      case LaunchField::kNetwork:
      case LaunchField::kNameserver:
      case LaunchField::kAgentPort:
      case LaunchField::kMount:
      case LaunchField::kModule:
        break;
    }
    return std::nullopt;
  }

  /// How many records of a type there may be; 0: any number.
  [[nodiscard]] static constexpr std::size_t most_of(LaunchField field) noexcept {
    switch (field) {
      case LaunchField::kArgument:
      case LaunchField::kEnvironment:
        return 0;
      case LaunchField::kNetwork:
        return kNetworksMax;
      case LaunchField::kNameserver:
        return kNameserversMax;
      case LaunchField::kMount:
        return kMountsMax;
      case LaunchField::kModule:
        return kModulesMax;
      default:
        return 1;
    }
  }

  [[nodiscard]] static std::optional<LaunchFault> validate(std::span<const std::byte> bytes) noexcept {
    if (bytes.size() < kLaunchHeaderBytes) {
      return LaunchFault::kTooShort;
    }
    if (bytes.size() > kLaunchBytesMax) {
      return LaunchFault::kTooLong;
    }
    if (detail::load<std::uint32_t>(bytes.data()) != kLaunchMagic ||
        detail::load<std::uint32_t>(bytes.data() + 4) != bytes.size() - kLaunchHeaderBytes) {
      return LaunchFault::kBadMagic;
    }
    return validate_records(bytes.subspan(kLaunchHeaderBytes));
  }

  [[nodiscard]] static std::optional<LaunchFault> validate_records(
      std::span<const std::byte> records) noexcept {
    std::array<std::uint8_t, kFieldsMax + 1> seen{};
    for (std::size_t at = 0; at < records.size();) {
      if (records.size() - at < kRecordHeaderBytes) {
        return LaunchFault::kTruncatedRecord;
      }
      const auto field = detail::load<std::uint16_t>(records.data() + at);
      if (detail::load<std::uint16_t>(records.data() + at + 2) != 0) {
        return LaunchFault::kReservedNotZero;
      }
      const auto length = detail::load<std::uint32_t>(records.data() + at + 4);
      if (length > records.size() - at - kRecordHeaderBytes) {
        return LaunchFault::kTruncatedRecord;
      }
      if (field < 1 || field > kFieldsMax) {
        return LaunchFault::kUnknownField;
      }
      if (const std::size_t most = most_of(static_cast<LaunchField>(field));
          most != 0 && ++seen[field] > most) {
        return LaunchFault::kRepeatedField;
      }
      if (const auto fault = validate_value(record_at(records, at)); fault.has_value()) {
        return fault;
      }
      at += kRecordHeaderBytes + length;
    }
    return std::nullopt;
  }

  std::span<const std::byte> records_;
};

/// Appends a launch request to `Bytes`, any container of std::byte with insert() and size().
template <typename Bytes>
class LaunchWriter {
 public:
  explicit LaunchWriter(Bytes& out) : out_(out) {
    put(kLaunchMagic);
    put(std::uint32_t{0});
  }

  /// Appends one record; the caller keeps to the rules of LaunchField.
  void add(LaunchField field, std::string_view value) {
    put(static_cast<std::uint16_t>(field));
    put(std::uint16_t{0});
    put(static_cast<std::uint32_t>(value.size()));
    // Safe: char viewed as bytes.
    const auto* begin = reinterpret_cast<const std::byte*>(value.data());
    out_.insert(out_.end(), begin, begin + value.size());
    const auto records = static_cast<std::uint32_t>(out_.size() - kLaunchHeaderBytes);
    std::memcpy(out_.data() + 4, &records, sizeof(records));
  }

  /// Appends the terminal's size: stdio will be a terminal.
  void add_terminal(TerminalSize size) {
    char value[4];
    std::memcpy(value, &size.rows, 2);
    std::memcpy(value + 2, &size.columns, 2);
    add(LaunchField::kTerminal, {value, sizeof(value)});
  }

  /// Appends a record of fixed size: a NetworkSetup, an Ipv4Address or a port.
  template <typename T>
  void add_fixed(LaunchField field, const T& value) {
    // Safe: the object representation of bytes.
    add(field, {reinterpret_cast<const char*>(&value), sizeof(value)});
  }

 private:
  template <typename T>
  void put(T value) {
    // Safe: the object representation of an integer.
    const auto* begin = reinterpret_cast<const std::byte*>(&value);
    out_.insert(out_.end(), begin, begin + sizeof(value));
  }

  Bytes& out_;
};

}  // namespace mayfly::protocol
