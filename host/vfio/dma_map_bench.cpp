// SPDX-License-Identifier: Apache-2.0
// Prints, as JSON, what the DMA map costs a guest from 1 GiB to 4 TiB: simulated, with the cost model of
// testing/simulated_iommu.hpp; and, measured here, the longest that a call holds the map's lock.
#include <algorithm>
#include <array>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "base/clock.hpp"
#include "testing/dma_simulation.hpp"

namespace mayfly::testing {
namespace {

constexpr std::array<std::uint64_t, 7> kSizes{kGiB,       4 * kGiB,    16 * kGiB,  64 * kGiB,
                                              256 * kGiB, 1024 * kGiB, 4096 * kGiB};

double ms(std::uint64_t ns) { return static_cast<double>(ns) / 1e6; }
double mean_ms(const vfio::Latency& latency) {
  return latency.count == 0 ? 0 : ms(latency.total_ns) / static_cast<double>(latency.count);
}

nlohmann::ordered_json row(const DmaScenario& scenario) {
  const DmaFigures figures = DmaSimulation(scenario).run();
  return {{"memory_gib", scenario.ram_bytes / kGiB},
          {"ready_ms", ms(figures.ready_ns)},
          {"fully_mapped_ms", ms(figures.fully_mapped_ns)},
          {"entries_at_ready", figures.entries_at_ready},
          {"entries", figures.entries},
          {"urgent_count", figures.urgent.count},
          {"urgent_mean_ms", mean_ms(figures.urgent)},
          {"urgent_max_ms", ms(figures.urgent.max_ns)},
          {"guest_lock_wait_max_us", ms(figures.guest_lock.max_ns) * 1000},
          {"releases_at_once", figures.releases_now}};
}

nlohmann::ordered_json rows(const DmaCosts& costs, DmaScenario::Guest guest) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const std::uint64_t bytes : kSizes) {
    DmaScenario scenario;
    scenario.costs = costs;
    scenario.ram_bytes = bytes;
    scenario.guest = guest;
    all.push_back(row(scenario));
  }
  return all;
}

// The middle of many: what a worker's calls for one piece take in a guest of `bytes`, most of it held and
// scattered.
double worker_call_ns(std::uint64_t bytes) {
  const std::array ram{GuestMemory::Region{{GuestAddress(0), bytes}, nowhere()}};
  vfio::DmaRules rules;
  rules.idle_merge_bytes = rules.pieces.piece_bytes;
  vfio::DmaPlan plan(ram, rules);
  for (std::uint64_t at = 0; at < bytes; at += 2 * rules.pieces.piece_bytes) {
    (void)plan.hold({GuestAddress(at), rules.pieces.piece_bytes}, 0);
  }
  std::vector<std::uint64_t> times;
  while (true) {
    const std::uint64_t begin = monotonic_ns();
    const auto piece = plan.begin_populate();
    if (!piece.has_value()) {
      break;
    }
    plan.end_populate(*piece);
    if (const auto job = plan.begin_map()) {
      plan.end_map(*job, 1);
    }
    times.push_back(monotonic_ns() - begin);
  }
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return static_cast<double>(times[times.size() / 2]);
}

nlohmann::ordered_json table() {
  nlohmann::ordered_json json;
  for (const DmaCosts& costs : {kType1Hugetlb, kType1Small, kIommufd}) {
    json["mayfly-" + std::string(costs.name)] = rows(costs, DmaScenario::Guest::kHoldsMemory);
  }
  json["mayfly-stock-guest-type1-2m"] = rows(kType1Hugetlb, DmaScenario::Guest::kStock);
  json["measured_here"] = {{"worker_calls_ns_16_gib", worker_call_ns(16 * kGiB)},
                           {"worker_calls_ns_4096_gib", worker_call_ns(4 * kTiB)}};
  return json;
}

}  // namespace
}  // namespace mayfly::testing

int main() {
  std::puts(mayfly::testing::table().dump(2).c_str());
  return 0;
}
