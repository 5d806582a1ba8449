// SPDX-License-Identifier: Apache-2.0
#include "cli/run_options.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace mayfly::cli {
namespace {

using vmm::ConsoleTarget;

RunOptions with_image() {
  RunOptions options;
  options.image = "image";
  return options;
}

// The sentence with which `options` are refused; empty when they are not.
std::string refusal(RunOptions options) {
  try {
    static_cast<void>(check_run_options(std::move(options)));
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

TEST(RunOptions, DefaultsAre512MiBAndOneCpu) {
  const vmm::RunConfig config = check_run_options(with_image());
  EXPECT_EQ(config.image, "image");
  EXPECT_EQ(config.memory_bytes, 512 * kMiB);
  EXPECT_EQ(config.cpus, 1U);
  EXPECT_EQ(config.pages, Pages::kAuto);
  EXPECT_EQ(config.prefault, vmm::PrefaultMode::kNone);
  EXPECT_EQ(config.console.target, ConsoleTarget::kNone);
  EXPECT_EQ(config.image_check, vmm::ImageCheck::kHeader);
  EXPECT_EQ(config.timeout_ns, 0U);
  EXPECT_FALSE(config.workdir.has_value());
  EXPECT_FALSE(config.user.has_value());
  EXPECT_TRUE(config.command.empty());
  EXPECT_FALSE(config.balloon_bytes.has_value());
}

TEST(RunOptions, IdIsCheckedAndArrives) {
  RunOptions options = with_image();
  EXPECT_EQ(check_run_options(options).id, "");
  options.id = "web-1";
  EXPECT_EQ(check_run_options(options).id, "web-1");
  options.id = "../web";
  EXPECT_EQ(refusal(options),
            "--id '../web': write up to 64 letters, digits, '-', '_' and '.', neither '-' nor '.' first");
}

TEST(RunOptions, GuestHasSocketsForItsAgentWhereItHasANameOrAsksForThem) {
  RunOptions options = with_image();
  EXPECT_FALSE(check_run_options(options).sockets.has_value());
  options.id = "web-1";
  EXPECT_EQ(check_run_options(options).sockets.value().path, "");
  EXPECT_EQ(check_run_options(options).sockets.value().cid, 3U);
  options.vsock = "/run/app.sock,cid=9";
  EXPECT_EQ(check_run_options(options).sockets.value().path, "/run/app.sock");
  EXPECT_EQ(check_run_options(options).sockets.value().cid, 9U);
}

TEST(RunOptions, DedicatedCpusAreAList) {
  RunOptions options = with_image();
  EXPECT_FALSE(check_run_options(options).dedicated);
  options.dedicated = true;
  EXPECT_TRUE(check_run_options(options).dedicated);
  EXPECT_FALSE(check_run_options(options).dedicated_cpus.has_value());
  options.dedicated = false;
  options.dedicated_cpus = "4-5,2";
  EXPECT_TRUE(check_run_options(options).dedicated);
  EXPECT_EQ(check_run_options(options).dedicated_cpus.value(), (std::vector<std::uint32_t>{2, 4, 5}));
  options.dedicated_cpus = "4-";
  EXPECT_EQ(refusal(options),
            "--dedicated-cpus '4-': not a list of CPUs; write numbers and ranges, such as 2-5,8");
}

TEST(RunOptions, EveryOptionArrives) {
  RunOptions options = with_image();
  options.kernel = "vmlinux";
  options.memory = "2G";
  options.cpus = "64";
  options.pages = "1g";
  options.prefault = "none";
  options.pool = "pool.sock";
  options.sandbox = "log";
  options.balloon = "1G";
  options.environment = {"A=1", "B="};
  options.workdir = "/srv";
  options.user = "0:0";
  options.timeout = "500ms";
  options.cmdline_append = "debug";
  options.timeline = "t.json";
  options.console = "tty";
  options.until_ready = true;
  options.verify = true;
  options.command = {"sh", "-c", ""};
  const vmm::RunConfig config = check_run_options(options);
  EXPECT_EQ(config.kernel, "vmlinux");
  EXPECT_EQ(config.memory_bytes, 2 * kGiB);
  EXPECT_EQ(config.cpus, 64U);
  EXPECT_EQ(config.pages, Pages::k1g);
  EXPECT_EQ(config.pool, "pool.sock");
  EXPECT_EQ(config.sandbox, sandbox::Mode::kLog);
  EXPECT_EQ(config.balloon_bytes, kGiB);
  EXPECT_EQ(config.environment, options.environment);
  EXPECT_EQ(config.workdir, "/srv");
  EXPECT_EQ(config.user, "0:0");
  EXPECT_EQ(config.timeout_ns, 500'000'000U);
  EXPECT_EQ(config.cmdline_append, "debug");
  EXPECT_EQ(config.timeline, "t.json");
  EXPECT_TRUE(config.until_ready);
  EXPECT_EQ(config.console.target, ConsoleTarget::kTty);
  EXPECT_EQ(config.image_check, vmm::ImageCheck::kWhole);
  EXPECT_EQ(config.command, options.command);
}

TEST(RunOptions, FallbackIsOfHugePagesOfTheHost) {
  RunOptions options = with_image();
  options.pages = "2m";
  EXPECT_EQ(check_run_options(options).pages_fallback, vmm::PagesFallback::kError);
  options.pages_fallback = "queue";
  EXPECT_EQ(check_run_options(options).pages_fallback, vmm::PagesFallback::kQueue);
  options.pages_fallback = "small";
  EXPECT_EQ(check_run_options(options).pages_fallback, vmm::PagesFallback::kSmall);
  options.pages_fallback = "wait";
  EXPECT_EQ(refusal(options), "--pages-fallback 'wait': give error, queue or small");
  options.pages_fallback = "error";
  options.pages = "thp";
  EXPECT_EQ(refusal(options),
            "--pages-fallback 'error': is for --pages 2m or 1g of the host, not of a --pool");
  options.pages = "1g";
  options.memory = "1G";
  options.pool = "pool.sock";
  EXPECT_EQ(refusal(options),
            "--pages-fallback 'error': is for --pages 2m or 1g of the host, not of a --pool");
}

TEST(RunOptions, BalloonAndPassedDeviceGoTogether) {
  RunOptions options = with_image();
  options.balloon = "256M";
  options.devices = {"vfio=0000:01:00.0"};
  const vmm::RunConfig config = check_run_options(std::move(options));
  EXPECT_EQ(config.balloon_bytes, 256 * kMiB);
  EXPECT_EQ(config.devices.size(), 1U);
}

TEST(RunOptions, DmaWindowIs256MiBUnlessGivenWithADevice) {
  RunOptions options = with_image();
  options.devices = {"vfio=0000:01:00.0"};
  EXPECT_EQ(check_run_options(options).dma_window_bytes, std::nullopt);
  options.dma_window = "512M";
  EXPECT_EQ(check_run_options(options).dma_window_bytes, 512 * kMiB);
  options.devices.clear();
  EXPECT_EQ(refusal(options), "--dma-window '512M': is for guests with --device only");
}

TEST(RunOptions, DmaWindowIsPartOfMemoryInLargePages) {
  const std::pair<const char*, const char*> table[] = {
      {"all", "--dma-window 'all': not a size; write a number with K, M, G or T, such as 256M"},
      {"3", "--dma-window '3': not a multiple of 2M"},
      {"0", "--dma-window '0': not a multiple of 2M"},
      {"514M", "--dma-window '514M': more than --memory"}};
  for (const auto& [window, sentence] : table) {
    RunOptions options = with_image();
    options.devices = {"vfio=0000:01:00.0"};
    options.dma_window = window;
    EXPECT_EQ(refusal(std::move(options)), sentence);
  }
}

TEST(RunOptions, EachPageSizeHasItsWord) {
  const std::pair<const char*, Pages> table[] = {{"auto", Pages::kAuto},
                                                 {"4k", Pages::k4k},
                                                 {"thp", Pages::kThp},
                                                 {"2m", Pages::k2m},
                                                 {"1g", Pages::k1g}};
  for (const auto& [word, choice] : table) {
    RunOptions options = with_image();
    options.pages = word;
    EXPECT_EQ(check_run_options(options).pages, choice) << word;
  }
}

TEST(RunOptions, ConsoleIsAFileUnlessItIsAWord) {
  RunOptions options = with_image();
  options.console = "none";
  EXPECT_EQ(check_run_options(options).console.target, ConsoleTarget::kNone);
  options.console = "./tty";
  EXPECT_EQ(check_run_options(options).console.target, ConsoleTarget::kFile);
  EXPECT_EQ(check_run_options(options).console.path, "./tty");
}

TEST(RunOptions, ImageIsNeeded) { EXPECT_NE(refusal(RunOptions{}).find("--image FILE"), std::string::npos); }

struct BadValue {
  std::string RunOptions::*option;
  const char* value;
  const char* sentence;
};

class RunOptionsRefuse : public testing::TestWithParam<BadValue> {};

TEST_P(RunOptionsRefuse, BadValueInOneSentence) {
  RunOptions options = with_image();
  options.*GetParam().option = GetParam().value;
  EXPECT_EQ(refusal(std::move(options)), GetParam().sentence);
}

INSTANTIATE_TEST_SUITE_P(
    Table, RunOptionsRefuse,
    testing::Values(
        BadValue{&RunOptions::memory, "0", "--memory '0': too little for a guest kernel; give 32M or more"},
        BadValue{&RunOptions::memory, "1M", "--memory '1M': too little for a guest kernel; give 32M or more"},
        BadValue{&RunOptions::memory, "30M",
                 "--memory '30M': too little for a guest kernel; give 32M or more"},
        BadValue{&RunOptions::memory, "33M", "--memory '33M': not a multiple of 2M"},
        BadValue{&RunOptions::memory, "65T",
                 "--memory '65T': beyond what an x86 host can address; give 64T or less"},
        BadValue{&RunOptions::memory, "512MB",
                 "--memory '512MB': not a size; write a number with K, M, G or T, such as 512M"},
        BadValue{&RunOptions::cpus, "0", "--cpus '0': give a number from 1 to 64"},
        BadValue{&RunOptions::cpus, "65", "--cpus '65': give a number from 1 to 64"},
        BadValue{&RunOptions::cpus, "4294967297", "--cpus '4294967297': give a number from 1 to 64"},
        BadValue{&RunOptions::cpus, "two", "--cpus 'two': give a number from 1 to 64"},
        BadValue{&RunOptions::pages, "2M", "--pages '2M': give auto, 4k, thp, 2m or 1g"},
        BadValue{&RunOptions::sandbox, "yes", "--sandbox 'yes': give on, log or off"},
        BadValue{&RunOptions::prefault, "some", "--prefault 'some': give none, boot or all"},
        BadValue{&RunOptions::balloon, "256", "--balloon '256': not a multiple of 2M"},
        BadValue{&RunOptions::balloon, "all",
                 "--balloon 'all': not a size; write a number with K, M, G or T, such as 256M, or 0"},
        BadValue{&RunOptions::balloon, "450M",
                 "--balloon '450M': too much of --memory; leave the guest 64M or more"},
        BadValue{&RunOptions::timeout, "0s",
                 "--timeout '0s': not a time; write a number above 0 with ms, s, m or h, such as 10s"},
        BadValue{&RunOptions::timeout, "5",
                 "--timeout '5': not a time; write a number above 0 with ms, s, m or h, such as 10s"},
        BadValue{&RunOptions::workdir, "srv", "--workdir 'srv': write an absolute path of the guest"},
        BadValue{&RunOptions::cmdline_append, "a\nb",
                 "--cmdline-append 'a\nb': control characters have no place on a kernel command line"}),
    // Such as memory_512MB: the option and value, as the sentence has them.
    [](const auto& each) {
      std::string name(each.param.sentence + 2, std::strchr(each.param.sentence + 2, ':'));
      std::replace_if(
          name.begin(), name.end(), [](char letter) { return std::isalnum(letter) == 0; }, '_');
      return name;
    });

TEST(RunOptions, ModulesAreTakenInOrder) {
  RunOptions options = with_image();
  options.modules = {"nvme io_timeout=60", "edu"};
  EXPECT_EQ(check_run_options(std::move(options)).modules,
            (std::vector<std::string>{"nvme io_timeout=60", "edu"}));
}

TEST(RunOptions, WhatIsNoModuleIsRefused) {
  RunOptions options = with_image();
  options.modules = {"nvme", "/lib/edu.ko"};
  EXPECT_EQ(
      refusal(std::move(options)),
      "--module '/lib/edu.ko': not a module's name, of letters, digits, - and _, with parameters after a "
      "blank; up to 1023 characters");
  options = with_image();
  options.modules.assign(17, "nvme");
  EXPECT_EQ(refusal(std::move(options)), "--module 'nvme': a guest loads at most 16 modules by name");
}

TEST(RunOptions, LeastAndMostMemoryAreTaken) {
  RunOptions options = with_image();
  options.memory = "32M";
  EXPECT_EQ(check_run_options(options).memory_bytes, kMemoryMin);
  options.memory = "64T";
  EXPECT_EQ(check_run_options(options).memory_bytes, kMemoryMax);
}

TEST(RunOptions, ABalloonMayBeEmptyAndMayLeave64M) {
  RunOptions options = with_image();
  options.balloon = "0";
  EXPECT_EQ(check_run_options(options).balloon_bytes, 0U);
  options.balloon = "448M";
  EXPECT_EQ(check_run_options(options).balloon_bytes, 448 * kMiB);
}

TEST(RunOptions, WhatABalloonGivesBackIsNotPrefaulted) {
  RunOptions options = with_image();
  options.prefault = "all";
  options.balloon = "256M";
  EXPECT_EQ(refusal(options),
            "--balloon '256M': gives back what --prefault all has just populated; choose one");
  // With devices a balloon is for what is mapped, not for what is populated.
  options.devices = {"vfio=01:00.0"};
  EXPECT_EQ(check_run_options(options).prefault, vmm::PrefaultMode::kAll);
  options.devices.clear();
  options.balloon = "0";
  EXPECT_EQ(check_run_options(options).prefault, vmm::PrefaultMode::kAll);
}

TEST(RunOptions, NodesAreAListOfNodes) {
  RunOptions options = with_image();
  options.numa = "1,0";
  EXPECT_EQ(check_run_options(options).numa, (std::vector<std::uint32_t>{0, 1}));
  for (const char* bad : {" ", "x", "0,", "1024", "0-64"}) {
    options.numa = bad;
    EXPECT_EQ(refusal(options), "--numa '" + options.numa +
                                    "': not a list of NUMA nodes; write up to 64 numbers, such as 0 or 0,1");
  }
  options.numa = "0";
  options.pool = "/run/pool.sock";
  EXPECT_EQ(
      refusal(options),
      "--numa '0': is not for memory from a --pool, which keeps it by nodes (`mayfly pool ... node=N`)");
}

TEST(RunOptions, PrefaultOfTheLastBootIsForGuestsWithoutDevices) {
  RunOptions options = with_image();
  options.prefault = "boot";
  EXPECT_EQ(check_run_options(options).prefault, vmm::PrefaultMode::kBoot);
  options.devices = {"vfio=0000:01:00.0"};
  EXPECT_EQ(refusal(options),
            "--prefault 'boot': is not for guests with --device, whose memory is populated for those; give "
            "all or none");
}

TEST(RunOptions, VariableWithoutNameIsRefused) {
  for (const char* variable : {"", "=value"}) {
    RunOptions options = with_image();
    options.environment = {"GOOD=1", variable};
    EXPECT_EQ(refusal(std::move(options)), "--env '" + std::string(variable) + "': write NAME=VALUE");
  }
}

TEST(RunOptions, VariableWithoutValueHasThatOfMayfly) {
  RunOptions options = with_image();
  options.environment = {"GOOD=1", "MAYFLY_OF_TEST", "MAYFLY_OF_TEST="};
  ::unsetenv("MAYFLY_OF_TEST");
  EXPECT_EQ(refusal(options), "--env 'MAYFLY_OF_TEST': no such variable here; set it, or write NAME=VALUE");
  ::setenv("MAYFLY_OF_TEST", "a=b", 1);
  EXPECT_EQ(check_run_options(options).environment,
            (std::vector<std::string>{"GOOD=1", "MAYFLY_OF_TEST=a=b", "MAYFLY_OF_TEST="}));
  ::unsetenv("MAYFLY_OF_TEST");
}

}  // namespace
}  // namespace mayfly::cli
