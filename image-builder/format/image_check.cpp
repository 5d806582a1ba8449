// SPDX-License-Identifier: Apache-2.0
#include "image-builder/format/image_check.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

#include "host/base/checked.hpp"

namespace mayfly::image {
namespace {

// Offsets, alignment and sizes against each other and against the file.
std::optional<ImageFault> check_layout(const ImageHeader& header, std::uint64_t file_bytes) noexcept {
  if (header.image_bytes == 0 || header.image_bytes % kImageAlignment != 0 ||
      header.fs_bytes % kFsBlockBytes != 0) {
    return ImageFault::kMisaligned;
  }
  if (file_bytes != header.image_bytes) {
    return file_bytes < header.image_bytes ? ImageFault::kTruncated : ImageFault::kTooLong;
  }
  const auto end = checked_add(header.launch_offset, header.launch_bytes);
  if (header.fs_bytes < kFsBlockBytes || header.launch_offset != header.fs_bytes || !end.has_value() ||
      header.launch_bytes > protocol::kLaunchBytesMax || *end > header.image_bytes ||
      header.image_bytes - *end >= kImageAlignment) {
    return ImageFault::kBadLayout;
  }
  return std::nullopt;
}

std::optional<ImageFault> find_fault(const ImageHeader& header,
                                     std::span<const std::byte, kHeaderBytes> bytes,
                                     std::uint64_t file_bytes) noexcept {
  if (header.magic != kImageMagic) {
    return ImageFault::kBadMagic;
  }
  if (header.version != kImageVersion) {
    return ImageFault::kBadVersion;
  }
  if (sha256(bytes.first<offsetof(ImageHeader, header_digest)>()) != header.header_digest) {
    return ImageFault::kBadHeaderDigest;
  }
  if (std::any_of(header.zero.begin(), header.zero.end(), [](std::uint8_t byte) { return byte != 0; })) {
    return ImageFault::kReservedNotZero;
  }
  if (header.file_system != FileSystem::kErofs && header.file_system != FileSystem::kExt4) {
    return ImageFault::kBadFileSystem;
  }
  return check_layout(header, file_bytes);
}

}  // namespace

std::string_view describe(ImageFault fault) noexcept {
  switch (fault) {
    case ImageFault::kTooShort:
      return "not a Mayfly image: shorter than the 1024 bytes of its header";
    case ImageFault::kBadMagic:
      return "not a Mayfly image: wrong magic number; make one with mayfly-image build";
    case ImageFault::kBadVersion:
      return "image of a version that this program does not know; rebuild it with mayfly-image build";
    case ImageFault::kBadHeaderDigest:
      return "damaged image: the header does not match its digest";
    case ImageFault::kReservedNotZero:
      return "damaged image: a reserved byte of the header is not zero";
    case ImageFault::kBadFileSystem:
      return "image names a file system that is neither EROFS nor ext4";
    case ImageFault::kTruncated:
      return "truncated image: the file is shorter than its header says";
    case ImageFault::kTooLong:
      return "damaged image: the file is longer than its header says";
    case ImageFault::kMisaligned:
      return "damaged image: its size is no multiple of 2 MiB, or its file system's none of 4096 bytes";
    case ImageFault::kBadLayout:
      return "damaged image: offsets or sizes in the header contradict each other";
    case ImageFault::kBadLaunchDigest:
      return "damaged image: the launch defaults do not match their digest";
    case ImageFault::kBadLaunch:
      return "damaged image: the launch defaults are malformed";
    case ImageFault::kBadFsDigest:
      return "damaged image: the file system does not match its digest";
    case ImageFault::kPaddingNotZero:
      return "damaged image: the padding at the end is not zero";
  }
  return "damaged image";
}

Result<ImageInfo, ImageFault> check_header(std::span<const std::byte, kHeaderBytes> bytes,
                                           std::uint64_t file_bytes) noexcept {
  ImageHeader header{};
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (const auto fault = find_fault(header, bytes, file_bytes); fault.has_value()) {
    return unexpected(*fault);
  }
  return ImageInfo{header.file_system,  header.image_bytes,   header.fs_bytes, header.launch_offset,
                   header.launch_bytes, header.launch_digest, header.fs_digest};
}

Result<protocol::LaunchRequest, ImageFault> check_launch(const ImageInfo& info,
                                                         std::span<const std::byte> bytes) noexcept {
  if (bytes.size() != info.launch_bytes || sha256(bytes) != info.launch_digest) {
    return unexpected(ImageFault::kBadLaunchDigest);
  }
  protocol::LaunchFault fault{};
  const auto request = protocol::LaunchRequest::parse(bytes, fault);
  if (!request.has_value()) {
    return unexpected(ImageFault::kBadLaunch);
  }
  return *request;
}

}  // namespace mayfly::image
