// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "host/base/fd.hpp"
#include "image-builder/format/image_check.hpp"
#include "image-builder/io/progress.hpp"

namespace mayfly::image {

/// An existing image, its header and launch defaults checked. One thread.
class ImageFile {
 public:
  /// Throws InputError naming the file when it cannot be read or is not a whole, undamaged image as far as
  /// the header tells; the file system's digest is not compared.
  explicit ImageFile(const std::string& path);

  [[nodiscard]] const ImageInfo& info() const { return info_; }
  [[nodiscard]] const protocol::LaunchRequest& launch() const { return *launch_; }
  /// Files, directories and so on in the file system, as its superblock says.
  [[nodiscard]] std::uint64_t count_files() const;
  /// Compares the file system's digest and the padding. Throws InputError naming the file.
  void verify(Progress& progress) const;

 private:
  [[noreturn]] void refuse(ImageFault fault) const;
  void check_padding() const;

  std::string path_;
  Fd file_;
  ImageInfo info_{};
  std::vector<std::byte> launch_bytes_;
  Result<protocol::LaunchRequest, ImageFault> launch_ = unexpected(ImageFault::kBadLaunch);
};

}  // namespace mayfly::image
