// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mayfly::vmm {

/// One `mayfly exec`, checked as far as it can be without asking the VM.
struct ExecConfig {
  /// The VM's.
  std::string id{};
  /// Each "NAME=VALUE"; goes over the VM's variable of the same name.
  std::vector<std::string> environment{};
  /// Absolute path in the guest; as for the VM's own command when absent. The same for `user`.
  std::optional<std::string> workdir{};
  std::optional<std::string> user{};
  /// 0: none. Counted from the start of exec().
  std::uint64_t timeout_ns = 0;
  /// Command and arguments; not empty.
  std::vector<std::string> command{};
};

}  // namespace mayfly::vmm
