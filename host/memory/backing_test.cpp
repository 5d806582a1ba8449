// SPDX-License-Identifier: Apache-2.0
#include "memory/backing.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

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

// proc(5), VmFlags of smaps: dd, "do not include area into core dump".
TEST(Backing, IsInNoCoreFile) {
  for (const Pages pages : {Pages::k4k, Pages::kAuto}) {
    const Backing backing(kBytes, pages);
    std::ifstream maps("/proc/self/smaps");
    std::ostringstream start;
    start << std::hex << reinterpret_cast<std::uintptr_t>(backing.data()) << '-';
    std::string line;
    while (std::getline(maps, line) && !line.starts_with(start.str())) {
    }
    while (std::getline(maps, line) && !line.starts_with("VmFlags:")) {
    }
    EXPECT_NE((line + ' ').find(" dd "), std::string::npos) << line;
  }
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

/// A file of `bytes`, filled up to `filled`.
Fd memory_file(std::uint64_t bytes, std::uint64_t filled, int seals) {
  Fd file(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  EXPECT_EQ(::ftruncate(file.get(), static_cast<off_t>(bytes)), 0);
  EXPECT_EQ(::posix_fallocate(file.get(), 0, static_cast<off_t>(filled)), 0);
  EXPECT_EQ(::fcntl(file.get(), F_ADD_SEALS, seals), 0);
  return file;
}

std::string refusal_of(Fd file, Pages pages = Pages::k4k) {
  try {
    const Backing backing(std::move(file), kBytes, pages);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

constexpr int kSizeSeals = F_SEAL_SHRINK | F_SEAL_GROW;

TEST(Backing, TakesWhatAnotherHasFilled) {
  Backing made(kBytes, Pages::k4k);
  std::fill(made.bytes().begin(), made.bytes().end(), std::byte{0});
  made.data()[kBytes - 1] = std::byte{7};
  const Backing taken(std::move(made).take_file(), kBytes, Pages::k4k);
  EXPECT_EQ(taken.data()[kBytes - 1], std::byte{7});
  EXPECT_EQ(taken.populated(), kBytes);
  EXPECT_EQ(taken.pages(), Pages::k4k);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(taken.data()) % kGiB, 0U);
}

TEST(Backing, RefusesWhatIsNotAllThere) {
  EXPECT_EQ(refusal_of(memory_file(kBytes, kBytes, kSizeSeals)), "");
  EXPECT_NE(refusal_of(memory_file(kBytes, kBytes - 4096, kSizeSeals)).find("not all there"),
            std::string::npos);
  EXPECT_NE(refusal_of(memory_file(2 * kBytes, 2 * kBytes, kSizeSeals)).find("has 32768 KiB, not 16384"),
            std::string::npos);
}

TEST(Backing, RefusesWhatCouldBeCutShortOrNotWritten) {
  for (const int seals :
       {0, F_SEAL_SHRINK, F_SEAL_GROW, kSizeSeals | F_SEAL_WRITE, kSizeSeals | F_SEAL_FUTURE_WRITE}) {
    EXPECT_NE(refusal_of(memory_file(kBytes, kBytes, seals)).find("change its size"), std::string::npos)
        << seals;
  }
}

TEST(Backing, RefusesWhatIsNoMemoryOfItsPages) {
  EXPECT_EQ(refusal_of(memory_file(kBytes, kBytes, kSizeSeals), Pages::k2m),
            "the memory that was lent is no memfd of 2m pages");
  EXPECT_NE(refusal_of(Fd(::open("/dev/null", O_RDWR | O_CLOEXEC))).find("no memfd"), std::string::npos);
  EXPECT_NE(refusal_of(Fd()).find("no memfd"), std::string::npos);
}

TEST(Backing, MoreThanTheAddressSpaceIsAnError) { EXPECT_THROW(Backing(1ULL << 62U, Pages::k4k), Error); }

}  // namespace
}  // namespace mayfly
