// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/mapping.hpp"
#include "guest-init/protocol/launch.hpp"
#include "image-builder/format/image_check.hpp"
#include "vmm/run_config.hpp"

namespace mayfly::vmm {

/// A Mayfly image, opened and checked.
class Image {
 public:
  /// Checks header and launch defaults, and with ImageCheck::kWhole every byte. Throws Error that names the
  /// path.
  Image(const std::string& path, ImageCheck check);

  [[nodiscard]] const image::ImageInfo& info() const noexcept { return info_; }
  /// What the image runs when nothing else is asked for; lives as long as the image.
  [[nodiscard]] const protocol::LaunchRequest& launch() const noexcept { return *launch_; }

  /// The whole file at an address aligned to 1 GiB: shared with all other readers, never written. Nothing is
  /// read until the guest asks. Throws Error.
  [[nodiscard]] Mapping map() const;

 private:
  void check_file_system() const;

  std::string path_;
  Fd fd_;
  image::ImageInfo info_{};
  std::vector<std::byte> launch_bytes_;
  std::optional<protocol::LaunchRequest> launch_;
};

}  // namespace mayfly::vmm
