// SPDX-License-Identifier: Apache-2.0
#include "cli/boot_options.hpp"

#include <optional>
#include <string_view>

#include "base/error.hpp"
#include "cli/quantity.hpp"

namespace mayfly::cli {
namespace {

std::uint32_t check_repeat(const std::string& text) {
  const std::optional<std::uint64_t> count = parse_count(text);
  if (!count.has_value() || *count < 1 || *count > kBootsMax) {
    throw Error("--repeat '" + text + "': give a number from 1 to " + std::to_string(kBootsMax));
  }
  return static_cast<std::uint32_t>(*count);
}

std::uint64_t check_limit(unsigned percent, const std::string& text) {
  const std::optional<std::uint64_t> nanoseconds = parse_duration(text);
  if (!nanoseconds.has_value() || *nanoseconds == 0) {
    throw Error("--p" + std::to_string(percent) + " '" + text +
                "': not a time; write a number above 0 with ms, s, m or h, such as 50ms");
  }
  return *nanoseconds;
}

/// The words that make `mayfly run` of these options.
std::vector<std::string> words_of(const RunOptions& run, const std::string& timeout) {
  std::vector<std::string> words{"run"};
  const auto add = [&words](std::string_view option, const std::string& value) {
    if (!value.empty()) {
      // As one word: a value may begin with a dash.
      words.push_back(std::string(option) + "=" + value);
    }
  };
  add("--image", run.image);
  add("--kernel", run.kernel);
  add("--memory", run.memory);
  add("--cpus", run.cpus);
  add("--pages", run.pages);
  add("--pages-fallback", run.pages_fallback);
  add("--numa", run.numa);
  add("--prefault", run.prefault);
  add("--pool", run.pool);
  add("--balloon", run.balloon);
  for (const std::string& variable : run.environment) {
    add("--env", variable);
  }
  add("--workdir", run.workdir);
  add("--user", run.user);
  add("--cmdline-append", run.cmdline_append);
  add("--sandbox", run.sandbox);
  add("--timeout", timeout);
  if (run.verify) {
    words.emplace_back("--verify");
  }
  return words;
}

}  // namespace

BootConfig check_boot_options(BootOptions options) {
  BootConfig config;
  if (!options.repeat.empty()) {
    config.repeat = check_repeat(options.repeat);
  }
  for (const auto& [percent, limit] : options.limits) {
    if (!limit.empty()) {
      config.limits.push_back({percent, check_limit(percent, limit)});
    }
  }
  config.json = std::move(options.json);
  config.command = options.run.command;
  config.until_ready = config.command.empty();
  const std::string timeout = options.run.timeout.empty() ? "30s" : options.run.timeout;
  options.run.timeout = timeout;
  config.run = words_of(options.run, timeout);
  if (config.until_ready) {
    config.run.emplace_back("--until-ready");
  }
  config.timeout_ns = check_run_options(std::move(options.run)).timeout_ns;
  return config;
}

}  // namespace mayfly::cli
