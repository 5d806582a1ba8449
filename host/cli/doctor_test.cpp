// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

namespace mayfly::cli {
namespace {

constexpr const char* kHuge = "/sys/kernel/mm/hugepages/hugepages-2048kB";
constexpr uid_t kNobody = 65534;
constexpr const char* kThp = "/sys/kernel/mm/transparent_hugepage";

class Doctor : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "mayfly-doctor-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void put(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text << '\n';
  }
  void put_flags(const std::string& flags) const {
    put("/proc/cpuinfo", "processor\t: 0\nmodel name\t: vmx\nflags\t\t: " + flags + "\nvmx flags\t: svm\n");
  }
  [[nodiscard]] HostView host() const { return HostView(root_); }

  std::string root_;
};

bool says(const Finding& finding, std::string_view what, std::string_view mend) {
  return finding.what.find(what) != std::string::npos && finding.mend.find(mend) != std::string::npos;
}

TEST_F(Doctor, CpuFlagsAreWholeWordsOfTheFlagsLine) {
  put_flags("fpu svm hypervisor");
  CpuFlags flags = read_cpu_flags(host());
  EXPECT_TRUE(flags.svm && flags.hypervisor && !flags.vmx);
  put_flags("vmx fpu svm_lock");
  flags = read_cpu_flags(host());
  EXPECT_TRUE(flags.vmx && !flags.svm && !flags.hypervisor);
  put_flags("fpu");
  flags = read_cpu_flags(host());
  EXPECT_FALSE(flags.vmx || flags.svm || flags.hypervisor);
}

TEST_F(Doctor, CpuWithoutVirtualizationPointsToTheLab) {
  EXPECT_EQ(check_cpu({true, false, false}).level, Level::kOk);
  EXPECT_EQ(check_cpu({false, true, true}).level, Level::kOk);
  const Finding bare = check_cpu({false, false, false});
  EXPECT_EQ(bare.level, Level::kFail);
  EXPECT_TRUE(says(bare, "neither VMX nor SVM", "firmware"));
  const Finding nested = check_cpu({false, false, true});
  EXPECT_EQ(nested.level, Level::kFail);
  EXPECT_TRUE(says(nested, "virtual machine", "ci/lab/lab"));
}

TEST_F(Doctor, MissingKvmNamesTheModule) {
  Finding finding = check_kvm(host(), {true, false, false});
  EXPECT_EQ(finding.level, Level::kFail);
  EXPECT_TRUE(says(finding, "no /dev/kvm", "modprobe kvm_intel"));
  finding = check_kvm(host(), {false, true, false});
  EXPECT_TRUE(says(finding, "no /dev/kvm", "modprobe kvm_amd"));
}

TEST_F(Doctor, ForbiddenKvmNamesTheGroup) {
  put("/dev/kvm", "");
  std::filesystem::permissions(root_ + "/dev/kvm", std::filesystem::perms::none);
  // Root may open everything, so be somebody else for the check.
  const uid_t user = ::geteuid();
  ASSERT_EQ(::seteuid(user == 0 ? kNobody : user), 0);
  const Finding finding = check_kvm(host(), {true, false, false});
  ASSERT_EQ(::seteuid(user), 0);
  EXPECT_EQ(finding.level, Level::kFail);
  EXPECT_TRUE(says(finding, "Permission denied", "usermod -aG kvm"));
}

TEST_F(Doctor, FileInPlaceOfKvmIsFound) {
  put("/dev/kvm", "");
  const Finding finding = check_kvm(host(), {true, false, false});
  EXPECT_EQ(finding.level, Level::kFail);
  EXPECT_TRUE(says(finding, "not the KVM device", "modprobe kvm_intel"));
}

TEST_F(Doctor, KvmOfThisHostIsUsable) {
  if (::access("/dev/kvm", R_OK | W_OK) != 0) {
    GTEST_SKIP() << "no /dev/kvm here";
  }
  EXPECT_EQ(check_kvm(HostView(""), {}).level, Level::kOk);
}

