// SPDX-License-Identifier: Apache-2.0
#include "cli/cgroup_option.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace mayfly::cli {
namespace {

std::string refusal(const std::string& text) {
  try {
    static_cast<void>(check_cgroup(text));
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

using Limits = std::vector<vmm::CgroupLimit>;

TEST(CgroupOption, TakesAFolderAlone) {
  EXPECT_EQ(check_cgroup("/sys/fs/cgroup/a"), (vmm::CgroupSpec{"/sys/fs/cgroup/a", {}}));
}

TEST(CgroupOption, LimitsAreWhatIsWrittenToFiles) {
  EXPECT_EQ(check_cgroup("/g,memory=1G,cpu=150%,pids=64").limits,
            (Limits{{"memory.max", "1073741824"}, {"cpu.max", "150000 100000"}, {"pids.max", "64"}}));
  EXPECT_EQ(check_cgroup("/g,hugetlb-2m=512M,hugetlb-1g=2G").limits,
            (Limits{{"hugetlb.2MB.rsvd.max", "536870912"},
                    {"hugetlb.2MB.max", "536870912"},
                    {"hugetlb.1GB.rsvd.max", "2147483648"},
                    {"hugetlb.1GB.max", "2147483648"}}));
}

TEST(CgroupOption, WhatIsNoLimitIsRefused) {
  EXPECT_EQ(refusal("mayfly"),
            "--cgroup 'mayfly': write the folder of a cgroup, such as /sys/fs/cgroup/mayfly");
  EXPECT_NE(refusal("/g,memory=much").find("memory is an amount such as 512M"), std::string::npos);
  EXPECT_NE(refusal("/g,hugetlb-2m=0").find("hugetlb-2m is an amount"), std::string::npos);
  for (const char* cpu : {"cpu=2", "cpu=%", "cpu=0%", "cpu=1.5%", "cpu=1000001%"}) {
    EXPECT_NE(refusal(std::string("/g,") + cpu).find("such as 50%, or 150%"), std::string::npos) << cpu;
  }
  EXPECT_NE(refusal("/g,pids=0").find("pids is how many threads"), std::string::npos);
  EXPECT_NE(refusal("/g,io=1").find("after the folder there may be"), std::string::npos);
}

}  // namespace
}  // namespace mayfly::cli
