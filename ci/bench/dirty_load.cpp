// SPDX-License-Identifier: Apache-2.0
//
// What ci/bench/dirty has a guest do: all its vCPUs at once write to memory that nobody has touched, each to
// a share of its own, and then to the same again.
//
//   dirty-load MEBIBYTES
//
// Marks enclose both (marks.hpp); dirty_figures.py knows the numbers.
#include <barrier>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include <sched.h>
#include <sys/mman.h>

#include "marks.hpp"

namespace {

constexpr std::size_t kMiB = 1U << 20U;
constexpr std::size_t kPageBytes = 4096;
/// A share begins where a huge page does.
constexpr std::size_t kHugePageBytes = 2 * kMiB;

enum class Load : unsigned { kFirst = 0, kAgain = 2 };

std::size_t bytes_of(const char* word) {
  const std::string_view text(word);
  std::size_t mebibytes = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mebibytes);
  require(error == std::errc() && end == text.data() + text.size() && mebibytes > 0, "dirty-load MEBIBYTES");
  return mebibytes * kMiB;
}

/// Fresh memory that begins where a huge page does; the guest's kernel takes huge pages for it, so that what
/// is measured is the host's work and not its own.
std::span<std::byte> fresh_memory(std::size_t bytes) {
  void* at = mmap(nullptr, bytes + kHugePageBytes, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  require(at != MAP_FAILED, "memory to write to");
  const std::size_t past = reinterpret_cast<std::uintptr_t>(at) % kHugePageBytes;
  auto* const first = static_cast<std::byte*>(at) + (kHugePageBytes - past) % kHugePageBytes;
  require(madvise(first, bytes, MADV_HUGEPAGE) == 0, "huge pages of the guest");
  return {first, bytes};
}

void run_on(unsigned cpu) {
  cpu_set_t only;
  CPU_ZERO(&only);
  CPU_SET(cpu, &only);
  require(sched_setaffinity(0, sizeof(only), &only) == 0, "running on one vCPU");
}

void write_to_each_page(std::span<std::byte> share) {
  for (std::size_t at = 0; at < share.size(); at += kPageBytes) {
    *const_cast<volatile std::byte*>(&share[at]) = std::byte{1};
  }
}

}  // namespace

int main(int count, char** words) {
  require(count == 2, "dirty-load MEBIBYTES");
  const unsigned cpus = std::thread::hardware_concurrency();
  const std::size_t share = bytes_of(words[1]) / cpus / kHugePageBytes * kHugePageBytes;
  require(share > 0, "2 MiB at least for each vCPU");
  const std::span<std::byte> memory = fresh_memory(share * cpus);
  std::barrier<> together(static_cast<std::ptrdiff_t>(cpus) + 1);
  std::vector<std::thread> threads;
  threads.reserve(cpus);
  for (unsigned cpu = 0; cpu < cpus; ++cpu) {
    threads.emplace_back([&, cpu] {
      run_on(cpu);
      for (int round = 0; round < 2; ++round) {
        together.arrive_and_wait();
        write_to_each_page(memory.subspan(cpu * share, share));
        together.arrive_and_wait();
      }
    });
  }
  const auto all_write = [&] {
    together.arrive_and_wait();
    together.arrive_and_wait();
  };
  measure(Load::kFirst, all_write);
  measure(Load::kAgain, all_write);
  for (std::thread& thread : threads) {
    thread.join();
  }
  return 0;
}
