// SPDX-License-Identifier: Apache-2.0
#include "cli/dedicated_cpus.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/temporary_folder.hpp"

namespace mayfly::cli {
namespace {

class DedicatedCpus : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::filesystem::path cpus = folder_.path() / "sys/devices/system/cpu";
    std::filesystem::create_directories(cpus);
    std::ofstream(cpus / "online") << "0-3000\n";
    std::ofstream(cpus / "isolated") << "2900-2901\n";
    config_.dedicated = true;
  }
  [[nodiscard]] vmm::CpuClaims claim() const { return claim_dedicated(config_, folder_.path()); }
  [[nodiscard]] std::string refusal() const {
    try {
      return "taken: " + std::to_string(claim().cpus().size());
    } catch (const Error& error) {
      return error.what();
    }
  }

  vmm::RunConfig config_;

 private:
  mayfly::testing::TemporaryFolder folder_;
};

TEST_F(DedicatedCpus, RunWithoutItTakesNone) {
  config_.dedicated = false;
  EXPECT_TRUE(claim().cpus().empty());
}

TEST_F(DedicatedCpus, EachRunGetsOthers) {
  const vmm::CpuClaims first = claim();
  EXPECT_EQ(first.cpus(), std::vector<std::uint32_t>{2900});
  EXPECT_EQ(claim().cpus(), std::vector<std::uint32_t>{2901});
  config_.cpus = 2;
  EXPECT_EQ(refusal(), "other runs with --dedicated have CPU 2900; that leaves 1 for 2 vCPUs");
}

TEST_F(DedicatedCpus, SharedCpusAreRefusedByName) {
  config_.dedicated_cpus = {7};
  EXPECT_EQ(refusal(),
            "--dedicated: CPU 7 is shared with all other processes; isolate them: boot with isolcpus=7, or "
            "make them a "
            "cpuset partition of type isolated");
  config_.dedicated_cpus = {2901};
  EXPECT_EQ(claim().cpus(), std::vector<std::uint32_t>{2901});
}

}  // namespace
}  // namespace mayfly::cli
