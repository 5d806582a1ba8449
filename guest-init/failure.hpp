// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "guest-init/protocol/frame.hpp"
#include "guest-init/text.hpp"

namespace mayfly::init {

/// Why the workload cannot run; becomes the kExit frame and a line on the console.
struct Failure {
  protocol::ExitKind kind;
  int error;  ///< errno.
  Text text;  ///< Names the step and its object; the host adds the words for `error`.
};

/// How a step of the boot ended: nothing when it is done.
using Step = std::optional<Failure>;

/// A failed preparation: `what` was done to `object`, which may be empty.
[[nodiscard]] inline Failure setup_failure(int error, std::string_view what,
                                           std::string_view object = {}) noexcept {
  Failure failure{.kind = protocol::ExitKind::kSetupFailed, .error = error, .text = {}};
  failure.text.add(what);
  if (!object.empty()) {
    failure.text.add(" ").add(object);
  }
  return failure;
}

}  // namespace mayfly::init
