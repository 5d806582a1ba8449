// SPDX-License-Identifier: Apache-2.0
#include "memory/populate.hpp"

#include <cerrno>

#include <gtest/gtest.h>

#include "base/checked.hpp"
#include "memory/backing.hpp"

namespace mayfly {
namespace {

TEST(Populate, PutsMemoryBehindItsRangeAndNothingElse) {
  const Backing backing(8 * kMiB, Pages::k4k);
  MadvisePopulate populate;
  ASSERT_TRUE(populate.populate(backing.data() + 2 * kMiB, 4 * kMiB).has_value());
  EXPECT_EQ(backing.populated(), 4 * kMiB);
}

TEST(Populate, KeepsWhatIsThere) {
  const Backing backing(2 * kMiB, Pages::k4k);
  backing.data()[5] = std::byte{7};
  MadvisePopulate populate;
  ASSERT_TRUE(populate.populate(backing.data(), 2 * kMiB).has_value());
  EXPECT_EQ(backing.data()[5], std::byte{7});
}

TEST(Populate, SaysWhyTheHostRefuses) {
  const Mapping read_only(::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096);
  MadvisePopulate populate;
  const auto result = populate.populate(read_only.data(), 4096);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().errno_value, EINVAL);
}

}  // namespace
}  // namespace mayfly
