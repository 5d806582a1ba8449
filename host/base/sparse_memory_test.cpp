// SPDX-License-Identifier: Apache-2.0
#include "base/sparse_memory.hpp"

#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

namespace mayfly {
namespace {

constexpr std::size_t kHuge = 2UL << 20U;

/// Bytes of huge pages in the mapping that begins there.
std::size_t huge_bytes_at(const void* address) {
  std::ifstream maps("/proc/self/smaps");
  std::string line;
  bool is_it = false;
  while (std::getline(maps, line)) {
    if (line.find('-') != std::string::npos && line.find(" kB") == std::string::npos &&
        line.find("VmFlags") == std::string::npos) {
      const std::size_t begin = std::stoull(line, nullptr, 16);
      const std::size_t end = std::stoull(line.substr(line.find('-') + 1), nullptr, 16);
      const auto wanted = reinterpret_cast<std::uintptr_t>(address);
      is_it = begin <= wanted && wanted < end;
    }
    if (is_it && line.starts_with("AnonHugePages:")) {
      return std::stoull(line.substr(line.find(':') + 1)) * 1024;
    }
  }
  return 0;
}

/// Whether a mapping whose every 2 MiB have a byte in them has huge pages, as it comes from mmap.
bool gives_huge_pages() {
  void* const at = ::mmap(nullptr, 8 * kHuge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const Mapping plain(at, 8 * kHuge);
  for (std::size_t i = 0; i < 8; ++i) {
    plain.data()[i * kHuge] = std::byte{1};
  }
  return huge_bytes_at(plain.data()) != 0;
}

TEST(SparseMemory, AByteCostsAPage) {
  if (!gives_huge_pages()) {
    GTEST_SKIP() << "this kernel gives no huge pages unasked: /sys/kernel/mm/transparent_hugepage/enabled";
  }
  const Mapping memory = sparse_memory(8 * kHuge);
  // Written at once: a page that was read before comes in place of one that Linux shares, before 6.13 a small
  // one.
  for (std::size_t i = 0; i < 8; ++i) {
    memory.data()[i * kHuge] = std::byte{1};
  }
  EXPECT_EQ(huge_bytes_at(memory.data()), 0U);
}

}  // namespace
}  // namespace mayfly
