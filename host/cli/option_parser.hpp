// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "base/error.hpp"
#include "cli/command_line.hpp"

namespace mayfly::cli {

inline constexpr const char* kVersionLine = "mayfly " MAYFLY_VERSION "\n";

/// Help in CLI11's form, under a usage line of our own.
class HelpFormatter : public CLI::Formatter {
 public:
  explicit HelpFormatter(std::string usage) : usage_("Usage: " + std::move(usage) + "\n") {
    // Two spaces at least after the widest name: man pages are made of this.
    column_width(30);
  }
  std::string make_usage(const CLI::App* /*app*/, std::string /*name*/) const override { return usage_; }

 private:
  std::string usage_;
};

/// One command's options. Each command has a parser of its own, so that `mayfly run` does not pay for the
/// others; and an option costs some 15 thousand instructions to declare, so that only those are which may
/// have been typed, unless all are asked for: by --help, or by a --config, which may name any.
class Parser {
 public:
  CLI::App app;

  /// `words`: what was typed, which outlives this; options are looked for before a "--".
  Parser(std::span<const char* const> words, const char* name, const char* description, std::string usage,
         const char* footer)
      : app(description, name),
        words_(words.begin(), std::ranges::find(words, std::string_view("--"))),
        declares_all_(std::ranges::any_of(words_, [](std::string_view word) {
          return word == "--help" || is_option(word, "--config") ||
                 (word.size() > 1 && word[0] == '-' && word[1] != '-');
        })) {
    app.get_help_ptr()->description("Say this and exit");
    if (declares("--version")) {
      app.set_version_flag("--version", kVersionLine, "Say the version and exit");
    }
    app.formatter(std::make_shared<HelpFormatter>(std::move(usage)));
    app.footer(footer);
    app.allow_extras();
  }

  /// An option with one value, which is a `type`.
  void text(const char* name, std::string& value, const char* type, const char* description) {
    if (declares(name)) {
      set_type(*app.add_option(name, value, description), type);
    }
  }
  /// One that may be repeated.
  void texts(const char* name, std::vector<std::string>& values, const char* type, const char* description) {
    if (declares(name)) {
      set_type(*app.add_option(name, values, description), type);
    }
  }
  /// One without a value. A short name stands before the long one.
  void flag(const char* name, bool& value, const char* description) {
    if (declares(name)) {
      app.add_flag(name, value, description);
    }
  }
  /// A word that is no option.
  void argument(const char* name, std::string& value, const char* description) {
    set_type(*app.add_option(name, value, description), "");
  }
  /// What is no option: `words` of all kinds, called `name` in the help where there is a description.
  void arguments(const char* name, std::vector<std::string>& words, const char* description = "") {
    CLI::Option* const option = app.add_option(name, words, description)->type_name("");
    if (*description == '\0') {
      option->group("");
    }
  }

  /// What to print if help or version was asked for. Throws Error that says what to write instead.
  std::optional<PrintCommand> parse(std::span<const char* const> words) {
    std::vector<std::string> reversed(words.rbegin(), words.rend());  // as CLI11 wants it
    try {
      app.parse(std::move(reversed));
    } catch (const CLI::CallForHelp&) {
      return PrintCommand{app.help()};
    } catch (const CLI::CallForVersion&) {
      return PrintCommand{kVersionLine};
    } catch (const CLI::ParseError& error) {
      throw Error(std::string(error.what()) + "; see " + app.get_name() + " --help");
    }
    if (const std::vector<std::string> extras = app.remaining(); !extras.empty()) {
      const bool takes_command = app.get_name() == "mayfly run" || app.get_name() == "mayfly boot";
      const bool like_command = takes_command && !extras.front().starts_with('-');
      throw Error(
          "unknown argument '" + extras.front() + "'; " +
          (like_command ? "put -- before the workload's command" : "see " + app.get_name() + " --help"));
    }
    return std::nullopt;
  }

 private:
  static bool is_option(std::string_view word, std::string_view name) noexcept {
    return word.starts_with(name) && (word.size() == name.size() || word[name.size()] == '=');
  }
  [[nodiscard]] bool declares(std::string_view names) const noexcept {
    const std::string_view name = names.substr(names.rfind(',') + 1);
    return declares_all_ ||
           std::ranges::any_of(words_, [name](std::string_view word) { return is_option(word, name); });
  }
  static void set_type(CLI::Option& option, const char* type) {
    // One value for each mention, taken as it is: CLI11 would take "[a,b]" apart.
    option.type_name(type)->allow_extra_args(false);
    // A script's unset variable is not the default.
    option.check([](const std::string& value) { return std::string(value.empty() ? "is empty" : ""); }, "");
  }

  std::span<const char* const> words_;
  bool declares_all_;
};

}  // namespace mayfly::cli
