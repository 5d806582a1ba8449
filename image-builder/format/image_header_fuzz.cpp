// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "image-builder/format/image_check.hpp"

// Input: one byte of mode, eight bytes of file size, the header, then the launch defaults. Mode bit 0 makes
// the header's digest right and bit 1 the launch digest, so that what lies behind the digests is reached; bit
// 2 takes the file size from the header.
namespace {

using namespace mayfly::image;  // NOLINT(google-build-using-namespace): the one thing under test

constexpr std::size_t kPrefixBytes = 9;

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

void check_invariants(const ImageInfo& info, std::uint64_t file_bytes) {
  require(info.image_bytes == file_bytes && file_bytes % kImageAlignment == 0);
  require(info.fs_bytes >= kFsBlockBytes && info.fs_bytes <= file_bytes);
  require(info.launch_offset == info.fs_bytes && info.launch_bytes <= file_bytes - info.launch_offset);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < kPrefixBytes + kHeaderBytes) {
    return 0;
  }
  const std::uint8_t mode = data[0];
  std::uint64_t file_bytes = 0;
  std::memcpy(&file_bytes, data + 1, sizeof(file_bytes));
  ImageHeader header{};
  std::memcpy(&header, data + kPrefixBytes, sizeof(header));
  const auto launch = std::as_bytes(std::span(data, size)).subspan(kPrefixBytes + kHeaderBytes);
  if ((mode & 4U) != 0) {
    file_bytes = header.image_bytes;
  }
  if ((mode & 2U) != 0) {
    header.launch_bytes = launch.size();
    header.launch_digest = sha256(launch);
  }
  if ((mode & 1U) != 0) {
    header.header_digest =
        sha256(std::as_bytes(std::span(&header, 1)).first(offsetof(ImageHeader, header_digest)));
  }
  const auto bytes = std::as_bytes(std::span<const ImageHeader, 1>(&header, 1));
  const auto info = check_header(bytes, file_bytes);
  if (!info.has_value()) {
    require(!describe(info.error()).empty());
    return 0;
  }
  check_invariants(*info, file_bytes);
  const auto request = check_launch(*info, launch);
  if (request.has_value()) {
    std::size_t total = mayfly::protocol::kLaunchHeaderBytes;
    request->for_each([&](const mayfly::protocol::LaunchRecord& record) {
      total += mayfly::protocol::kRecordHeaderBytes + record.value.size();
    });
    require(total == launch.size());
  }
  return 0;
}
