// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "broker/keeping.hpp"

namespace mayfly::cli {

/// The options of `mayfly device serve` as they were typed; empty where not given.
struct ServeOptions {
  std::string socket{};
  std::string iommu{};
  /// Addresses, joined by commas where a guest is to get several, and after them what memory.
  std::vector<std::string> lots{};
};

/// `mayfly device serve`, checked as far as it can be without touching the host.
struct ServeCommand {
  std::string socket{};
  vfio::BackendChoice backend = vfio::BackendChoice::kAuto;
  /// No device twice.
  std::vector<broker::LotSpec> lots{};
};

/// Throws Error that names what was given.
[[nodiscard]] ServeCommand check_serve_options(const ServeOptions& options);

/// Lends devices until SIGTERM or SIGINT; says on stdout when one is ready, and on stderr what is wrong.
/// Before any other thread. Throws Error.
void serve_devices(const ServeCommand& command, const vfio::HostPci& host);

}  // namespace mayfly::cli
