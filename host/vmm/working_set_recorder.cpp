// SPDX-License-Identifier: Apache-2.0
#include "vmm/working_set_recorder.hpp"

#include <exception>

namespace mayfly::vmm {

void WorkingSetRecorder::on_ready() noexcept {
  if (looked_.test_and_set()) {
    return;
  }
  try {
    seen_ = populated_set(ram_);
  } catch (const std::exception&) {
    seen_.reset();  // The next boot records, then.
  }
}

}  // namespace mayfly::vmm
