// SPDX-License-Identifier: Apache-2.0
// The real plan in guests that no test machine has room for: what a guest waits for does not grow with its
// memory.
#include "testing/dma_simulation.hpp"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

namespace mayfly::testing {
namespace {

constexpr std::uint64_t kSizes[] = {kGiB, 16 * kGiB, 128 * kGiB, 512 * kGiB, 4 * kTiB};

DmaFigures simulate(const DmaCosts& costs, std::uint64_t ram_bytes,
                    DmaScenario::Guest guest = DmaScenario::Guest::kHoldsMemory) {
  DmaScenario scenario;
  scenario.costs = costs;
  scenario.ram_bytes = ram_bytes;
  scenario.guest = guest;
  return DmaSimulation(scenario).run();
}

std::uint64_t mean(const vfio::Latency& latency) {
  return latency.count == 0 ? 0 : latency.total_ns / latency.count;
}

class DmaSimulationTest : public ::testing::TestWithParam<DmaCosts> {};

TEST_P(DmaSimulationTest, TimeToReadyAndItsEntriesStayFlat) {
  const DmaFigures small = simulate(GetParam(), 4 * kGiB);
  for (const std::uint64_t bytes : kSizes) {
    const DmaFigures figures = simulate(GetParam(), bytes);
    EXPECT_LE(figures.ready_ns, small.ready_ns + small.ready_ns / 100) << bytes / kGiB << " GiB";
    EXPECT_LE(figures.entries_at_ready, small.entries_at_ready) << bytes / kGiB << " GiB";
  }
}

TEST_P(DmaSimulationTest, AnUrgentUnitWaitsNoLongerInALargeGuest) {
  // One piece under way and its own to be populated, one large map under way and its own.
  const DmaCosts costs = GetParam();
  const std::uint64_t pieces_in_gib = kGiB / vfio::PieceRules::for_pages(costs.page_bytes).piece_bytes;
  const std::uint64_t bound =
      2 * costs.populate_ns_per_gib / pieces_in_gib + costs.map_ns_per_gib * 2 + 100 * costs.map_call_ns;
  const DmaFigures middle = simulate(costs, 512 * kGiB);
  for (const std::uint64_t bytes : kSizes) {
    const DmaFigures figures = simulate(costs, bytes);
    EXPECT_LE(figures.urgent.max_ns, bound) << bytes / kGiB << " GiB";
    EXPECT_LE(mean(figures.urgent), mean(middle.urgent) * 5 / 4) << bytes / kGiB << " GiB";
  }
  EXPECT_GT(middle.urgent.count, 12U);
}

TEST_P(DmaSimulationTest, GuestsHardlyWaitForTheLock) {
  for (const std::uint64_t bytes : kSizes) {
    const DmaFigures figures = simulate(GetParam(), bytes);
    // At the worst moment each thread is at the lock at once.
    EXPECT_LE(figures.guest_lock.max_ns, 16 * GetParam().locked_ns) << bytes / kGiB << " GiB";
    EXPECT_LE(mean(figures.guest_lock), GetParam().locked_ns) << bytes / kGiB << " GiB";
  }
}

TEST_P(DmaSimulationTest, EntriesStayFarBelowTheLimit) {
  for (const std::uint64_t bytes : kSizes) {
    const DmaFigures figures = simulate(GetParam(), bytes);
    // One a GiB, and what the guest's haste cuts off.
    EXPECT_LE(figures.entries, bytes / kGiB + 4 * 64 + 16) << bytes / kGiB << " GiB";
  }
}

TEST_P(DmaSimulationTest, NineOfTenReleasesAreAnsweredAtOnce) {
  const DmaFigures figures = simulate(GetParam(), kTiB);
  EXPECT_GE(figures.releases_now, 9 * figures.urgent.count);
}

INSTANTIATE_TEST_SUITE_P(Costs, DmaSimulationTest, ::testing::Values(kType1Hugetlb, kType1Small, kIommufd),
                         [](const ::testing::TestParamInfo<DmaCosts>& costs) {
                           std::string name(costs.param.name);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// The checks above can fail: this is what they would see.
TEST(DmaSimulationStockGuest, TimeToReadyGrowsWhenNothingIsHeld) {
  const DmaFigures small = simulate(kType1Hugetlb, 4 * kGiB, DmaScenario::Guest::kStock);
  const DmaFigures large = simulate(kType1Hugetlb, 128 * kGiB, DmaScenario::Guest::kStock);
  EXPECT_GT(large.ready_ns, 16 * small.ready_ns);
}

TEST(DmaSimulationFewEntries, TheLimitHoldsAtEverySizeAndTheWindowStaysSmall) {
  for (const std::uint32_t entries : {64U, 1024U}) {
    DmaScenario scenario;
    scenario.costs = kType1Hugetlb;
    scenario.ram_bytes = 4 * kTiB;
    scenario.max_entries = entries;
    EXPECT_LE(DmaSimulation(scenario).run().entries, entries);
  }
}

}  // namespace
}  // namespace mayfly::testing
