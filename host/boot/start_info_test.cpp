// SPDX-License-Identifier: Apache-2.0
#include "boot/start_info.hpp"

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/checked.hpp"
#include "base/error.hpp"
#include "boot/pvh_state.hpp"

namespace mayfly::boot {
namespace {

struct Entry {
  std::uint64_t start;
  std::uint64_t bytes;
  std::uint32_t type;
  std::uint32_t zero;
  friend bool operator==(const Entry&, const Entry&) = default;
};

// As a guest would read it, at the offsets of Xen's start_info.h.
class StartInfoTest : public ::testing::Test {
 protected:
  // 2 MiB at 0, 1 MiB at 4 GiB: the second only ever named, never touched.
  std::vector<std::byte> bytes_ = std::vector<std::byte>(2 * kMiB);
  const GuestMemory::Region regions_[2] = {{{GuestAddress(0), 2 * kMiB}, bytes_.data()},
                                           {{GuestAddress(4 * kGiB), kMiB}, nullptr}};
  GuestMemory memory_{regions_};
  const GuestRange ecam_[1] = {{GuestAddress(0xe8000000), kMiB}};
  StartInfoInputs inputs_{.rsdp = GuestAddress(0xe0000),
                          .acpi = {GuestAddress(0xe0000), 0x500},
                          .reserved = ecam_,
                          .command_line = "console=hvc0 quiet"};

  template <typename T>
  [[nodiscard]] T field(std::uint64_t offset) const {
    return memory_.read<T>(GuestAddress(kStartInfoAt.raw() + offset)).value();
  }
};

TEST_F(StartInfoTest, HeadIsVersionOne) {
  write_start_info(memory_, inputs_);
  EXPECT_EQ(field<std::uint32_t>(0), 0x336ec578U);
  EXPECT_EQ(field<std::uint32_t>(4), 1U);
  EXPECT_EQ(field<std::uint32_t>(12), 0U) << "modules";
  EXPECT_EQ(field<std::uint64_t>(24), kCommandLineAt.raw());
  EXPECT_EQ(field<std::uint64_t>(32), 0xe0000U);
}

TEST_F(StartInfoTest, MemoryMapLeavesTheLegacyHoleOut) {
  write_start_info(memory_, inputs_);
  std::vector<Entry> map(field<std::uint32_t>(48));
  ASSERT_TRUE(
      memory_.copy_out(GuestAddress(field<std::uint64_t>(40)), std::as_writable_bytes(std::span(map))));
  const std::vector<Entry> expected = {{0, 0xa0000, 1, 0},
                                       {0xe0000, 0x500, 3, 0},
                                       {kMiB, kMiB, 1, 0},
                                       {0xe8000000, kMiB, 2, 0},
                                       {4 * kGiB, kMiB, 1, 0}};
  EXPECT_EQ(map, expected);
}

TEST_F(StartInfoTest, CommandLineEndsWithNul) {
  ASSERT_TRUE(
      memory_.write(GuestAddress(kCommandLineAt.raw() + inputs_.command_line.size()), std::uint8_t{0xff}));
  write_start_info(memory_, inputs_);
  std::string line(inputs_.command_line.size() + 1, 'x');
  ASSERT_TRUE(memory_.copy_out(kCommandLineAt, std::as_writable_bytes(std::span(line))));
  EXPECT_EQ(line, std::string(inputs_.command_line) + '\0');
}

TEST_F(StartInfoTest, LongestCommandLineFits) {
  const std::string line(kCommandLineBytesMax - 1, 'x');
  inputs_.command_line = line;
  EXPECT_NO_THROW(write_start_info(memory_, inputs_));
}

TEST_F(StartInfoTest, TooLongCommandLineNamesTheLimit) {
  const std::string line(kCommandLineBytesMax, 'x');
  inputs_.command_line = line;
  try {
    write_start_info(memory_, inputs_);
    FAIL() << "not refused";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "the kernel command line has 2048 bytes, the limit is 2047; shorten --cmdline-append");
  }
}

TEST_F(StartInfoTest, CommandLineWithNulIsRefused) {
  inputs_.command_line = std::string_view("a\0b", 3);
  EXPECT_THROW(write_start_info(memory_, inputs_), Error);
}

TEST_F(StartInfoTest, GuestWithoutLowMemoryIsRefused) {
  const GuestMemory::Region high[1] = {{{GuestAddress(kMiB), kMiB}, bytes_.data()}};
  GuestMemory memory(high);
  EXPECT_THROW(write_start_info(memory, inputs_), Error);
}

TEST(PvhState, IsFlatProtectedModeWithoutPagingOrInterrupts) {
  constexpr PvhState kState = pvh_state(GuestAddress(0x1000000), kStartInfoAt);
  EXPECT_EQ(kState.rip, 0x1000000U);
  EXPECT_EQ(kState.rbx, kStartInfoAt.raw());
  EXPECT_EQ(kState.cr0, 0x11U);
  EXPECT_EQ(kState.cr4 | kState.efer, 0U);
  EXPECT_EQ(kState.rflags & (1U << 9U | 1U << 8U | 1U << 17U), 0U);
  for (const PvhSegment& segment : {kState.cs, kState.data}) {
    EXPECT_EQ(segment.base, 0U);
    EXPECT_EQ(segment.limit, 0xffffffffU);
    EXPECT_EQ(segment.db, 1);
    EXPECT_EQ(segment.g, 1);
  }
  EXPECT_EQ(kState.tr.type, 0xb);
  EXPECT_EQ(kState.tr.limit, 0x67U);
}

}  // namespace
}  // namespace mayfly::boot
