// SPDX-License-Identifier: Apache-2.0
// What one fact changes in the advice for a recorded host.
#include "doctor/advise.hpp"

#include <cerrno>

#include <nlohmann/json.hpp>

#include "doctor/hosts_fixture.hpp"
#include "doctor/kvm_questions.hpp"
#include "doctor/paths.hpp"

namespace mayfly::doctor {
namespace {

const std::string kIntel = kKvmIntelParameters;
const std::string kCommon = kKvmParameters;

TEST(Advice, KvmThatCannotBeOpenedNamesTheMend) {
  struct Case {
    std::int64_t open;
    bool module;
    bool container;
    std::string_view what;
    std::string_view mend;
  };
  for (const auto& [open, module, container, what, mend] :
       {Case{-EACCES, true, false, "Permission denied", "usermod -aG kvm"},
        Case{-EPERM, true, false, "not permitted", "usermod -aG kvm"},
        Case{-EPERM, true, true, "not permitted", "--device /dev/kvm"},
        Case{-ENOENT, false, false, "there is no /dev/kvm", "modprobe kvm_intel"},
        Case{-ENODEV, false, false, "No such device", "modprobe kvm_intel"},
        Case{-ENOENT, true, false, "the kernel has KVM", "--device /dev/kvm"},
        Case{-EMFILE, true, false, "open files", "dmesg"}}) {
    Recording host = recorded("ice-lake");
    host.answers[kKvmOpen] = open;
    host.answers["/sys/module/kvm_intel"] = module ? 0 : -ENOENT;
    host.answers["/.dockerenv"] = container ? 0 : -ENOENT;
    expect_advice(host, {{"run.kvm", Level::kFail, what, mend}});
    EXPECT_FALSE(run_works(host));
  }
}

TEST(Advice, KvmThatIsNoneOrBusyIsFound) {
  Recording host = recorded("ice-lake");
  host.answers[kKvmVersion] = -ENOTTY;
  expect_advice(host, {{"run.kvm", Level::kFail, "not the KVM device", "rm /dev/kvm"}});
  host.answers[kKvmVersion] = 11;
  expect_advice(host, {{"run.kvm", Level::kFail, "API version 11", "this century"}});
  host.answers[kKvmVersion] = 12;
  host.answers[kKvmCreateVm] = -EBUSY;
  expect_advice(host, {{"run.kvm", Level::kFail, "busy", "VirtualBox"}});
}

TEST(Advice, WhatMayflyNeedsOfKvmDecides) {
  Recording host = recorded("zen3");
  host.answers["KVM_CAP_SPLIT_IRQCHIP"] = 0;
  host.answers["KVM_CAP_READONLY_MEM"] = 0;
  expect_advice(host,
                {{"run.kvm-needs", Level::kFail, "KVM_CAP_SPLIT_IRQCHIP, KVM_CAP_READONLY_MEM", "boot"}});
  EXPECT_FALSE(run_works(host));
}

TEST(Advice, CpuWithoutVirtualizationPointsToWhereItIsTurnedOn) {
  struct Case {
    const char* vendor;
    std::array<std::uint32_t, 4> signature;
    std::string_view mend;
  };
  for (const auto& [vendor, signature, mend] :
       {Case{"Google", {}, "--enable-nested-virtualization"}, Case{"Microsoft Corporation", {}, "size"},
        Case{"", {0, 0x61774d56, 0x4d566572, 0x65726177}, "vhv.enable"},
        Case{"", {0, 0x4b4d564b, 0x564b4d56, 0x4d}, "nested=1"}, Case{"", {}, "ci/lab/lab"}}) {
    Recording host = recorded("cloud-vm");
    host.files[kMachineVendor] = vendor;
    host.files[kMachineProduct] = "";
    host.cpuid[kLeafHypervisor] = signature;
    expect_advice(host, {{"run.cpu", Level::kFail, "virtual machine", mend}});
  }
  Recording host = recorded("cloud-vm");
  host.files[kCpuInfo] = "vendor_id\t: GenuineIntel\nflags\t\t: fpu vmx_lock\nvmx flags\t: svm";
  expect_advice(host, {{"run.cpu", Level::kFail, "neither VMX nor SVM", "firmware"}});
}

TEST(Advice, OldHostKernelIsAWarning) {
  const std::pair<const char*, Level> table[] = {
      {"6.1.0-32-amd64", Level::kOk}, {"6.12.1", Level::kOk},           {"7.0", Level::kOk},
      {"6.0.9", Level::kWarn},        {"5.10.0-8-amd64", Level::kWarn}, {"strange", Level::kWarn}};
  for (const auto& [release, level] : table) {
    Recording host = recorded("ice-lake");
    host.files[kRelease] = release;
    EXPECT_EQ(finding_of(host, "run.kernel").level, level) << release;
    EXPECT_TRUE(run_works(host));
  }
}

TEST(Advice, ModulesThatAreOffAreTurnedOn) {
  Recording host = recorded("sapphire-rapids");
  host.files[kIntel + "ept"] = "N";
  host.files[kIntel + "enable_apicv"] = "N";
  host.files[kIntel + "enable_ipiv"] = "N";
  host.files[kIntel + "preemption_timer"] = "N";
  host.files[kIntel + "pml"] = "N";
  host.files[kCommon + "tdp_mmu"] = "N";
  host.files[kCommon + "eager_page_split"] = "N";
  host.files[kCommon + "lapic_timer_advance"] = "N";
  host.files[kCommon + "halt_poll_ns"] = "0";
  expect_advice(host, {{"kvm.ept-npt", Level::kWarn, "off", "kvm_intel ept=1"},
                       {"kvm.tdp-mmu", Level::kHint, "off", "tdp_mmu=1"},
                       {"kvm.pml", Level::kHint, "off", "pml=1"},
                       {"kvm.eager-page-split", Level::kHint, "off", "echo Y"},
                       {"interrupts.virtual-apic", Level::kHint, "off", "enable_apicv=1"},
                       {"interrupts.virtual-ipi", Level::kHint, "off", "enable_ipiv=1"},
                       {"iommu.interrupt-posting", Level::kHint, "needs APICv", "virtual-apic"},
                       {"timers.preemption-timer", Level::kHint, "off", "preemption_timer=1"},
                       {"timers.posted-timer", Level::kNone, "needs APICv", ""},
                       {"timers.timer-advance", Level::kHint, "off", "lapic_timer_advance=1"},
                       {"timers.halt-poll", Level::kHint, "off", "echo 200000"}});
  EXPECT_TRUE(run_works(host));
}

TEST(Advice, SplitHugePagesAreNeededOnSomeProcessorsOnly) {
  Recording host = recorded("ice-lake");
  host.files[kCommon + "nx_huge_pages"] = "Y";
  expect_advice(host, {{"kvm.no-nx-huge-pages", Level::kHint, "needs no such care", "echo N"}});
  host.files[kCpuInfo] = host.files[kCpuInfo] + "\nbugs\t\t: itlb_multihit";
  host.files[kCpuInfo].replace(host.files[kCpuInfo].find("bugs"), 4, "gone");
  expect_advice(host, {{"kvm.no-nx-huge-pages", Level::kNone, "iTLB multihit", ""}});
  host.files[kCommon + "nx_huge_pages"] = "never";
  expect_advice(host, {{"kvm.no-nx-huge-pages", Level::kOk, "stay whole", ""}});
}

TEST(Advice, HaltExitsThatMustStayAreExplained) {
  Recording host = recorded("zen3");
  host.answers["KVM_CAP_X86_DISABLE_EXITS"] = 4;
  expect_advice(host, {{"kvm.disable-exits", Level::kNone, "only PAUSE", ""}});
  host.files[kCommon + "mitigate_smt_rsb"] = "Y";
  expect_advice(host, {{"kvm.disable-exits", Level::kHint, "mitigate_smt_rsb", "mitigate_smt_rsb=0"}});
  host = recorded("sapphire-rapids");
  host.answers["KVM_CAP_X86_DISABLE_EXITS"] = 4;
  expect_advice(host, {{"isolation.dedicated", Level::kHint, "leaves HLT to the guest", "disable-exits"}});
}

TEST(Advice, WhatTheSandboxIsMadeOfIsTold) {
  Recording host = recorded("zen3");
  expect_advice(host, {{"isolation.seccomp", Level::kNone, "not told", ""},
                       {"isolation.landlock", Level::kNone, "not told", ""},
                       {"isolation.user-namespaces", Level::kNone, "not told", ""}});
  host.files[kSeccompActions] = "kill_process kill_thread trap errno user_notif trace log allow";
  host.files[kSecurityModules] = "lockdown,capability,landlock,yama,apparmor";
  host.files[kUserNamespacesMax] = "63432";
  expect_advice(host, {{"isolation.seccomp", Level::kOk, "kills itself", ""},
                       {"isolation.landlock", Level::kOk, "takes all files", ""},
                       {"isolation.user-namespaces", Level::kOk, "as root's", ""}});
  host.files[kSeccompActions] = "kill trap errno trace allow";
  host.files[kSecurityModules] = "capability,yama";
  host.files[kUserNamespacesOfProfiles] = "1";
  expect_advice(host, {{"isolation.seccomp", Level::kHint, "before 4.14", "--sandbox off"},
                       {"isolation.landlock", Level::kHint, "goes on without", "lsm=landlock"},
                       {"isolation.user-namespaces", Level::kHint, "only root's", "apparmor_restrict"}});
  host.files[kUserNamespacesOfProfiles] = "0";
  host.files[kUserNamespacesForUsers] = "0";
  expect_advice(host,
                {{"isolation.user-namespaces", Level::kHint, "only root's", "unprivileged_userns_clone"}});
}

TEST(Advice, NetworksOfTheHostNeedItsModules) {
  Recording host = recorded("sapphire-rapids");
  host.answers[kTapDevice] = 0;
  host.answers[kVhostNet] = 0;
  expect_advice(
      host, {{"network.taps", Level::kOk, "is there", ""}, {"network.vhost", Level::kOk, "is there", ""}});
  host.answers[kTapDevice] = -2;
  host.answers[kVhostNet] = -2;
  expect_advice(host, {{"network.taps", Level::kHint, "no /dev/net/tun", "modprobe tun"},
                       {"network.vhost", Level::kHint, "no /dev/vhost-net", "modprobe vhost_net"}});
}

TEST(Advice, NetworksOfUsersNeedWhatPasstNeeds) {
  Recording host = recorded("sapphire-rapids");
  host.answers[kPasst] = -2;
  expect_advice(host, {{"network.user", Level::kHint, "no /usr/bin/passt", "apt-get install passt"}});
  host.answers[kPasst] = 0;
  host.files["/proc/sys/user/max_user_namespaces"] = "0";
  expect_advice(host, {{"network.user", Level::kHint, "for root alone", "isolation.user-namespaces"}});
  host.answers.erase(kPasst);
  host.answers.erase(kTapDevice);
  host.answers.erase(kVhostNet);
  expect_advice(host, {{"network.user", Level::kNone, "not recorded", ""},
                       {"network.taps", Level::kNone, "not recorded", ""},
                       {"network.vhost", Level::kNone, "not recorded", ""}});
}

TEST(Advice, UnsafeModesAreWarnings) {
  Recording host = recorded("sapphire-rapids");
  host.files["/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"] = "Y";
  host.files[kIrqChips[2]] = "IO-APIC";
  host.files[kType1Parameters + std::string("disable_hugepages")] = "Y";
  host.files[kType1Parameters + std::string("dma_entry_limit")] = "512";
  host.answers[kVfioOpen] = -EACCES;
  host.files["/sys/class/iommu/dmar1/intel-iommu/cap"] = "8d207f0106f0466";
  expect_advice(host, {{"vfio.no-noiommu", Level::kWarn, "enable_unsafe_noiommu_mode", "echo N"},
                       {"iommu.interrupt-remapping", Level::kWarn, "VFIO refuses", "intremap=off"},
                       {"iommu.large-pages", Level::kNone, "only 4 KiB", ""},
                       {"vfio.large-pages", Level::kHint, "off", "disable_hugepages"},
                       {"vfio.dma-entry-limit", Level::kHint, "512 entries", "echo 65535"},
                       {"vfio.type1", Level::kHint, "Permission denied", "root"}});
}

TEST(Advice, MemoryThatCannotBePromisedIsSaid) {
  Recording host = recorded("ice-lake");
  host.files[kOvercommit] = "2";
  host.files[kThpEnabled] = "always madvise [never]";
  host.files.erase("/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages");
  host.files.erase(kThpShmem);
  host.files.erase(kLimits);
  expect_advice(host, {{"memory.overcommit", Level::kHint, "must be free", "overcommit_memory=0"},
                       {"memory.thp", Level::kHint, "never", "echo madvise"},
                       {"memory.thp-shmem", Level::kNone, "not in this kernel", ""},
                       {"memory.pages-1g", Level::kNone, "no huge pages of this size", "pdpe1gb"},
                       {"memory.memlock", Level::kWarn, "cannot tell", "/proc"}});
}

TEST(Advice, EmptyRecordingIsAHostThatCannotRun) {
  const std::vector<Finding> findings = advise(read_capabilities({}));
  EXPECT_GT(findings.size(), 40U);
  EXPECT_FALSE(can_run(findings));
}

TEST(Advice, NonsenseInFilesIsTakenAsNotTold) {
  Recording host = recorded("ice-lake");
  for (auto& [path, text] : host.files) {
    text = "\xff[]:\n : -,99999999999999999999 Max locked memory";
  }
  EXPECT_FALSE(run_works(host));
}

TEST(FindingText, EveryLineSaysWhatToDoAndWhy) {
  constexpr Mechanism kOne{"kvm", "one", "speed", "a book"};
  const std::vector<Finding> findings{is_on(kOne), is_off(kOne, "off", "turn it on"),
                                      is_absent(kOne, "absent")};
  EXPECT_EQ(to_text(findings),
            "ok    kvm.one                    on\n"
            "hint  kvm.one                    off — turn it on — gain: speed [a book]\n"
            "none  kvm.one                    absent — gain: speed [a book]\n");
  EXPECT_TRUE(can_run(findings));
  EXPECT_FALSE(can_run(std::vector<Finding>{failure(kOne, "none", "make one")}));
}

TEST(FindingText, JsonHasAllOfAFinding) {
  constexpr Mechanism kOne{"kvm", "one", "speed", "a book"};
  const auto json = nlohmann::json::parse(to_json(
      std::vector<Finding>{is_on(kOne), is_unknown(kOne, "not told"), failure(kOne, "none", "make one")}));
  EXPECT_EQ(json["run_works"], false);
  EXPECT_EQ(json["findings"].size(), 3U);
  EXPECT_EQ(json["findings"][0]["on"], true);
  EXPECT_EQ(json["findings"][0]["gain"], "speed");
  EXPECT_EQ(json["findings"][1]["present"], nullptr);
  EXPECT_EQ(
      json["findings"][2],
      nlohmann::json::parse(R"({"area": "kvm", "name": "one", "level": "fail", "present": null, "on": false,
              "what": "none", "mend": "make one", "gain": "speed", "source": "a book"})"));
}

}  // namespace
}  // namespace mayfly::doctor
