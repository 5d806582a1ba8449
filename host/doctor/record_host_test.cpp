// SPDX-License-Identifier: Apache-2.0
#include "doctor/record_host.hpp"

#include <cerrno>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/temporary_folder.hpp"
#include "doctor/capabilities.hpp"
#include "doctor/kvm_questions.hpp"
#include "doctor/paths.hpp"

namespace mayfly::doctor {
namespace {

constexpr uid_t kNobody = 65534;

class RecordHost : public ::testing::Test {
 protected:
  void put(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(root() + path).parent_path());
    std::ofstream(root() + path) << text;
  }
  [[nodiscard]] std::string root() const { return folder_.path(); }
  [[nodiscard]] Recording record() const { return record_host(root()); }

 private:
  mayfly::testing::TemporaryFolder folder_;
};

TEST_F(RecordHost, EmptyTreeHasNothing) {
  const Recording recording = record();
  EXPECT_TRUE(recording.files.empty());
  EXPECT_TRUE(recording.folders.empty());
  EXPECT_EQ(recording.answer(kKvmOpen), -ENOENT);
  EXPECT_EQ(recording.answer(kVfioOpen), -ENOENT);
}

TEST_F(RecordHost, OneProcessorStandsForAll) {
  put(kCpuInfo, "processor\t: 0\nflags\t\t: vmx\n\nprocessor\t: 1\nflags\t\t: vmx\n\n");
  EXPECT_EQ(record().text(kCpuInfo), "processor\t: 0\nflags\t\t: vmx");
}

TEST_F(RecordHost, CpuFlagsAreWholeWordsOfTheFlagsLine) {
  const auto cpu = [&](const std::string& flags) {
    put(kCpuInfo, "model name\t: vmx\nflags\t\t: " + flags + "\nvmx flags\t: svm\n");
    return read_cpu(record());
  };
  EXPECT_TRUE(cpu("fpu svm hypervisor").svm);
  EXPECT_FALSE(cpu("fpu svm hypervisor").vmx);
  EXPECT_TRUE(cpu("vmx fpu svm_lock").vmx);
  EXPECT_FALSE(cpu("vmx fpu svm_lock").svm);
  EXPECT_FALSE(cpu("fpu").hypervisor);
}

TEST_F(RecordHost, FilesLoseTheirNewlineAndFoldersAreSorted) {
  put(kCpusOnline, "0-3\n");
  put(kCpusIsolated, "2-3\n");
  put("/sys/devices/system/cpu/cpu2/topology/thread_siblings_list", "2\n");
  put(kNodesOnline, "0-1\n");
  put("/sys/devices/system/node/node1/hugepages/hugepages-2048kB/free_hugepages", "7\n");
  put(std::string(kIommuGroups) + "/10/x", "");
  put(std::string(kIommuGroups) + "/9/x", "");
  put(std::string(kIommuUnits) + "/dmar0/intel-iommu/cap", "8d2078c106f0466\n");
  const Recording recording = record();
  EXPECT_EQ(recording.text(kCpusOnline), "0-3");
  EXPECT_EQ(recording.names(kIommuGroups), (std::vector<std::string>{"10", "9"}));
  const Capabilities host = read_capabilities(recording);
  EXPECT_EQ(host.isolation.isolated, (CpuList{2, 3}));
  EXPECT_EQ(host.isolation.siblings.at(2), CpuList{2});
  EXPECT_EQ(host.memory.pages_2m.free_on_nodes.back(), std::pair(1U, std::uint64_t{7}));
  EXPECT_EQ(host.iommu.groups, 2U);
  EXPECT_EQ(host.iommu.posting, true);
}

TEST_F(RecordHost, ForbiddenKvmIsRecordedAsForbidden) {
  put(kKvmDevice, "");
  std::filesystem::permissions(root(), std::filesystem::perms(0755));
  std::filesystem::permissions(root() + kKvmDevice, std::filesystem::perms::none);
  // Root may open everything, so be somebody else for the check.
  const uid_t user = ::geteuid();
  ASSERT_EQ(::seteuid(user == 0 ? kNobody : user), 0);
  const Recording recording = record();
  ASSERT_EQ(::seteuid(user), 0);
  EXPECT_EQ(recording.answer(kKvmOpen), -EACCES);
}

TEST_F(RecordHost, FileInPlaceOfKvmIsRecordedAsNone) {
  put(kKvmDevice, "");
  EXPECT_EQ(record().answer(kKvmOpen), 0);
  EXPECT_EQ(record().answer(kKvmVersion), -ENOTTY);
}

TEST_F(RecordHost, HugeAndEndlessFilesAreCut) {
  put(kRelease, std::string(1U << 20U, 'x'));
  EXPECT_EQ(record().text(kRelease)->size(), 64U << 10U);
}

TEST(RecordThisHost, SaysAtLeastWhatProcTells) {
  const Recording recording = record_host("");
  EXPECT_TRUE(recording.text(kRelease).has_value());
  EXPECT_TRUE(read_capabilities(recording).kernel_version.has_value());
  if (::access(kKvmDevice, R_OK | W_OK) == 0) {
    EXPECT_EQ(recording.answer(kKvmVersion), 12);
    EXPECT_EQ(recording.answer(kKvmCreateVm), 0);
  }
  EXPECT_EQ(parse_recording("this", to_json(recording)), recording);
}

}  // namespace
}  // namespace mayfly::doctor
