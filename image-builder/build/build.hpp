// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "image-builder/format/image_header.hpp"
#include "image-builder/io/progress.hpp"

namespace mayfly::image {

/// What `mayfly-image build` was asked for.
struct BuildRequest {
  std::string from;    ///< A directory, or a tar archive.
  std::string output;  ///< Replaced in one step when the image is complete.
  std::string init;    ///< The program that becomes /.mayfly/init.
  FileSystem file_system = FileSystem::kErofs;
  std::vector<std::byte> launch;  ///< A valid launch request (guest-init/protocol/launch.hpp).
  ProgressMode progress = ProgressMode::kShown;
};

/// Makes the image. Throws InputError, Error or Interrupted; then nothing is left behind and the output is as
/// it was.
void build_image(const BuildRequest& request);

}  // namespace mayfly::image
