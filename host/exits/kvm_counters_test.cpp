// SPDX-License-Identifier: Apache-2.0
#include "exits/kvm_counters.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/temporary_folder.hpp"

namespace mayfly::exits {
namespace {

TEST(KvmCounters, AreThoseOfAllVmsOfTheProcess) {
  const mayfly::testing::TemporaryFolder root;
  const auto put = [&](const std::string& file, const std::string& text) {
    const std::filesystem::path path = root.path() / "sys/kernel/debug/kvm" / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  };
  put("12-5/exits", "100\n");
  put("12-5/halt_exits", "7\n");
  put("12-5/vcpu0/pid", "13\n");
  put("12-5/mmu_rmaps_stat", "Rmap_Count:\t0\t1\n");
  put("12-5/long", std::string(100, '1') + "\n");
  put("12-6/exits", "20\n");
  put("123-5/exits", "4000\n");
  put("exits", "5000\n");
  EXPECT_EQ(read_kvm_counters(root.path(), 12), (KvmCounters{{"exits", 120}, {"halt_exits", 7}}));
  EXPECT_EQ(read_kvm_counters(root.path(), 1), KvmCounters{});
  EXPECT_EQ(read_kvm_counters(root.path() / "nowhere", 12), KvmCounters{});
}

TEST(KvmCounters, GrowthIsWhatCameSince) {
  EXPECT_EQ(growth({{"a", 5}, {"b", 5}, {"c", 5}}, {{"a", 7}, {"b", 5}, {"c", 4}, {"d", 1}}),
            (KvmCounters{{"a", 2}, {"d", 1}}));
}

}  // namespace
}  // namespace mayfly::exits
