// SPDX-License-Identifier: Apache-2.0
#include "exits/vm_processes.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/temporary_folder.hpp"

namespace mayfly::exits {
namespace {

class VmProcesses : public ::testing::Test {
 protected:
  void put(pid_t process, const std::string& name, const std::vector<std::string>& files) const {
    const std::filesystem::path folder = root_.path() / "proc" / std::to_string(process);
    std::filesystem::create_directories(folder / "fd");
    std::filesystem::create_directories(folder / "task" / std::to_string(process));
    std::filesystem::create_directories(folder / "task" / std::to_string(process + 1));
    std::ofstream(folder / "comm") << name << '\n';
    int fd = 0;
    for (const std::string& file : files) {
      std::filesystem::create_symlink(file, folder / "fd" / std::to_string(fd++));
    }
  }
  std::string refusal(std::optional<pid_t> process) const {
    try {
      return "chose " + choose_vm(root_.path(), process).name;
    } catch (const Error& error) {
      return error.what();
    }
  }

  mayfly::testing::TemporaryFolder root_;
};

TEST_F(VmProcesses, AreKnownByWhatTheyHaveOpen) {
  put(9, "bash", {"/dev/tty", "anon_inode:[eventfd]", "/tmp/anon_inode:kvm-vm"});
  put(20, "mayfly", {"/dev/null", "anon_inode:kvm-vm"});
  put(100, "qemu", {"anon_inode:kvm-vcpu:0"});
  const std::vector<VmProcess> vms = find_vms(root_.path());
  ASSERT_EQ(vms.size(), 2U);
  EXPECT_EQ(vms[0].process, 20);
  EXPECT_EQ(vms[0].name, "mayfly");
  EXPECT_EQ(vms[1].process, 100);
  EXPECT_EQ(threads_of(root_.path(), 20), (std::vector<pid_t>{20, 21}));
  EXPECT_EQ(threads_of(root_.path(), 21), std::vector<pid_t>{});
}

TEST_F(VmProcesses, OnlyOneNeedsNoNumber) {
  put(9, "bash", {});
  put(20, "mayfly", {"anon_inode:kvm-vm"});
  EXPECT_EQ(refusal(std::nullopt), "chose mayfly");
  EXPECT_EQ(refusal(20), "chose mayfly");
}

TEST_F(VmProcesses, WhatCannotBeChosenIsSaid) {
  put(9, "bash", {});
  EXPECT_EQ(refusal(9), "process 9 (bash) has no VM; no other has one either");
  EXPECT_EQ(refusal(10), "there is no process 10");
  EXPECT_NE(refusal(std::nullopt).find("has a VM"), std::string::npos);
  put(20, "mayfly", {"anon_inode:kvm-vm"});
  put(30, "qemu", {"anon_inode:kvm-vm"});
  EXPECT_EQ(refusal(9), "process 9 (bash) has no VM; those that have: 20 (mayfly), 30 (qemu)");
  EXPECT_EQ(refusal(std::nullopt),
            "several processes have a VM; name one, or take --all: 20 (mayfly), 30 (qemu)");
}

}  // namespace
}  // namespace mayfly::exits
