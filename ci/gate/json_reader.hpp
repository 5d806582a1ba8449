// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace mayfly::gate {

using Json = nlohmann::ordered_json;

/// The JSON value that `text` is. Throws Error naming `file` when it is none or cut off.
[[nodiscard]] Json parse_json(const std::string& file, std::string_view text);

/// Reads one JSON object strictly. Each error is an Error that names the file and the key from its root, such
/// as `budget.json: spans.exec_to_ready.counted.minsn is negative; give a number of 0 or more`.
class ObjectReader {
 public:
  /// `where` is the path of `object` in its file, empty for the root. Throws when `object` is no object.
  ObjectReader(std::string file, std::string where, const Json& object);

  [[nodiscard]] bool has(const char* key) const { return object_.contains(key); }
  /// A finite number of 0 or more.
  [[nodiscard]] double number(const char* key);
  [[nodiscard]] std::optional<double> optional_number(const char* key);
  /// A whole number of 0 or more, below 2^63.
  [[nodiscard]] std::uint64_t count(const char* key);
  [[nodiscard]] std::string text(const char* key);
  [[nodiscard]] std::string optional_text(const char* key);
  [[nodiscard]] std::map<std::string, std::string> texts(const char* key);
  [[nodiscard]] const Json& array(const char* key);
  /// A reader of the object at `key`.
  [[nodiscard]] ObjectReader object(const std::string& key);
  [[nodiscard]] const std::string& file() const noexcept { return file_; }
  /// All keys, in the file's order.
  [[nodiscard]] std::vector<std::string> keys() const;
  /// Marks a key as known without reading it.
  void ignore(const std::string& key) { known_.insert(key); }
  /// Throws for a key that was never asked for.
  void refuse_unknown() const;
  /// Throws: file, path of `key`, `why`.
  [[noreturn]] void refuse(std::string_view key, std::string_view why) const;

 private:
  const Json& require(const std::string& key);
  [[nodiscard]] std::string path_of(std::string_view key) const;
  [[nodiscard]] double check_number(const char* key, const Json& value) const;

  std::string file_;
  std::string where_;
  const Json& object_;
  std::set<std::string> known_;
};

}  // namespace mayfly::gate
