// SPDX-License-Identifier: Apache-2.0
#include "image-builder/format/image_check.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace mayfly::image {
namespace {

constexpr std::uint64_t kFsBytes = 8192;

std::vector<std::byte> launch_bytes() {
  std::vector<std::byte> bytes;
  protocol::LaunchWriter writer(bytes);
  writer.add(protocol::LaunchField::kArgument, "python3");
  return bytes;
}

ImageHeader valid_header() {
  ImageHeader header{};
  header.magic = kImageMagic;
  header.version = kImageVersion;
  header.file_system = FileSystem::kErofs;
  header.image_bytes = kImageAlignment;
  header.fs_bytes = kFsBytes;
  header.launch_offset = kFsBytes;
  header.launch_bytes = launch_bytes().size();
  header.launch_digest = sha256(launch_bytes());
  return header;
}

Result<ImageInfo, ImageFault> check_sealed(ImageHeader header, std::uint64_t file_bytes) {
  const auto bytes = std::as_bytes(std::span<const ImageHeader, 1>(&header, 1));
  header.header_digest = sha256(bytes.first(offsetof(ImageHeader, header_digest)));
  return check_header(bytes, file_bytes);
}

// The fault of a header with right digest that `change` has made wrong.
template <typename Change>
ImageFault fault_after(Change&& change, std::uint64_t file_bytes = kImageAlignment) {
  ImageHeader header = valid_header();
  change(header);
  const auto info = check_sealed(header, file_bytes);
  EXPECT_FALSE(info.has_value());
  return info.has_value() ? ImageFault::kTooShort : info.error();
}

TEST(ImageCheck, ValidHeaderGivesItsFields) {
  const auto info = check_sealed(valid_header(), kImageAlignment);
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->file_system, FileSystem::kErofs);
  EXPECT_EQ(info->image_bytes, kImageAlignment);
  EXPECT_EQ(info->fs_bytes, kFsBytes);
  EXPECT_EQ(info->launch_offset, kFsBytes);
}

TEST(ImageCheck, WrongMagicIsNoImage) {
  EXPECT_EQ(fault_after([](ImageHeader& header) { header.magic[0] = 'm'; }), ImageFault::kBadMagic);
}

TEST(ImageCheck, UnknownVersionIsRefused) {
  EXPECT_EQ(fault_after([](ImageHeader& header) { header.version = 2; }), ImageFault::kBadVersion);
}

TEST(ImageCheck, AnyFlippedBitBreaksTheHeaderDigest) {
  ImageHeader header = valid_header();
  const auto bytes = std::as_bytes(std::span<const ImageHeader, 1>(&header, 1));
  header.header_digest = sha256(bytes.first(offsetof(ImageHeader, header_digest)));
  for (std::size_t at = 12; at < kHeaderBytes; ++at) {
    std::array<std::byte, kHeaderBytes> flipped{};
    std::copy(bytes.begin(), bytes.end(), flipped.begin());
    flipped[at] ^= std::byte{4};
    const auto info = check_header(flipped, kImageAlignment);
    ASSERT_FALSE(info.has_value()) << at;
    ASSERT_EQ(info.error(), ImageFault::kBadHeaderDigest) << at;
  }
}

TEST(ImageCheck, ReservedBytesMustBeZero) {
  EXPECT_EQ(fault_after([](ImageHeader& header) { header.zero[879] = 1; }), ImageFault::kReservedNotZero);
}

TEST(ImageCheck, UnknownFileSystemIsRefused) {
  EXPECT_EQ(fault_after([](ImageHeader& header) { header.file_system = static_cast<FileSystem>(3); }),
            ImageFault::kBadFileSystem);
}

TEST(ImageCheck, ShorterFileIsTruncated) {
  EXPECT_EQ(fault_after([](ImageHeader&) {}, kImageAlignment - 1), ImageFault::kTruncated);
}

TEST(ImageCheck, LongerFileIsRefused) {
  EXPECT_EQ(fault_after([](ImageHeader&) {}, 2 * kImageAlignment), ImageFault::kTooLong);
}

