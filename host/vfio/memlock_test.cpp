// SPDX-License-Identifier: Apache-2.0
#include "vfio/memlock.hpp"

#include <cerrno>

#include <gtest/gtest.h>

#include "base/checked.hpp"
#include "base/error.hpp"
#include "vfio/dma_failure.hpp"

namespace mayfly::vfio {
namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Memlock, EnoughOrNoLimitIsFine) {
  EXPECT_NO_THROW(require_memlock(kGiB, kGiB));
  EXPECT_NO_THROW(require_memlock(kGiB, std::nullopt));
}

TEST(Memlock, TooLittleNamesWhatThereIsAndWhatIsNeeded) {
  try {
    require_memlock(2 * kGiB, 8 * kMiB);
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(contains(error.what(), "8192 KiB")) << error.what();
    EXPECT_TRUE(contains(error.what(), "ulimit -l 2097152")) << error.what();
  }
}

TEST(DmaFailure, NoMemoryNamesTheNeededLimit) {
  const DmaFailure failure{DmaFailure::Step::kMap, ENOMEM, {GuestAddress(kGiB), 128 * kMiB}};
  const std::string sentence = describe(failure, "type1", 4 * kGiB);
  EXPECT_TRUE(contains(sentence, "cannot map 128 MiB of guest memory at 0x40000000")) << sentence;
  EXPECT_TRUE(contains(sentence, "(type1)")) << sentence;
  EXPECT_TRUE(contains(sentence, "Cannot allocate memory")) << sentence;
  EXPECT_TRUE(contains(sentence, "ulimit -l 4194304")) << sentence;
}

// iommufd counts what all processes of a user have pinned.
TEST(DmaFailure, LimitIsSharedWithIommufd) {
  const DmaFailure failure{DmaFailure::Step::kMap, ENOMEM, {GuestAddress(kGiB), 128 * kMiB}};
  EXPECT_TRUE(contains(describe(failure, "iommufd", kGiB), "for all guests of this user together"));
  EXPECT_FALSE(contains(describe(failure, "type1", kGiB), "of this user"));
}

TEST(DmaFailure, EachCauseHasItsMend) {
  const auto sentence = [](DmaFailure::Step step, int errno_value) {
    return describe({step, errno_value, {GuestAddress(0), kMiB}}, "type1", kGiB);
  };
  EXPECT_TRUE(contains(sentence(DmaFailure::Step::kPopulate, ENOMEM), "huge pages"));
  EXPECT_TRUE(contains(sentence(DmaFailure::Step::kMap, ENOSPC), "dma_entry_limit"));
  EXPECT_TRUE(contains(sentence(DmaFailure::Step::kMap, EINVAL), "reserved_regions"));
  EXPECT_TRUE(contains(sentence(DmaFailure::Step::kMap, EFAULT), "kernel log"));
}

}  // namespace
}  // namespace mayfly::vfio
