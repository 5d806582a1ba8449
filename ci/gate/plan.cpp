// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/plan.hpp"

#include <algorithm>
#include <set>

#include "ci/gate/json_reader.hpp"

namespace mayfly::gate {
namespace {

constexpr std::size_t kVariantsMax = 10;
constexpr std::size_t kNameMax = 32;

std::vector<std::string> words(ObjectReader& reader, const char* key) {
  std::vector<std::string> result;
  if (reader.has(key)) {
    for (const Json& word : reader.array(key)) {
      if (!word.is_string()) {
        reader.refuse(key, "holds what is no text");
      }
      result.push_back(word.get<std::string>());
    }
  }
  return result;
}

// A name becomes a file's.
bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= kNameMax && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

}  // namespace

std::vector<Variant> parse_plan(const std::string& file, std::string_view text) {
  const Json json = parse_json(file, text);
  ObjectReader root(file, "", json);
  if (root.count("version") != 1) {
    root.refuse("version", "is not 1");
  }
  std::vector<Variant> variants;
  std::set<std::string> names;
  for (const Json& item : root.array("variants")) {
    ObjectReader reader(file, "variants[" + std::to_string(variants.size()) + "]", item);
    Variant variant{.name = reader.text("name"),
                    .mayfly = reader.optional_text("mayfly"),
                    .kernel = reader.optional_text("kernel"),
                    .image = reader.text("image"),
                    .options = words(reader, "options"),
                    .command = words(reader, "command")};
    reader.refuse_unknown();
    if (!is_name(variant.name) || !names.insert(variant.name).second) {
      reader.refuse("name", "must be 1 to 32 of a-z, 0-9, - and _, and no other variant's");
    }
    variants.push_back(std::move(variant));
  }
  root.refuse_unknown();
  if (variants.empty() || variants.size() > kVariantsMax) {
    root.refuse("variants", "must be 1 to 10");
  }
  return variants;
}

std::string to_text(const std::vector<Variant>& variants) {
  Json json{{"version", 1}, {"variants", Json::array()}};
  for (const Variant& variant : variants) {
    json["variants"].push_back({{"name", variant.name},
                                {"mayfly", variant.mayfly},
                                {"kernel", variant.kernel},
                                {"image", variant.image},
                                {"options", variant.options},
                                {"command", variant.command}});
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace mayfly::gate
