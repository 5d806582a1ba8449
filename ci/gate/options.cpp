// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/options.hpp"

#include <charconv>
#include <cstdlib>
#include <filesystem>

#include <CLI/CLI.hpp>

#include "base/error.hpp"
#include "ci/gate/files.hpp"
#include "ci/gate/plan.hpp"

namespace mayfly::gate {
namespace {

constexpr const char* kFooter =
    "Exit status: 0 pass, 1 fail, 2 not enough evidence, 125 mayfly-gate or what it was given failed.\n"
    "ci/gate/README.md has the budget's form and what the figures mean.";

// Which is beside this program, as it is built and as it is installed.
std::string beside(const char* place) {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  return (program.parent_path() / place).lexically_normal().string();
}

std::uint64_t nanoseconds(const std::string& text) {
  std::uint64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string unit(rest, text.data() + text.size());
  const std::uint64_t factor = unit == "ms"  ? 1'000'000
                               : unit == "s" ? 1'000'000'000
                               : unit == "m" ? 60'000'000'000
                                             : 0;
  if (error != std::errc{} || factor == 0 || number == 0 || number > 1'000'000) {
    throw Error("--boot-timeout takes a number with ms, s or m, such as 30s, not '" + text + "'");
  }
  return number * factor;
}

CLI::Option* add_text(CLI::App& app, const char* name, std::string& value, const char* type,
                      const char* help) {
  return app.add_option(name, value, help)->type_name(type);
}

void add_list(CLI::App& app, const char* name, std::vector<std::string>& values, const char* type,
              const char* help) {
  app.add_option(name, values, help)->type_name(type)->allow_extra_args(false);
}

void add_count(CLI::App& app, const char* name, std::uint64_t& value, std::uint64_t least, const char* help) {
  app.add_option(name, value, help)
      ->type_name("N")
      ->check(CLI::Range(least, std::uint64_t{100'000}).description(""));
}

void add_outputs(CLI::App& app, Outputs& outputs) {
  add_text(app, "--html", outputs.html, "FILE", "Report with drawings; one file, light and dark");
  add_text(app, "--json", outputs.json, "FILE", "All of the report for programs");
  add_text(app, "--junit", outputs.junit, "FILE", "A test case for each check");
  add_text(app, "--markdown", outputs.markdown, "FILE",
           "Summary for a pull request; - is stdout, as for the others");
}

// The options of `measure` as they were typed.
struct MeasureWords {
  bool counted = false;
  Variant variant{.name = "now"};
  Variant against{.name = "base"};
  std::string output;
  std::string against_output;
  std::string plan;
  std::string output_directory;
  std::string timeout;
};

void add_measure(CLI::App& root, MeasureCommand& command, MeasureWords& words) {
  CLI::App& app =
      *root.add_subcommand("measure", "Boot an image some times and write the figures of each boot");
  app.add_flag("--counted", words.counted, "Count instructions in the lab instead of reading the clock");
  add_text(app, "--image", words.variant.image, "FILE", "Image to boot");
  add_text(app, "--kernel", words.variant.kernel, "FILE",
           "Kernel; else $MAYFLY_KERNEL, else beside this program");
  add_text(app, "--mayfly", words.variant.mayfly, "FILE", "mayfly; else the one beside this program");
  add_list(app, "--option", words.variant.options, "WORD",
           "More for mayfly run, repeated, such as --option=--memory=1G");
  add_text(app, "--against-image", words.against.image, "FILE",
           "Take turns with a second variant, the base: its image");
  add_text(app, "--against-kernel", words.against.kernel, "FILE", "… its kernel");
  add_text(app, "--against-mayfly", words.against.mayfly, "FILE", "… its mayfly");
  add_list(app, "--against-option", words.against.options, "WORD", "… its options, in place of all --option");
  add_text(app, "--against-output", words.against_output, "FILE", "Where the figures of the base go");
  add_count(app, "--boots", command.boots, 1, "Boots of each variant (20; counted 7)");
  add_count(app, "--warm-up", command.warm_up, 0, "Boots before that are not counted (1; counted 4)");
  add_count(app, "--runs", command.runs, 1, "Counted: starts of the lab, --boots in each (1)");
  add_count(app, "--hugepages-2m", command.hugepages_2m, 0, "Counted: huge pages of the emulated host (0)");
  add_text(app, "--boot-timeout", words.timeout, "TIME",
           "End a boot after this time (60s; counted 2s of its own time)");
  add_text(app, "--label", command.label, "TEXT", "What the measurement is called, such as a commit");
  add_text(app, "--output,-o", words.output, "FILE", "Where the figures go");
  add_text(app, "--plan", words.plan, "FILE",
           "Take turns with up to ten variants, in place of all of the above");
  add_text(app, "--output-directory", words.output_directory, "DIR",
           "Where their figures go, as DIR/NAME.json");
  add_text(app, "--append-history", command.append_history, "FILE",
           "Adds the figures to a history, a line each");
  app.add_flag("--in-lab", command.in_lab)->group("");
  app.add_option("command", words.variant.command, "The workload, after --; else the image's")
      ->type_name("WORD");
  app.footer(kFooter);
}

void add_check(CLI::App& root, CheckCommand& command) {
  CLI::App& app = *root.add_subcommand("check", "Hold a measurement against a budget");
  add_text(app, "--budget", command.budget, "FILE", "What is allowed")->required();
  add_text(app, "--history", command.history, "FILE",
           "Also hold the changes against the latest entry of its kind");
  app.add_option("measurement", command.measurement, "What measure wrote")->required()->type_name("FILE");
  add_outputs(app, command.outputs);
  app.footer(kFooter);
}

void add_compare(CLI::App& root, CompareCommand& command, std::optional<double>& percent,
                 std::vector<std::string>& accepted) {
  CLI::App& app = *root.add_subcommand("compare", "Hold a measurement against another one");
  app.add_option("base", command.base, "The measurement before")->required()->type_name("BASE");
  app.add_option("new", command.now, "The measurement after")->required()->type_name("NEW");
  CLI::Option* const budget =
      add_text(app, "--budget", command.budget, "FILE", "Use the change_percents of a budget");
  app.add_option("--allowed", percent, "Growth of exec to ready that is allowed, in percent (5; counted 0.3)")
      ->type_name("PERCENT")
      ->check(CLI::Range(0.0, 1000.0).description(""))
      ->excludes(budget);
  add_list(app, "--accept", accepted, "KEY", "A fact, such as host.kernel, that may differ; repeated");
  add_outputs(app, command.outputs);
  app.footer(kFooter);
}

void add_report(CLI::App& root, ReportCommand& command) {
  CLI::App& app = *root.add_subcommand("report", "Show a measurement without judging it");
  app.add_option("measurement", command.measurement, "What measure wrote")->required()->type_name("FILE");
  add_text(app, "--base", command.base, "FILE", "A measurement to show beside it");
  add_text(app, "--history", command.history, "FILE", "Show how the figures went");
  add_outputs(app, command.outputs);
  app.footer(kFooter);
}

std::string default_kernel() {
  const char* const named = std::getenv("MAYFLY_KERNEL");
  return named != nullptr && *named != '\0' ? named : beside("../lib/mayfly/vmlinux");
}

void fill(std::string& value, const std::string& otherwise) { value = value.empty() ? otherwise : value; }

// The one or two variants that the options name.
void take_variants(MeasureCommand& command, MeasureWords words, const CLI::App& app) {
  if (words.variant.image.empty() || words.output.empty()) {
    throw Error(
        "measure needs --image and --output, or --plan and --output-directory; see mayfly-gate measure "
        "--help");
  }
  const bool against = app.count("--against-image") + app.count("--against-kernel") +
                           app.count("--against-mayfly") + app.count("--against-option") >
                       0;
  if (against == words.against_output.empty()) {
    throw Error(
        "a second variant needs both one of --against-image, -kernel, -mayfly, -option and --against-output");
  }
  command.outputs = {words.output};
  if (against) {
    fill(words.against.image, words.variant.image);
    fill(words.against.kernel, words.variant.kernel);
    fill(words.against.mayfly, words.variant.mayfly);
    if (app.count("--against-option") == 0) {
      words.against.options = words.variant.options;
    }
    words.against.command = words.variant.command;
    command.outputs.push_back(words.against_output);
  }
  command.variants.push_back(std::move(words.variant));
  if (against) {
    command.variants.push_back(std::move(words.against));
  }
}

MeasureCommand finish(MeasureCommand command, const MeasureWords& words, const CLI::App& app) {
  command.mode = words.counted ? Mode::kCounted : Mode::kWall;
  if (words.plan.empty() != words.output_directory.empty() ||
      (!words.plan.empty() && !words.output.empty())) {
    throw Error("--plan goes with --output-directory, and without --output");
  }
  if (words.plan.empty()) {
    take_variants(command, words, app);
  } else {
    command.variants = parse_plan(words.plan, read_file(words.plan));
    for (const Variant& variant : command.variants) {
      command.outputs.push_back(words.output_directory + "/" + variant.name + ".json");
    }
  }
  for (Variant& variant : command.variants) {
    fill(variant.mayfly, beside("mayfly"));
    fill(variant.kernel, default_kernel());
  }
  if (!words.counted && app.count("--runs") + app.count("--hugepages-2m") > 0) {
    throw Error("--runs and --hugepages-2m are for --counted");
  }
  command.boots = app.count("--boots") > 0 ? command.boots : words.counted ? 7 : 20;
  command.warm_up = app.count("--warm-up") > 0 ? command.warm_up : words.counted ? 4 : 1;
  command.timeout_ns = nanoseconds(words.timeout.empty() ? (words.counted ? "2s" : "60s") : words.timeout);
  return command;
}

}  // namespace

Command parse_command_line(int argc, char** argv) {
  CLI::App app(
      "Boot SLO gate: measures boots of microVMs, holds them against a budget, and says what made them slow.",
      "mayfly-gate");
  MeasureCommand measure;
  MeasureWords words;
  CheckCommand check;
  CompareCommand compare;
  ReportCommand report;
  std::optional<double> percent;
  std::vector<std::string> accepted;
  app.set_version_flag("--version", std::string("mayfly-gate ") + MAYFLY_VERSION);
  app.require_subcommand(1);
  app.footer(kFooter);
  add_measure(app, measure, words);
  add_check(app, check);
  add_compare(app, compare, percent, accepted);
  add_report(app, report);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForVersion& version) {
    return PrintCommand{std::string(version.what()) + "\n"};
  } catch (const CLI::CallForHelp&) {
    const std::vector<CLI::App*> chosen = app.get_subcommands();
    return PrintCommand{chosen.empty() ? app.help() : chosen.front()->help("mayfly-gate")};
  } catch (const CLI::ParseError& error) {
    throw Error(std::string(error.what()) + "; see mayfly-gate --help");
  }
  if (app.got_subcommand("measure")) {
    return finish(std::move(measure), words, *app.get_subcommand("measure"));
  }
  if (app.got_subcommand("check")) {
    return check;
  }
  if (app.got_subcommand("compare")) {
    compare.accepted = {accepted.begin(), accepted.end()};
    compare.allowed = percent ? std::optional(*percent / 100) : std::nullopt;
    return compare;
  }
  return report;
}

}  // namespace mayfly::gate
