// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <variant>

#include "image-builder/build/build.hpp"

namespace mayfly::image {

/// Exit statuses of mayfly-image; a signal ends it as signals do.
enum class ExitStatus : int {
  kOk = 0,
  kBadInput = 1,     ///< The input, or the image that is inspected or verified, is wrong.
  kUsage = 2,        ///< The command line is.
  kOwnFailure = 125  ///< This machine is: output not writable, disk full, no init.
};

enum class OutputForm { kText, kJson };

struct InspectRequest {
  std::string image;
  OutputForm form = OutputForm::kText;
};

struct VerifyRequest {
  std::string image;
  ProgressMode progress = ProgressMode::kShown;
};

/// Nothing is left to do but to end with this status: help or a usage error has been printed.
struct Printed {
  ExitStatus status;
};

using Command = std::variant<BuildRequest, InspectRequest, VerifyRequest, Printed>;

/// Reads the command line; prints help, version and usage errors itself.
[[nodiscard]] Command parse_command_line(int argc, char** argv);

}  // namespace mayfly::image
