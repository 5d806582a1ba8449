// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/json_reader.hpp"

#include <cmath>
#include <utility>

#include "base/error.hpp"

namespace mayfly::gate {

Json parse_json(const std::string& file, std::string_view text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) {
    throw Error(file + " is not JSON, or is cut off; make it anew or mend it with a JSON checker");
  }
  return json;
}

ObjectReader::ObjectReader(std::string file, std::string where, const Json& object)
    : file_(std::move(file)), where_(std::move(where)), object_(object) {
  if (!object_.is_object()) {
    throw Error(file_ + ": " + (where_.empty() ? "the file" : where_) + " is no JSON object; write {...}");
  }
}

std::string ObjectReader::path_of(std::string_view key) const {
  return (where_.empty() ? "" : where_ + ".") + std::string(key);
}

void ObjectReader::refuse(std::string_view key, std::string_view why) const {
  throw Error(file_ + ": " + path_of(key) + " " + std::string(why));
}

const Json& ObjectReader::require(const std::string& key) {
  known_.insert(key);
  const auto found = object_.find(key);
  if (found == object_.end()) {
    refuse(key, "is missing");
  }
  return *found;
}

double ObjectReader::check_number(const char* key, const Json& value) const {
  if (!value.is_number()) {
    refuse(key, "is not a number; give a number of 0 or more");
  }
  const auto number = value.get<double>();
  if (!std::isfinite(number)) {
    refuse(key, "is beyond what a number may be");
  }
  if (std::signbit(number) && number != 0) {
    refuse(key, "is negative; give a number of 0 or more");
  }
  return number;
}

double ObjectReader::number(const char* key) { return check_number(key, require(key)); }

std::optional<double> ObjectReader::optional_number(const char* key) {
  return has(key) ? std::optional(number(key)) : std::nullopt;
}

std::uint64_t ObjectReader::count(const char* key) {
  const Json& value = require(key);
  if (value.is_number_integer() && value.get<std::int64_t>() >= 0) {
    return value.get<std::uint64_t>();
  }
  static_cast<void>(check_number(key, value));
  refuse(key, "is not a whole number that can be counted to");
}

std::string ObjectReader::text(const char* key) {
  const Json& value = require(key);
  if (!value.is_string()) {
    refuse(key, "is not a text; write it in quotes");
  }
  return value.get<std::string>();
}

std::string ObjectReader::optional_text(const char* key) { return has(key) ? text(key) : std::string(); }

std::map<std::string, std::string> ObjectReader::texts(const char* key) {
  ObjectReader inner = object(key);
  std::map<std::string, std::string> result;
  for (const std::string& name : inner.keys()) {
    result[name] = inner.text(name.c_str());
  }
  return result;
}

const Json& ObjectReader::array(const char* key) {
  const Json& value = require(key);
  if (!value.is_array()) {
    refuse(key, "is no list; write [...]");
  }
  return value;
}

ObjectReader ObjectReader::object(const std::string& key) { return {file_, path_of(key), require(key)}; }

std::vector<std::string> ObjectReader::keys() const {
  std::vector<std::string> names;
  for (const auto& [key, value] : object_.items()) {
    names.push_back(key);
  }
  return names;
}

void ObjectReader::refuse_unknown() const {
  for (const auto& [key, value] : object_.items()) {
    if (!known_.contains(key)) {
      refuse(key, "is no key that is known here; see ci/gate/README.md for those that are");
    }
  }
}

}  // namespace mayfly::gate
