// SPDX-License-Identifier: Apache-2.0
#include "vmm/kernel_command_line.hpp"

#include <gtest/gtest.h>

namespace mayfly::vmm {
namespace {

TEST(GuestTsc, IsTrustedWhereItIsInvariantAndTheHostKeepsTimeByIt) {
  EXPECT_EQ(judge_tsc(true, "tsc"), GuestTsc::kTrusted);
  EXPECT_EQ(judge_tsc(true, ""), GuestTsc::kTrusted) << "without /sys the processor's word counts";
  for (const char* clock : {"hpet", "acpi_pm", "kvm-clock", "hyperv_clocksource_tsc_page"}) {
    EXPECT_EQ(judge_tsc(true, clock), GuestTsc::kUnstable) << clock;
  }
  EXPECT_EQ(judge_tsc(false, "tsc"), GuestTsc::kUnstable);
  EXPECT_EQ(judge_tsc(false, ""), GuestTsc::kUnstable);
}

TEST(KernelCommandLine, SaysThatATscIsUnstableAndNothingOfATrustedOne) {
  const std::string line = kernel_command_line({}, image::FileSystem::kErofs, GuestTsc::kUnstable);
  EXPECT_TRUE(line.ends_with(" rootfstype=erofs tsc=unstable")) << line;
  const std::string trusted = kernel_command_line({}, image::FileSystem::kErofs, GuestTsc::kTrusted);
  EXPECT_EQ(trusted + " tsc=unstable", line);
}

TEST(KernelCommandLine, NamesTheFileSystemAndEndsWithWhatIsAppended) {
  RunConfig config;
  config.cmdline_append = "loglevel=7 extra";
  const std::string line = kernel_command_line(config, image::FileSystem::kExt4, GuestTsc::kTrusted);
  EXPECT_TRUE(line.starts_with("console=hvc0 ")) << line;
  EXPECT_TRUE(line.ends_with(" rootfstype=ext4 loglevel=7 extra")) << line;
}

TEST(KernelCommandLine, AsksForMarksFirstWhenTheBootIsTimed) {
  RunConfig config;
  config.timeline = "t.json";
  const std::string line = kernel_command_line(config, image::FileSystem::kErofs, GuestTsc::kTrusted);
  EXPECT_TRUE(line.starts_with("mayfly.marks console=")) << line;
}

}  // namespace
}  // namespace mayfly::vmm