TEST(ImageCheck, UnalignedSizesAreRefused) {
  EXPECT_EQ(fault_after([](ImageHeader& header) { header.image_bytes = 4096; }, 4096),
            ImageFault::kMisaligned);
  EXPECT_EQ(fault_after([](ImageHeader& header) { header.image_bytes = 0; }, 0), ImageFault::kMisaligned);
  EXPECT_EQ(fault_after([](ImageHeader& header) { header.fs_bytes = header.launch_offset = 4097; }),
            ImageFault::kMisaligned);
}

TEST(ImageCheck, LaunchDefaultsMustFollowTheFileSystem) {
  EXPECT_EQ(fault_after([](ImageHeader& header) { header.launch_offset += 4096; }), ImageFault::kBadLayout);
}

TEST(ImageCheck, EmptyFileSystemIsRefused) {
  EXPECT_EQ(fault_after([](ImageHeader& header) { header.fs_bytes = header.launch_offset = 0; }),
            ImageFault::kBadLayout);
}

TEST(ImageCheck, LaunchDefaultsMustLieInsideTheFile) {
  EXPECT_EQ(fault_after([](ImageHeader& header) { header.launch_bytes = kImageAlignment; }),
            ImageFault::kBadLayout);
}

TEST(ImageCheck, SumOfOffsetAndSizeMustNotOverflow) {
  const std::uint64_t huge = UINT64_MAX - 4095;
  EXPECT_EQ(fault_after([&](ImageHeader& header) { header.fs_bytes = header.launch_offset = huge; }),
            ImageFault::kBadLayout);
}

TEST(ImageCheck, LaunchDefaultsAreLimited) {
  const std::uint64_t file_bytes = 4 * kImageAlignment;
  EXPECT_EQ(fault_after(
                [&](ImageHeader& header) {
                  header.image_bytes = file_bytes;
                  header.launch_bytes = protocol::kLaunchBytesMax + 1;
                },
                file_bytes),
            ImageFault::kBadLayout);
}

TEST(ImageCheck, PaddingIsShorterThanItsAlignment) {
  const std::uint64_t file_bytes = 2 * kImageAlignment;
  EXPECT_EQ(fault_after([&](ImageHeader& header) { header.image_bytes = file_bytes; }, file_bytes),
            ImageFault::kBadLayout);
}

TEST(ImageCheck, LaunchDefaultsComeBack) {
  const auto info = check_sealed(valid_header(), kImageAlignment);
  ASSERT_TRUE(info.has_value());
  const std::vector<std::byte> bytes = launch_bytes();
  const auto launch = check_launch(*info, bytes);
  ASSERT_TRUE(launch.has_value());
  EXPECT_EQ(launch->find(protocol::LaunchField::kArgument), "python3");
}

TEST(ImageCheck, ChangedLaunchDefaultsAreFound) {
  const auto info = check_sealed(valid_header(), kImageAlignment);
  ASSERT_TRUE(info.has_value());
  std::vector<std::byte> bytes = launch_bytes();
  bytes.back() ^= std::byte{1};
  EXPECT_EQ(check_launch(*info, bytes).error(), ImageFault::kBadLaunchDigest);
  bytes.pop_back();
  EXPECT_EQ(check_launch(*info, bytes).error(), ImageFault::kBadLaunchDigest);
}

TEST(ImageCheck, MalformedLaunchDefaultsAreRefused) {
  const std::vector<std::byte> bytes(8);
  ImageHeader header = valid_header();
  header.launch_bytes = bytes.size();
  header.launch_digest = sha256(bytes);
  const auto info = check_sealed(header, kImageAlignment);
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(check_launch(*info, bytes).error(), ImageFault::kBadLaunch);
}

TEST(ImageCheck, EveryFaultHasASentenceOfItsOwn) {
  std::vector<std::string_view> sentences;
  for (int fault = 0; fault <= static_cast<int>(ImageFault::kPaddingNotZero); ++fault) {
    const std::string_view sentence = describe(static_cast<ImageFault>(fault));
    EXPECT_GT(sentence.size(), 20U);
    EXPECT_EQ(std::count(sentences.begin(), sentences.end(), sentence), 0) << sentence;
    sentences.push_back(sentence);
  }
}

}  // namespace
}  // namespace mayfly::image
