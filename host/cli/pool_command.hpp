// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "pool/messages.hpp"
#include "pool/shelf.hpp"

namespace mayfly::cli {

/// The options of `mayfly pool` as they were typed; empty where not given.
struct PoolOptions {
  std::string socket{};
  std::vector<std::string> memory{};
};

/// `mayfly pool --socket`, checked as far as it can be without touching the host.
struct PoolCommand {
  std::string socket{};
  std::vector<pool::ShelfSpec> shelves{};
};

/// `mayfly pool --status`.
struct PoolStatusCommand {
  std::string socket{};
};

/// Throws Error that names what was given.
[[nodiscard]] PoolCommand check_pool_options(const PoolOptions& options);

/// Keeps memory until SIGTERM or SIGINT; says on stdout when it is ready, and on stderr what is wrong. Before
/// any other thread. Throws Error.
void keep_pool(const PoolCommand& command);

/// Asks a pool, and gives what is to be printed. Throws Error.
[[nodiscard]] std::string pool_status(const PoolStatusCommand& command);

/// A table.
[[nodiscard]] std::string to_text(const std::vector<pool::ShelfStatus>& shelves);

}  // namespace mayfly::cli
