// SPDX-License-Identifier: Apache-2.0
#include "cli/config_file.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/text_file.hpp"

namespace mayfly::cli {
namespace {

using Json = nlohmann::ordered_json;

/// What only a command line can say.
constexpr std::array<std::string_view, 3> kNotInFiles{"help", "version", "config"};

/// Throws Error that says where `text` is no JSON, or names a member that is there twice.
Json parse_object(std::string_view text, const std::string& path) {
  std::set<std::string> seen;
  const auto note_key = [&](int depth, Json::parse_event_t event, const Json& parsed) {
    if (depth == 1 && event == Json::parse_event_t::key && !seen.insert(parsed.get<std::string>()).second) {
      throw Error(path + ": '" + parsed.get<std::string>() + "' is there twice");
    }
    return true;
  };
  try {
    Json json = Json::parse(text, note_key);
    if (!json.is_object()) {
      throw Error(path + ": not a JSON object, such as {\"image\": \"app.img\", \"cpus\": 2}");
    }
    return json;
  } catch (const Json::parse_error& error) {
    throw Error(path + ": not JSON: byte " + std::to_string(error.byte) + " is not what can follow");
  } catch (const Json::out_of_range&) {
    throw Error(path + ": not JSON: a number in it is too large");
  }
}

/// One member of a configuration file.
class Member {
 public:
  Member(const std::string& path, const std::string& key, const Json& value)
      : path_(path), key_(key), value_(value) {}

  /// Its words on a command line.
  [[nodiscard]] std::vector<std::string> words_for(const CLI::Option& option) const {
    if (option.get_items_expected_max() == 0) {
      if (!value_.is_boolean()) {
        refuse("write true or false");
      }
      return value_.get<bool>() ? std::vector{"--" + key_} : std::vector<std::string>();
    }
    if (key_ == "env" && value_.is_object()) {
      return variables();
    }
    if (!value_.is_array()) {
      return {word(text_of(value_))};
    }
    if (option.get_expected_max() < 2) {
      refuse("takes one value, not an array");
    }
    std::vector<std::string> words;
    std::ranges::transform(value_, std::back_inserter(words),
                           [this](const Json& each) { return word(text_of(each)); });
    return words;
  }
  /// As text for each of an array.
  [[nodiscard]] std::vector<std::string> texts() const {
    if (!value_.is_array() || value_.empty()) {
      refuse("write an array with the command and its arguments");
    }
    std::vector<std::string> texts;
    std::ranges::transform(value_, std::back_inserter(texts),
                           [this](const Json& each) { return text_of(each); });
    return texts;
  }

  /// Throws Error.
  [[noreturn]] void refuse(const std::string& why) const { throw Error(path_ + ": '" + key_ + "': " + why); }

 private:
  [[nodiscard]] std::string text_of(const Json& value) const {
    if (value.is_number_unsigned()) {
      return std::to_string(value.get<std::uint64_t>());
    }
    if (!value.is_string()) {
      refuse("write text, or a whole number from 0");
    }
    auto text = value.get<std::string>();
    if (text.find('\0') != std::string::npos) {
      refuse("has a character NUL in it");
    }
    return text;
  }
  // In one, so that a value may begin with a dash.
  [[nodiscard]] std::string word(const std::string& text) const {
    if (text.empty()) {
      refuse("is empty");
    }
    return "--" + key_ + "=" + text;
  }
  [[nodiscard]] std::vector<std::string> variables() const {
    std::vector<std::string> words;
    for (const auto& [name, value] : value_.items()) {
      if (name.empty() || name.find('=') != std::string::npos || name.find('\0') != std::string::npos) {
        refuse("'" + name + "' is no name of a variable");
      }
      words.push_back(word(name + "=" + text_of(value)));
    }
    return words;
  }

  const std::string& path_;
  const std::string& key_;
  const Json& value_;
};

}  // namespace

void apply_config(Parser& parser, std::string_view text, const std::string& path,
                  std::vector<std::string>& command) {
  const Json json = parse_object(text, path);
  std::vector<std::string> words;
  for (const auto& [key, value] : json.items()) {
    const Member member(path, key, value);
    if (key == "command") {
      auto texts = member.texts();
      if (command.empty()) {
        command = std::move(texts);
      }
      continue;
    }
    const CLI::Option* const option = std::ranges::find(kNotInFiles, key) != kNotInFiles.end()
                                          ? nullptr
                                          : parser.app.get_option_no_throw("--" + key);
    if (option == nullptr) {
      member.refuse("is no option; see " + parser.app.get_name() + " --help");
    }
    auto more = member.words_for(*option);
    if (option->count() == 0) {
      std::ranges::move(more, std::back_inserter(words));
    }
  }
  std::vector<const char*> pointers;
  std::ranges::transform(words, std::back_inserter(pointers),
                         [](const std::string& word) { return word.c_str(); });
  try {
    (void)parser.parse(pointers);
  } catch (const Error& error) {
    throw Error(path + ": " + error.what());
  }
}

void apply_config_file(Parser& parser, const std::string& path, std::vector<std::string>& command) {
  const auto text = read_text_file(path, kConfigBytesMax);
  if (!text) {
    fail_errno("cannot read '" + path + "'");
  }
  if (text->size() > kConfigBytesMax) {
    throw Error("'" + path + "' has over 1 MiB; a configuration is smaller");
  }
  apply_config(parser, *text, path, command);
}

}  // namespace mayfly::cli
