// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace mayfly::cli {

/// The guest kernel when --kernel names none: `from_environment` (MAYFLY_KERNEL) unless null or empty, else
/// ../lib/mayfly/vmlinux seen from the directory of `executable`. Throws Error when nothing can be read
/// there.
[[nodiscard]] std::string default_kernel(const char* from_environment, const std::string& executable);

/// The path of the running program. Throws Error when /proc does not tell.
[[nodiscard]] std::string executable_path();

}  // namespace mayfly::cli
