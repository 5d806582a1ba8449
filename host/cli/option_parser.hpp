// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
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
    column_width(28);
  }
  std::string make_usage(const CLI::App* /*app*/, std::string /*name*/) const override { return usage_; }

 private:
  std::string usage_;
};

/// One command's options. Each command has a parser of its own, so that `mayfly run` does not pay for the
/// others.
struct Parser {
  CLI::App app;

  Parser(const char* name, const char* description, std::string usage, const char* footer)
      : app(description, name) {
    app.set_help_flag("-h,--help", "Say this and exit");
    app.set_version_flag("--version", kVersionLine, "Say the version and exit");
    app.formatter(std::make_shared<HelpFormatter>(std::move(usage)));
    app.footer(footer);
    app.allow_extras();
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
};

/// An option with one value, which is a `type`.
inline void set_type(CLI::Option& option, const char* type) {
  // One value for each mention, taken as it is: CLI11 would take "[a,b]" apart.
  option.type_name(type)->allow_extra_args(false);
  // A script's unset variable is not the default.
  option.check([](const std::string& value) { return std::string(value.empty() ? "is empty" : ""); }, "");
}

inline void add_string(CLI::App& app, const char* name, std::string& value, const char* type,
                       const char* description) {
  set_type(*app.add_option(name, value, description), type);
}

}  // namespace mayfly::cli
