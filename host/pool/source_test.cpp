// SPDX-License-Identifier: Apache-2.0
#include "pool/source.hpp"

#include <algorithm>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/checked.hpp"
#include "base/error.hpp"

namespace mayfly::pool {
namespace {

constexpr std::uint64_t kBytes = 8 * kMiB;
const MemoryKind kKind{.bytes = kBytes, .pages = Pages::k4k};

std::uint64_t bytes_there(const Fd& file) {
  struct stat status {};
  return ::fstat(file.get(), &status) == 0 ? static_cast<std::uint64_t>(status.st_blocks) * 512 : 0;
}

TEST(MemfdSource, FillsTheParts) {
  MemfdSource source;
  const auto filling = source.begin(kKind);
  ASSERT_TRUE(filling->fill({0, 2 * kMiB}).has_value());
  ASSERT_TRUE(filling->fill({6 * kMiB, 2 * kMiB}).has_value());
  const Fd file = filling->take();
  EXPECT_EQ(bytes_there(file), 4 * kMiB);
  EXPECT_EQ(::fcntl(file.get(), F_GET_SEALS) & (F_SEAL_SHRINK | F_SEAL_GROW), F_SEAL_SHRINK | F_SEAL_GROW);
}

TEST(MemfdSource, GivesBackThoughTheFileIsMappedElsewhere) {
  MemfdSource source;
  const auto filling = source.begin(kKind);
  ASSERT_TRUE(filling->fill({0, kBytes}).has_value());
  Fd file = filling->take();
  const Fd kept(::fcntl(file.get(), F_DUPFD_CLOEXEC, 0));
  const Backing mapped(Fd(::fcntl(file.get(), F_DUPFD_CLOEXEC, 0)), kBytes, Pages::k4k);
  std::ranges::fill(mapped.bytes(), std::byte{7});
  source.give_back(std::move(file), kBytes);
  EXPECT_EQ(bytes_there(kept), 0U);
  EXPECT_EQ(mapped.data()[kMiB], std::byte{0});
}

TEST(MemfdSource, BindsToANodeAndSaysWhenThereIsNone) {
  MemfdSource source;
  const auto filling = source.begin({.bytes = kBytes, .pages = Pages::k4k, .node = 0});
  EXPECT_TRUE(filling->fill({0, kBytes}).has_value());
  try {
    (void)source.begin({.bytes = kBytes, .pages = Pages::k4k, .node = kNodesMax - 1});
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("cannot take memory from node 1023"), std::string::npos);
  }
}

}  // namespace
}  // namespace mayfly::pool
