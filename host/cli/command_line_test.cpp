// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/say.hpp"

namespace mayfly::cli {
namespace {

Command parse(const std::vector<const char*>& words) { return parse_command_line(words); }

RunOptions parse_run(const std::vector<const char*>& words) { return std::get<RunOptions>(parse(words)); }

std::string refusal(const std::vector<const char*>& words) {
  try {
    static_cast<void>(parse(words));
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

using Environment = std::vector<std::string>;

std::string printed(const std::vector<const char*>& words) {
  return std::get<PrintCommand>(parse(words)).text;
}

TEST(CommandLine, EveryOptionOfRunIsTaken) {
  const RunOptions options = parse_run(
      {"run", "--image",    "i",  "--kernel",  "k",    "--memory",      "1G",       "--cpus",
       "2",   "--pages",    "2m", "--balloon", "4M",   "--env",         "A=1",      "--env",
       "B=2", "--workdir",  "/w", "--user",    "u:g",  "--timeout",     "3s",       "--cmdline-append",
       "x y", "--timeline", "t",  "--console", "none", "--until-ready", "--verify", "--dma-window",
       "64M", "--",         "cmd"});
  EXPECT_EQ(options.image, "i");
  EXPECT_EQ(options.kernel, "k");
  EXPECT_EQ(options.memory, "1G");
  EXPECT_EQ(options.cpus, "2");
  EXPECT_EQ(options.pages, "2m");
  EXPECT_EQ(options.balloon, "4M");
  EXPECT_EQ(options.dma_window, "64M");
  EXPECT_EQ(options.environment, (std::vector<std::string>{"A=1", "B=2"}));
  EXPECT_EQ(options.workdir, "/w");
  EXPECT_EQ(options.user, "u:g");
  EXPECT_EQ(options.timeout, "3s");
  EXPECT_EQ(options.cmdline_append, "x y");
  EXPECT_EQ(options.timeline, "t");
  EXPECT_EQ(options.console, "none");
  EXPECT_TRUE(options.until_ready);
  EXPECT_TRUE(options.verify);
  EXPECT_EQ(options.command, std::vector<std::string>{"cmd"});
}

TEST(CommandLine, AnOptionIsKnownHoweverItIsTyped) {
  EXPECT_EQ(parse_run({"run", "--memory=1G", "--cpus", "2"}).memory, "1G");
  EXPECT_EQ(parse_run({"run", "--env", "--cpus", "--memory", "-x"}).environment, Environment{"--cpus"});
  EXPECT_EQ(parse_run({"run", "--memory", "-x"}).memory, "-x");
  EXPECT_TRUE(std::get<LogsCommand>(parse({"logs", "a", "-f"})).follow);
  EXPECT_TRUE(std::get<LogsCommand>(parse({"logs", "a", "--follow"})).follow);
  EXPECT_EQ(refusal({"run", "--memor", "1G"}), "unknown argument '--memor'; see mayfly run --help");
  EXPECT_EQ(refusal({"run", "--memory1G"}), "unknown argument '--memory1G'; see mayfly run --help");
}

TEST(CommandLine, CommandsThatAskVmsAreTaken) {
  const auto command = [](const std::vector<const char*>& words) {
    return std::get<ControlCommand>(parse(words));
  };
  EXPECT_EQ(command({"ps"}).verb, ControlVerb::kPs);
  EXPECT_TRUE(command({"ps", "--json"}).json);
  EXPECT_TRUE(command({"status", "a", "--watch"}).watch);
  EXPECT_EQ(command({"balloon", "a", "2M"}).bytes, 2U << 20U);
  EXPECT_EQ(command({"stop", "a", "--timeout", "1s"}).timeout_ns, 1'000'000'000U);
  EXPECT_EQ(command({"kill", "a"}).verb, ControlVerb::kKill);
  EXPECT_EQ(command({"wait", "a"}).verb, ControlVerb::kWait);
  EXPECT_EQ(command({"pause", "a"}).verb, ControlVerb::kPause);
  EXPECT_EQ(command({"resume", "a"}).verb, ControlVerb::kResume);
  EXPECT_EQ(command({"gc"}).verb, ControlVerb::kGc);
  EXPECT_NE(refusal({"kill", "a", "--timeout", "1s"}).find("mayfly kill --help"), std::string::npos);
  EXPECT_NE(printed({"stop", "--help"}).find("Usage: mayfly stop ID [--timeout TIME]"), std::string::npos);
  EXPECT_EQ(printed({"stop", "--help"}).find("WORDS"), std::string::npos);
}

TEST(CommandLine, IdOfARunIsTaken) { EXPECT_EQ(parse_run({"run", "--image", "i", "--id", "a"}).id, "a"); }

TEST(CommandLine, ValueMayFollowAnEqualsSign) {
  const RunOptions options = parse_run({"run", "--image=i", "--env=A=b=c", "--cmdline-append=--"});
  EXPECT_EQ(options.image, "i");
  EXPECT_EQ(options.environment, std::vector<std::string>{"A=b=c"});
  EXPECT_EQ(options.cmdline_append, "--");
}

TEST(CommandLine, CommandIsTakenByteForByte) {
  const std::vector<std::string> command{"", "--help", "--", "[a,b]", "--image", "\x01\xff", "-", "a b"};
  std::vector<const char*> words{"run", "--image", "i", "--"};
  for (const std::string& word : command) {
    words.push_back(word.c_str());
  }
  EXPECT_EQ(parse_run(words).command, command);
}

TEST(CommandLine, BracketsAndCommasInAValueStay) {
  const RunOptions options = parse_run({"run", "--image", "[a,b]", "--env", "[X,Y]=[1,2]"});
  EXPECT_EQ(options.image, "[a,b]");
  EXPECT_EQ(options.environment, std::vector<std::string>{"[X,Y]=[1,2]"});
}

TEST(CommandLine, LargeCommandIsTaken) {
  const std::string large(128U << 10U, 'x');
  const std::vector<const char*> words{"run", "--image", "i", "--", "echo", large.c_str()};
  EXPECT_EQ(parse_run(words).command.at(1), large);
}

TEST(CommandLine, HelpAndVersionAreEverywhere) {
  EXPECT_EQ(printed({"--version"}), "mayfly " MAYFLY_VERSION "\n");
  EXPECT_NE(printed({"--help"}).find("Usage: mayfly COMMAND"), std::string::npos);
  for (const char* command : {"run", "boot", "exec", "doctor", "timeline", "completion"}) {
    EXPECT_EQ(printed({command, "--version"}), "mayfly " MAYFLY_VERSION "\n") << command;
    EXPECT_NE(printed({command, "--help"}).find(std::string("Usage: mayfly ") + command), std::string::npos)
        << command;
    EXPECT_NE(printed({"--help"}).find(std::string("\n  ") + command), std::string::npos) << command;
  }
}

TEST(CommandLine, HelpGoesBeforeMissingOptions) {
  EXPECT_FALSE(printed({"run", "--help"}).empty());
  EXPECT_FALSE(printed({"run", "--image", "i", "--help"}).empty());
}

TEST(CommandLine, OtherCommands) {
  EXPECT_TRUE(std::holds_alternative<ExitsCommand>(parse({"exits", "--all", "--json"})));
  EXPECT_EQ(std::get<ExitsCommand>(parse({"exits", "12"})).process, 12);
  EXPECT_TRUE(std::holds_alternative<ExitsCompareCommand>(parse({"exits", "--compare", "a", "b"})));
  EXPECT_TRUE(std::holds_alternative<DoctorCommand>(parse({"doctor"})));
  const auto doctor = std::get<DoctorCommand>(parse({"doctor", "--json", "--host", "a.json"}));
  EXPECT_EQ(doctor.form, DoctorForm::kJson);
  EXPECT_EQ(doctor.host, "a.json");
  EXPECT_EQ(std::get<TimelineCommand>(parse({"timeline", "t.json"})).path, "t.json");
  EXPECT_EQ(std::get<TimelineCommand>(parse({"timeline", "t.json"})).form, TimelineForm::kWaterfall);
  EXPECT_EQ(std::get<TimelineCommand>(parse({"timeline", "--perfetto", "t.json"})).form,
            TimelineForm::kPerfetto);
  EXPECT_TRUE(std::holds_alternative<CompletionCommand>(parse({"completion", "bash"})));
}

TEST(CommandLine, ServeIsAnActionWithOptions) {
  const auto command =
      std::get<ServeCommand>(parse({"device", "serve", "--socket", "/s", "--iommu", "type1", "01:00.0"}));
  EXPECT_EQ(command.socket, "/s");
  EXPECT_EQ(command.backend, vfio::BackendChoice::kType1);
  EXPECT_EQ(command.lots.size(), 1U);
  EXPECT_EQ(refusal({"device", "list", "--socket", "/s"}),
            "--socket and --iommu are for mayfly device serve only");
}

TEST(CommandLine, LogFormatHoldsFromTheWordOn) {
  const auto format_after = [](const std::vector<const char*>& words) {
    speak_in(LogFormat::kText);
    static_cast<void>(refusal(words));
    const LogFormat format = log_format();
    speak_in(LogFormat::kText);
    return format;
  };
  for (const std::vector<const char*>& words : std::vector<std::vector<const char*>>{
           {"run", "--log-format", "json", "--image", "i"},
           {"run", "--log-format=json", "--bogus"},
           {"boot", "--log-format=json", "--image", "i"},
           {"exec", "--log-format=json", "a", "--", "c"},
           {"pool", "--log-format=json", "--socket", "s", "64M"},
           {"device", "serve", "--log-format=json", "--socket", "s", "0000:01:00.0"}}) {
    EXPECT_EQ(format_after(words), LogFormat::kJson) << words[1];
  }
  EXPECT_EQ(format_after({"run", "--image", "i", "--log-format=text"}), LogFormat::kText);
  EXPECT_EQ(format_after({"run", "--image", "i", "--", "--log-format", "json"}), LogFormat::kText);
  EXPECT_EQ(refusal({"run", "--image", "i", "--log-format=xml"}), "--log-format 'xml': give text or json");
}

TEST(CommandLine, UsageErrorsAreOneSentence) {
  EXPECT_EQ(refusal({}), "no command given; see mayfly --help");
  EXPECT_EQ(refusal({"launch"}), "unknown argument 'launch'; see mayfly --help");
  EXPECT_EQ(refusal({"run", "--image", "i", "sh"}),
            "unknown argument 'sh'; put -- before the workload's command");
  EXPECT_EQ(refusal({"boot", "--image", "i", "sh"}),
            "unknown argument 'sh'; put -- before the workload's command");
  EXPECT_EQ(refusal({"run", "--imag", "i"}), "unknown argument '--imag'; see mayfly run --help");
  EXPECT_EQ(refusal({"doctor", "--", "sh"}), "unknown argument '--'; see mayfly doctor --help");
  EXPECT_EQ(refusal({"timeline"}), "no timeline given; see mayfly timeline --help");
  EXPECT_EQ(refusal({"completion", "zsh"}),
            "no completion for 'zsh'; there is one for bash: mayfly completion bash");
  EXPECT_EQ(refusal({"completion"}), "no completion for ''; there is one for bash: mayfly completion bash");
}

TEST(CommandLine, OptionWithoutItsValueIsRefused) {
  for (const char* option : {"--image", "--memory", "--workdir", "--env"}) {
    EXPECT_NE(refusal({"run", option}).find(option), std::string::npos) << option;
    EXPECT_NE(refusal({"run", option, ""}).find(option), std::string::npos) << option;
  }
}

TEST(CommandLine, OptionGivenTwiceIsRefused) {
  EXPECT_NE(refusal({"run", "--memory", "1G", "--memory", "2G"}).find("--memory"), std::string::npos);
}

}  // namespace
}  // namespace mayfly::cli
