// SPDX-License-Identifier: Apache-2.0
// The advice for the recorded hosts: what is on, what is off and how it is turned on.
#include <filesystem>
#include <set>

#include "doctor/hosts_fixture.hpp"

namespace mayfly::doctor {
namespace {

TEST(RecordedHosts, IceLakeAsInstalledLacksWhatMustBeTurnedOn) {
  const Recording host = recorded("ice-lake");
  EXPECT_TRUE(run_works(host));
  expect_advice(host, {{"run.cpu", Level::kOk, "Intel VMX, Intel(R) Xeon(R) Platinum 8380", ""},
                       {"run.bare-metal", Level::kOk, "no hypervisor", ""},
                       {"kvm.ept-npt", Level::kOk, "on", ""},
                       {"kvm.ept-npt-1g", Level::kOk, "there", ""},
                       {"kvm.unrestricted-guest", Level::kOk, "on", ""},
                       {"kvm.tdp-mmu", Level::kOk, "on", ""},
                       {"kvm.pml", Level::kOk, "on", ""},
                       {"kvm.no-nx-huge-pages", Level::kOk, "stay whole", ""},
                       {"kvm.pre-fault", Level::kNone, "not in this kernel", "6.11"},
                       {"kvm.slot-zap-quirk", Level::kNone, "not in this kernel", "6.12"},
                       {"kvm.disable-exits", Level::kOk, "HLT, PAUSE, MWAIT", ""},
                       {"memory.pages-2m", Level::kHint, "--pages 2m does not work", "echo 256 | sudo tee"},
                       {"memory.pages-1g", Level::kHint, "--pages 1g does not work", "echo 1 | sudo tee"},
                       {"memory.thp", Level::kOk, "madvise", ""},
                       {"memory.memlock", Level::kHint, "8 MiB", "ulimit -l"},
                       {"numa.nodes", Level::kHint, "2 nodes", "numactl"},
                       {"numa.no-balancing", Level::kHint, "off", "numa_balancing=0"},
                       {"iommu.translation", Level::kHint, "no IOMMU in use", "intel_iommu=on"},
                       {"vfio.type1", Level::kHint, "no VFIO", "modprobe vfio-pci"},
                       {"interrupts.virtual-apic", Level::kOk, "on", ""},
                       {"interrupts.virtual-ipi", Level::kNone, "not in this processor", ""},
                       {"timers.preemption-timer", Level::kOk, "on", ""},
                       {"timers.posted-timer", Level::kHint, "off", "nohz_full"},
                       {"timers.timer-advance", Level::kOk, "on", ""},
                       {"isolation.isolated-cpus", Level::kHint, "none", "isolcpus"},
                       {"isolation.dedicated", Level::kHint, "no CPU is isolated", "isolated-cpus"},
                       {"isolation.no-smt", Level::kHint, "SMT is on", "smt/control"},
                       {"isolation.mitigations", Level::kOk, "all known", ""}});
}

TEST(RecordedHosts, SapphireRapidsSetUpWholeHasAllOfItOn) {
  const Recording host = recorded("sapphire-rapids");
  EXPECT_TRUE(run_works(host));
  expect_advice(
      host, {{"kvm.pre-fault", Level::kOk, "there", ""},
             {"kvm.slot-zap-quirk", Level::kOk, "can be turned off", ""},
             {"memory.pages-2m", Level::kOk, "4064 of 4096 free (node 0: 2048, node 1: 2016)", ""},
             {"memory.pages-1g", Level::kOk, "248 of 256 free", ""},
             {"memory.memlock", Level::kOk, "no limit", ""},
             {"iommu.translation", Level::kOk, "96 IOMMU groups", ""},
             {"iommu.interrupt-remapping", Level::kOk, "on", ""},
             {"iommu.interrupt-posting", Level::kOk, "in use", ""},
             {"iommu.large-pages", Level::kOk, "2 MiB and 1 GiB", ""},
             {"vfio.type1", Level::kOk, "native", ""},
             {"vfio.dma-entry-limit", Level::kOk, "65535", ""},
             {"vfio.safe-interrupts", Level::kOk, "on", ""},
             {"vfio.no-idle-d3", Level::kOk, "on", ""},
             {"interrupts.virtual-ipi", Level::kOk, "on", ""},
             {"timers.posted-timer", Level::kOk, "--dedicated", ""},
             {"timers.synthetic-timers", Level::kOk, "given to guests", ""},
             {"network.taps", Level::kOk, "/dev/net/tun is there", ""},
             {"network.user", Level::kOk, "installed", ""},
             {"isolation.isolated-cpus", Level::kOk, "8-55", ""},
             {"isolation.nohz-full", Level::kOk, "8-55", ""},
             {"isolation.dedicated", Level::kOk, "48 vCPUs", ""},
             {"isolation.no-smt", Level::kOk, "off", ""},
             {"isolation.cgroup", Level::kHint, "session-3.scope is not mayfly's user's", "Delegate=yes"}});
}

TEST(RecordedHosts, Zen3HasAvicOffAndUnsafeInterruptsOn) {
  const Recording host = recorded("zen3");
  EXPECT_TRUE(run_works(host));
  expect_advice(host, {{"run.cpu", Level::kOk, "AMD SVM, AMD EPYC 7763", ""},
                       {"kvm.ept-npt", Level::kOk, "on", ""},
                       {"interrupts.virtual-apic", Level::kHint, "off", "kvm_amd avic=1"},
                       {"interrupts.virtual-ipi", Level::kNone, "x2AVIC is not in this processor", ""},
                       {"iommu.interrupt-posting", Level::kHint, "needs APICv or AVIC", "virtual-apic"},
                       {"iommu.large-pages", Level::kOk, "1 GiB", ""},
                       {"vfio.safe-interrupts", Level::kWarn, "attack the host", "echo N"},
                       {"vfio.no-idle-d3", Level::kHint, "off", "disable_idle_d3=1"},
                       {"timers.posted-timer", Level::kNone, "needs APICv or AVIC", ""},
                       {"isolation.mitigations", Level::kWarn, "spec_rstack_overflow", "microcode"}});
  const std::string text = to_text(advise(read_capabilities(host)));
  EXPECT_EQ(text.find("kvm_intel"), std::string::npos) << text;
  EXPECT_EQ(text.find("preemption-timer"), std::string::npos) << "AMD has none";
}

TEST(RecordedHosts, Zen5OnANewKernelGoesByIommufd) {
  const Recording host = recorded("zen5");
  EXPECT_TRUE(run_works(host));
  expect_advice(host,
                {{"interrupts.virtual-apic", Level::kOk, "on", ""},
                 {"interrupts.virtual-ipi", Level::kOk, "on", ""},
                 {"iommu.interrupt-posting", Level::kOk, "in use", ""},
                 {"vfio.type1", Level::kNone, "compatibility layer: mayfly takes iommufd", ""},
                 {"vfio.iommufd", Level::kOk, "/dev/iommu", ""},
                 {"vfio.cdev", Level::kOk, "/dev/vfio/devices", ""},
                 {"memory.pages-1g", Level::kOk, "64 of 64 free (node 0: 0, node 1: 64)", ""},
                 {"isolation.isolated-cpus", Level::kHint, "other hyper-thread of 4-7 is not", "whole cores"},
                 {"isolation.dedicated", Level::kOk, "4 vCPUs", ""},
                 {"isolation.cgroup", Level::kOk, "has cpuset cpu io memory hugetlb pids rdma misc", ""}});
}

TEST(RecordedHosts, NestedGuestRunsAtAPrice) {
  const Recording host = recorded("nested-guest");
  EXPECT_TRUE(run_works(host));
  expect_advice(host,
                {{"run.cpu", Level::kOk, "Intel VMX", ""},
                 {"run.bare-metal", Level::kNone, "virtual machine itself (QEMU Standard PC", ""},
                 {"kvm.disable-exits", Level::kOk, "HLT, PAUSE, used", ""},
                 {"iommu.translation", Level::kNone, "no IOMMU in use", "-device intel-iommu"},
                 {"interrupts.virtual-apic", Level::kNone, "hidden by the hypervisor below", ""},
                 {"timers.preemption-timer", Level::kNone, "hidden by the hypervisor below", ""},
                 {"timers.tsc", Level::kNone, "kvm-clock", "clocksource=tsc"},
                 {"timers.synthetic-timers", Level::kNone, "not in this kernel's KVM", "CONFIG_KVM_HYPERV"},
                 {"isolation.mitigations", Level::kWarn, "mmio_stale_data", "microcode"}});
}

TEST(RecordedHosts, CloudVmWithoutVmxCannotRun) {
  const Recording host = recorded("cloud-vm");
  EXPECT_FALSE(run_works(host));
  expect_advice(host,
                {{"run.cpu", Level::kFail, "Amazon EC2 m5.large) without nested virtualization", ".metal"},
                 {"run.kvm", Level::kFail, "there is no /dev/kvm", "see the line above"},
                 {"run.kvm-needs", Level::kNone, "cannot be asked", ""},
                 {"kvm.ept-npt", Level::kNone, "not told", ""},
                 {"kvm.pre-fault", Level::kNone, "cannot be asked", ""},
                 {"isolation.mitigations", Level::kWarn, "mds, mmio_stale_data, retbleed", "microcode"}});
}

TEST(RecordedHosts, ContainerIsToldToTakeTheDevice) {
  const Recording host = recorded("container");
  EXPECT_FALSE(run_works(host));
  expect_advice(host, {{"run.cpu", Level::kOk, "AMD SVM", ""},
                       {"run.kvm", Level::kFail, "the kernel has KVM, but there is no /dev/kvm here",
                        "docker run --device /dev/kvm"},
                       {"kvm.ept-npt", Level::kOk, "on", ""},
                       {"memory.pages-2m", Level::kOk, "1024 of 1024 free", ""},
                       {"network.taps", Level::kHint, "no /dev/net/tun", "--device /dev/net/tun"},
                       {"network.user", Level::kHint, "no /usr/bin/passt", "apt-get install passt"},
                       {"isolation.cgroup", Level::kHint, "no cgroup v2", "unified_cgroup_hierarchy"}});
}

TEST(RecordedHosts, EveryFindingSaysWhatItGainsByWhom) {
  std::size_t hosts = 0;
  for (const auto& entry : std::filesystem::directory_iterator(MAYFLY_RECORDED_HOSTS)) {
    if (entry.path().extension() != ".json") {
      continue;
    }
    ++hosts;
    std::set<std::string> names;
    for (const Finding& finding : advise(read_capabilities(recorded(entry.path().stem())))) {
      const std::string name =
          std::string(finding.mechanism.area) + "." + std::string(finding.mechanism.name);
      EXPECT_TRUE(names.insert(name).second) << "two findings of " << name;
      EXPECT_FALSE(finding.what.empty() || finding.mechanism.gain.empty() || finding.mechanism.source.empty())
          << name;
      EXPECT_FALSE(finding.mend.empty() && (finding.level == Level::kHint || finding.level >= Level::kWarn))
          << name;
      EXPECT_TRUE(finding.mend.empty() || finding.level != Level::kOk) << name;
    }
  }
  EXPECT_EQ(hosts, 7U);
}

TEST(RecordedHosts, AreWrittenAsTheyWereRead) {
  for (const auto& entry : std::filesystem::directory_iterator(MAYFLY_RECORDED_HOSTS)) {
    if (entry.path().extension() == ".json") {
      const Recording host = recorded(entry.path().stem());
      EXPECT_EQ(parse_recording("again", to_json(host)), host) << entry.path();
    }
  }
}

}  // namespace
}  // namespace mayfly::doctor
