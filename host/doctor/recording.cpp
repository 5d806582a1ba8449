// SPDX-License-Identifier: Apache-2.0
#include "doctor/recording.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "base/error.hpp"

namespace mayfly::doctor {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kVersionKey = "mayfly_host";
constexpr int kVersion = 1;

std::string hexadecimal(std::uint32_t number) {
  std::array<char, 11> text{};
  static_cast<void>(std::snprintf(text.data(), text.size(), "0x%x", number));
  return text.data();
}

/// Reads the parts of a recording, and says what is wrong with one.
class Reader {
 public:
  explicit Reader(std::string_view name) : name_(name) {}

  [[noreturn]] void refuse(const std::string& why) const {
    throw Error(name_ + " is not a recording of a host: " + why);
  }

  [[nodiscard]] Json parse(std::string_view text) const {
    if (text.size() > kRecordingBytesMax) {
      refuse("it has over " + std::to_string(kRecordingBytesMax) + " bytes");
    }
    Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded()) {
      refuse("it is no JSON, or cut off");
    }
    if (!json.is_object() || !json.contains(kVersionKey)) {
      refuse("it does not begin with \"mayfly_host\"");
    }
    if (json[kVersionKey] != kVersion) {
      refuse("this mayfly reads \"mayfly_host\": 1 only");
    }
    return json;
  }

  /// Calls `take(key, value)` for each entry of the object at `key`, which may be absent.
  template <typename Take>
  void each(const Json& json, const char* key, Take take) const {
    const auto found = json.find(key);
    if (found == json.end()) {
      return;
    }
    if (!found->is_object()) {
      refuse(std::string("\"") + key + "\" is no object");
    }
    for (const auto& [name, value] : found->items()) {
      if (!take(name, value)) {
        refuse(std::string("\"") + key + "\" has a value of the wrong kind at \"" +
               name.substr(0, kNameShown) + "\"");
      }
    }
  }

 private:
  static constexpr std::size_t kNameShown = 80;

  std::string name_;
};

bool take_names(const Json& value, std::vector<std::string>& names) {
  if (!value.is_array()) {
    return false;
  }
  for (const Json& name : value) {
    if (!name.is_string()) {
      return false;
    }
    names.push_back(name.get<std::string>());
  }
  std::sort(names.begin(), names.end());
  return true;
}

bool take_registers(const std::string& leaf, const Json& value, Recording& recording) {
  std::uint32_t number = 0;
  const char* end = leaf.data() + leaf.size();
  if (!leaf.starts_with("0x") || std::from_chars(leaf.data() + 2, end, number, 16).ptr != end ||
      !value.is_array() || value.size() != 4) {
    return false;
  }
  std::array<std::uint32_t, 4>& registers = recording.cpuid[number];
  for (std::size_t i = 0; i < registers.size(); ++i) {
    if (!value[i].is_number_unsigned() || value[i].get<std::uint64_t>() > UINT32_MAX) {
      return false;
    }
    registers[i] = value[i].get<std::uint32_t>();
  }
  return true;
}

}  // namespace

std::optional<std::string_view> Recording::text(std::string_view path) const noexcept {
  const auto found = files.find(path);
  return found == files.end() ? std::nullopt : std::optional<std::string_view>(found->second);
}

const std::vector<std::string>& Recording::names(std::string_view path) const noexcept {
  static const std::vector<std::string> nothing;
  const auto found = folders.find(path);
  return found == folders.end() ? nothing : found->second;
}

std::optional<std::int64_t> Recording::answer(std::string_view name) const noexcept {
  const auto found = answers.find(name);
  return found == answers.end() ? std::nullopt : std::optional(found->second);
}

std::optional<bool> Recording::has(std::string_view path) const noexcept {
  const auto found = answer(path);
  return found.has_value() ? std::optional(*found == 0) : std::nullopt;
}

std::string to_json(const Recording& recording) {
  Json json{{kVersionKey, kVersion}};
  json["files"] = recording.files;
  json["folders"] = recording.folders;
  json["answers"] = recording.answers;
  json["cpuid"] = Json::object();
  for (const auto& [leaf, registers] : recording.cpuid) {
    json["cpuid"][hexadecimal(leaf)] = registers;
  }
  // Files of sysfs may hold any bytes.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

Recording parse_recording(std::string_view name, std::string_view json) {
  const Reader reader(name);
  const Json whole = reader.parse(json);
  Recording recording;
  reader.each(whole, "files", [&](const std::string& path, const Json& value) {
    return value.is_string() && (recording.files[path] = value.get<std::string>(), true);
  });
  reader.each(whole, "folders", [&](const std::string& path, const Json& value) {
    return take_names(value, recording.folders[path]);
  });
  reader.each(whole, "answers", [&](const std::string& question, const Json& value) {
    return value.is_number_integer() && (recording.answers[question] = value.get<std::int64_t>(), true);
  });
  reader.each(whole, "cpuid", [&](const std::string& leaf, const Json& value) {
    return take_registers(leaf, value, recording);
  });
  return recording;
}

}  // namespace mayfly::doctor
