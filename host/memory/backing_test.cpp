// SPDX-License-Identifier: Apache-2.0
#include "memory/backing.hpp"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "base/checked.hpp"
#include "base/error.hpp"

namespace mayfly {
namespace {

constexpr std::uint64_t kBytes = 16 * kMiB;

TEST(Backing, IsZeroAlignedAndNotPopulated) {
  const Backing backing(kBytes, Pages::k4k);
  EXPECT_EQ(backing.pages(), Pages::k4k);
  EXPECT_EQ(backing.size(), kBytes);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(backing.data()) % kGiB, 0U);
  EXPECT_EQ(backing.populated(), 0U);
  EXPECT_EQ(backing.data()[kBytes - 1], std::byte{0});
}

TEST(Backing, CountsWhatWasTouched) {
  const Backing backing(kBytes, Pages::k4k);
  backing.data()[0] = std::byte{1};
  backing.data()[5 * kMiB] = std::byte{1};
  EXPECT_EQ(backing.populated(), 8 * kKiB);
}

TEST(Backing, AutoAlwaysFindsSomethingAndSaysWhat) {
  const Backing backing(kBytes, Pages::kAuto);
  EXPECT_NE(backing.pages(), Pages::kAuto);
  backing.data()[kBytes - 1] = std::byte{1};
  EXPECT_GE(backing.populated(), 4 * kKiB);
}

TEST(Backing, HugePagesThatAreNotFreeAreAnErrorWithTheCommand) {
  constexpr std::uint64_t kFarTooMuch = 512 * kGiB;
  try {
    const Backing backing(kFarTooMuch, Pages::k2m);
    FAIL() << "took 512 GiB of huge pages";
  } catch (const Error& error) {
    const std::string sentence = error.what();
    if (sentence.find("this host has no") == std::string::npos) {
      EXPECT_NE(sentence.find(" free, 262144 needed"), std::string::npos) << sentence;
      EXPECT_NE(sentence.find("sudo tee /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"),
                std::string::npos)
          << sentence;
    }
  }
}

TEST(Backing, GiganticPagesNeedAMultipleOfTheirSize) {
  try {
    const Backing backing(kGiB + 2 * kMiB, Pages::k1g);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "--pages 1g needs --memory to be a multiple of 1024 MiB");
  }
}

TEST(Backing, MoreThanTheHostHasIsAnErrorThatSaysHowMuch) {
  try {
    const Backing backing(8192 * kGiB, Pages::k4k);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("--memory is 8388608 MiB, more than this host's"),
              std::string::npos)
        << error.what();
  }
}

TEST(Backing, MoreThanTheAddressSpaceIsAnError) { EXPECT_THROW(Backing(1ULL << 62U, Pages::k4k), Error); }

}  // namespace
}  // namespace mayfly
