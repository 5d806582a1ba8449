// SPDX-License-Identifier: Apache-2.0
//
// What a second thread gains a prefault: wall time of populating guest memory, and of building its page
// tables where this host's KVM does that, by one thread and by two. By turns, the best of each.
//
//   mayfly-prefault-bench [MEBIBYTES [4k|2m]]    512 MiB of 4k pages when not given
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "vmm/prefault.hpp"

namespace mayfly::vmm {
namespace {

constexpr int kRounds = 5;

/// The best of each, nanoseconds; absent where KVM builds no tables ahead.
struct Best {
  std::uint64_t populate_ns = ~0ULL;
  std::optional<std::uint64_t> tables_ns{};
};

/// Of tables that have been built, by as many vCPUs as threads.
std::optional<std::uint64_t> time_tables(const Backing& ram, std::uint32_t threads) {
  const kvm::System system("/dev/kvm");
  kvm::Vm vm(system);
  vm.create_irqchip(kvm::Irqchip::kMessages);
  const std::array region{GuestMemory::Region{{GuestAddress(4 * kGiB), ram.size()}, ram.data()}};
  vm.add_memory(0, 4 * kGiB, ram.data(), ram.size(), kvm::SlotAccess::kReadWrite);
  std::vector<kvm::Vcpu> vcpus;
  std::vector<const kvm::Vcpu*> pointers;
  vcpus.reserve(threads);
  for (std::uint32_t id = 0; id < threads; ++id) {
    pointers.push_back(&vcpus.emplace_back(system, vm, id));
  }
  const auto builders = table_builders(vm, pointers);
  const std::uint64_t begin = monotonic_ns();
  const auto built = build_tables(region, builders);
  const std::uint64_t end = monotonic_ns();
  return built.has_value() && *built == ram.size() ? std::optional(end - begin) : std::nullopt;
}

void run_once(std::uint64_t bytes, Pages pages, std::uint32_t threads, Best& best) {
  const Backing ram(bytes, pages);
  MadvisePopulate populate;
  const std::uint64_t begin = monotonic_ns();
  const std::array region{GuestMemory::Region{{GuestAddress(0), ram.size()}, ram.data()}};
  PopulateAll all(populate, region, page_bytes(pages), threads);
  if (!all.wait().has_value()) {
    throw Error("the host cannot populate that much");
  }
  best.populate_ns = std::min(best.populate_ns, monotonic_ns() - begin);
  if (const auto tables = time_tables(ram, threads)) {
    best.tables_ns = std::min(best.tables_ns.value_or(*tables), *tables);
  }
}

double ms(std::uint64_t ns) { return static_cast<double>(ns) / 1e6; }

void print(const char* what, std::uint64_t one, std::uint64_t two) {
  std::printf("%-9s one thread %8.2f ms, two %8.2f ms, ratio %.2f\n", what, ms(one), ms(two),
              static_cast<double>(two) / static_cast<double>(one));
}

int run(std::uint64_t bytes, Pages pages) {
  std::array<Best, 2> best;
  for (int round = 0; round < kRounds; ++round) {
    run_once(bytes, pages, 1, best[0]);
    run_once(bytes, pages, 2, best[1]);
  }
  print("populate", best[0].populate_ns, best[1].populate_ns);
  if (best[0].tables_ns && best[1].tables_ns) {
    print("tables", *best[0].tables_ns, *best[1].tables_ns);
  } else {
    std::printf("tables    this KVM builds none ahead\n");
  }
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace mayfly::vmm

int main(int argc, char** argv) {
  using namespace mayfly;
  const std::uint64_t mebibytes = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 512;
  const bool huge = argc > 2 && std::string_view(argv[2]) == "2m";
  try {
    return vmm::run(std::max<std::uint64_t>(mebibytes, 2) / 2 * 2 * kMiB, huge ? Pages::k2m : Pages::k4k);
  } catch (const Error& error) {
    static_cast<void>(std::fprintf(stderr, "mayfly-prefault-bench: %s\n", error.what()));
    return EXIT_FAILURE;
  }
}