TEST_F(Doctor, OldHostKernelIsAWarning) {
  const std::pair<const char*, Level> table[] = {
      {"6.1.0-32-amd64", Level::kOk}, {"6.12.1", Level::kOk},           {"7.0", Level::kOk},
      {"6.0.9", Level::kWarn},        {"5.10.0-8-amd64", Level::kWarn}, {"strange", Level::kWarn}};
  for (const auto& [release, level] : table) {
    put("/proc/sys/kernel/osrelease", release);
    EXPECT_EQ(check_host_kernel(host()).level, level) << release;
  }
}

TEST_F(Doctor, HugePagesAreCounted) {
  put(std::string(kHuge) + "/nr_hugepages", "300");
  put(std::string(kHuge) + "/free_hugepages", "44");
  const Finding finding = check_huge_pages(host(), "pages-2m", "2048kB");
  EXPECT_EQ(finding.level, Level::kOk);
  EXPECT_EQ(finding.what, "44 of 300 free");
}

TEST_F(Doctor, ReservingHugePagesIsSpelledOut) {
  put(std::string(kHuge) + "/nr_hugepages", "0");
  put(std::string(kHuge) + "/free_hugepages", "0");
  const Finding finding = check_huge_pages(host(), "pages-2m", "2048kB");
  EXPECT_EQ(finding.level, Level::kWarn);
  EXPECT_TRUE(says(finding, "--pages 2m",
                   "echo 256 | sudo tee /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"));
  EXPECT_EQ(check_huge_pages(host(), "pages-1g", "1048576kB").level, Level::kWarn);
}

TEST_F(Doctor, TransparentPagesDependOnSharedMemory) {
  put(std::string(kThp) + "/enabled", "always [madvise] never");
  put(std::string(kThp) + "/shmem_enabled", "always within_size [advise] never deny force");
  EXPECT_EQ(check_transparent_pages(host()).level, Level::kOk);
  put(std::string(kThp) + "/shmem_enabled", "always within_size advise [never] deny force");
  const Finding finding = check_transparent_pages(host());
  EXPECT_EQ(finding.level, Level::kWarn);
  EXPECT_TRUE(says(finding, "shmem_enabled is never", "shmem_enabled"));
}

TEST_F(Doctor, LockedMemoryLimitIsRead) {
  const std::string line = "Max locked memory         ";
  put("/proc/self/limits",
      "Limit\nMax processes  1 2 processes\n" + line + "8388608              8388608     bytes");
  const Finding limited = check_locked_memory(host());
  EXPECT_EQ(limited.level, Level::kWarn);
  EXPECT_TRUE(says(limited, "8 MiB", "ulimit -l"));
  put("/proc/self/limits", line + "unlimited            unlimited            bytes");
  EXPECT_EQ(check_locked_memory(host()).level, Level::kOk);
}

TEST_F(Doctor, PassthroughNeedsIommuAndVfio) {
  EXPECT_TRUE(says(check_passthrough(host()), "no IOMMU", "intel_iommu=on"));
  std::filesystem::create_directories(root_ + "/sys/kernel/iommu_groups/0");
  std::filesystem::create_directories(root_ + "/sys/kernel/iommu_groups/1");
  EXPECT_TRUE(says(check_passthrough(host()), "2 IOMMU groups", "modprobe vfio-pci"));
  put("/dev/vfio/vfio", "");
  EXPECT_EQ(check_passthrough(host()).level, Level::kOk);
}

TEST_F(Doctor, EmptyHostDoesNotCrash) {
  const std::vector<Finding> findings = check_host(host());
  EXPECT_EQ(findings.size(), 8U);
  EXPECT_FALSE(can_run(findings));
}

TEST(DoctorText, EveryLineSaysWhatToDo) {
  const std::vector<Finding> findings{{Level::kOk, "cpu", "Intel VMX"},
                                      {Level::kWarn, "memlock", "low", "raise it"}};
  EXPECT_EQ(to_text(findings), "ok    cpu          Intel VMX\nwarn  memlock      low — raise it\n");
  EXPECT_TRUE(can_run(findings));
  EXPECT_FALSE(can_run(std::vector<Finding>{{Level::kFail, "kvm", "none", "make one"}}));
}

}  // namespace
}  // namespace mayfly::cli
