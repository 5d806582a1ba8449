// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot_samples.hpp"

#include <gtest/gtest.h>

namespace mayfly::vmm {
namespace {

TEST(BootSamples, SumIsThatOfEachReasonUnderItsName) {
  ExitCounts counts;
  const std::pair<std::string_view, Counter*> reasons[] = {{"port_out", &counts.port_out},
                                                           {"port_in", &counts.port_in},
                                                           {"pci_config", &counts.pci_config},
                                                           {"boot_mark", &counts.boot_mark},
                                                           {"mmio_read", &counts.mmio_read},
                                                           {"mmio_write", &counts.mmio_write},
                                                           {"hypercall", &counts.hypercall},
                                                           {"interrupted", &counts.interrupted},
                                                           {"other", &counts.other}};
  std::uint64_t number = 0;
  for (const auto& [name, counter] : reasons) {
    *counter += ++number;
  }
  counts += counts;
  for (std::size_t i = 0; i < std::size(reasons); ++i) {
    EXPECT_EQ(ExitCounts::kNames[i], reasons[i].first);
    EXPECT_EQ(counts.values()[i], 2 * (i + 1)) << reasons[i].first;
  }
}

TEST(BootSamples, FloodKeepsTheFirstAndNoMore) {
  const Vcpus none;
  BootSamples samples(-1, none);
  for (std::uint64_t at = 1; at <= 1000; ++at) {
    samples.on_mark(at);
  }
  const std::vector<boot::Sample> kept = samples.of_marks();
  ASSERT_EQ(kept.size(), boot::BootTimeline::kPortMarksMax);
  EXPECT_EQ(kept.front().at_ns, 1U);
  EXPECT_EQ(kept.back().at_ns, kept.size());
}

TEST(BootSamples, HostWithoutStatisticsLeavesItsCountsOpen) {
  const Vcpus none;
  const boot::Sample sample = BootSamples(-1, none).now(7);
  EXPECT_EQ(sample.bytes_mapped, std::nullopt);
  EXPECT_EQ(sample.kvm_exits, std::nullopt);
}

}  // namespace
}  // namespace mayfly::vmm
