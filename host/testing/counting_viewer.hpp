// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pci/viewer.hpp"

namespace mayfly::testing {

/// Shows nothing, and counts how often it was told to hide. One thread.
struct CountingViewer final : pci::Viewer {
  void hide() noexcept override { ++hidden; }
  int hidden = 0;
};

}  // namespace mayfly::testing
