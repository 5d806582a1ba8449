// SPDX-License-Identifier: Apache-2.0
#include "cli/disk_option.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace mayfly::cli {
namespace {

std::string refusal(const std::vector<std::string>& texts) {
  try {
    (void)check_disks(texts);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(DiskOption, AFileAloneIsReadAndWritten) {
  const auto disks = check_disks({"data.img"});
  ASSERT_EQ(disks.size(), 1U);
  EXPECT_EQ(disks[0].path, "data.img");
  EXPECT_FALSE(disks[0].is_read_only);
  EXPECT_FALSE(disks[0].is_direct);
  EXPECT_EQ(disks[0].serial, "");
}

TEST(DiskOption, WhatComesAfterTheFileIsTakenInAnyOrder) {
  const auto disks = check_disks({"/dev/vg/a,serial=db=1,readonly,direct", "b,direct"});
  ASSERT_EQ(disks.size(), 2U);
  EXPECT_TRUE(disks[0].is_read_only);
  EXPECT_TRUE(disks[0].is_direct);
  EXPECT_EQ(disks[0].serial, "db=1");
  EXPECT_FALSE(disks[1].is_read_only);
  EXPECT_TRUE(disks[1].is_direct);
}

TEST(DiskOption, MalformedTextIsNamed) {
  EXPECT_EQ(refusal({""}), "--disk '': write the path of a file or a block device, such as data.img");
  EXPECT_NE(refusal({",readonly"}).find("write the path"), std::string::npos);
  for (const char* text : {"a,ro", "a,readonly=yes", "a,,direct", "a,Direct"}) {
    EXPECT_NE(refusal({text}).find("after the file there may be readonly, direct, serial=NAME, mount=PATH"),
              std::string::npos)
        << text;
  }
}

TEST(DiskOption, SerialFitsIntoItsPlace) {
  EXPECT_EQ(refusal({"a,serial=" + std::string(20, 'x')}), "");
  EXPECT_NE(refusal({"a,serial"}).find("up to 20 letters"), std::string::npos);
  for (const std::string& serial :
       {std::string(), std::string(21, 'x'), std::string("a b"), std::string("\xc3\xa4")}) {
    EXPECT_NE(refusal({"a,serial=" + serial}).find("up to 20 letters"), std::string::npos) << serial;
  }
  EXPECT_NE(refusal({"a,serial=x", "b,serial=x"}).find("another --disk has this serial"), std::string::npos);
}

TEST(DiskOption, IsMountedWhereTheGuestIsTo) {
  const auto disks = check_disks({"a,mount=/data", "b,fs=erofs,readonly,mount=/models", "c"});
  EXPECT_EQ(disks[0].mount, "/data");
  EXPECT_EQ(disks[0].file_system, protocol::FileSystem::kExt4);
  EXPECT_EQ(disks[1].mount, "/models");
  EXPECT_EQ(disks[1].file_system, protocol::FileSystem::kErofs);
  EXPECT_EQ(disks[2].mount, "");
  EXPECT_NE(refusal({"a,mount=data"}).find("mount is an absolute path of the guest"), std::string::npos);
  EXPECT_NE(refusal({"a,mount="}).find("mount is an absolute path"), std::string::npos);
  EXPECT_NE(refusal({"a,mount=/a,fs=xfs"}).find("fs is ext4 or erofs"), std::string::npos);
  EXPECT_NE(refusal({"a,fs=erofs"}).find("fs= needs mount="), std::string::npos);
  EXPECT_NE(refusal({"a,mount=/a", "b,mount=/a"}).find("another --disk is mounted there"), std::string::npos);
}

TEST(DiskOption, HasLimitsOfBytesAndRequests) {
  const auto disks = check_disks({"a,rate=10M/64K,iops=500", "b"});
  EXPECT_EQ(disks[0].limits.bytes, (Rate{10U << 20U, 64U << 10U}));
  EXPECT_EQ(disks[0].limits.operations, (Rate{500, 50}));
  EXPECT_FALSE(disks[1].limits.any());
  EXPECT_EQ(refusal({"a,iops=1K"}),
            "--disk 'a,iops=1K': iops is how many a second and, after a slash, at once, such as 500 or "
            "500/50; leave it out for no limit");
  EXPECT_NE(refusal({"a,rate=0"}).find("rate is bytes a second"), std::string::npos);
}

TEST(DiskOption, AFileIsOneDiskUnlessNobodyWritesIt) {
  EXPECT_EQ(refusal({"a,readonly", "a,readonly"}), "");
  EXPECT_NE(refusal({"a,readonly", "a"}).find("another --disk has this file"), std::string::npos);
  EXPECT_NE(refusal({"a", "a,readonly"}).find("another --disk has this file"), std::string::npos);
}

TEST(DiskOption, ThereAreEightAtMost) {
  std::vector<std::string> texts;
  for (char name = 'a'; name < 'i'; ++name) {
    texts.emplace_back(1, name);
  }
  EXPECT_EQ(refusal(texts), "");
  texts.emplace_back("i");
  EXPECT_EQ(refusal(texts), "--disk 'i': a guest has at most 8 disks");
}

}  // namespace
}  // namespace mayfly::cli
