// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/checked.hpp"
#include "vmm/run_config.hpp"

namespace mayfly::cli {

/// The options of `mayfly run` as they were typed; empty where not given.
struct RunOptions {
  std::string config{};
  std::string id{};
  std::string image{};
  std::string kernel{};
  std::string memory{};
  std::string cpus{};
  bool dedicated = false;
  std::string dedicated_cpus{};
  std::string pages{};
  std::string pages_fallback{};
  std::string prefault{};
  std::string numa{};
  std::string pool{};
  std::string cgroup{};
  std::string sandbox{};
  std::string balloon{};
  std::string dma_window{};
  std::vector<std::string> environment{};
  std::vector<std::string> devices{};
  std::vector<std::string> networks{};
  std::vector<std::string> disks{};
  std::vector<std::string> modules{};
  std::string vsock{};
  std::string workdir{};
  std::string user{};
  bool detach = false;
  std::string events{};
  std::string timeout{};
  std::string cmdline_append{};
  std::string timeline{};
  std::string console{};
  std::string log_format{};
  bool until_ready = false;
  bool verify = false;
  std::vector<std::string> command{};
};

/// The least guest memory: kernel, init and a small workload fit into it; in less the guest dies of its own
/// weight.
inline constexpr std::uint64_t kMemoryMin = 32 * kMiB;
/// The most: what the 46 physical address bits of common x86 hosts reach. What the host really has is checked
/// when the memory is made.
inline constexpr std::uint64_t kMemoryMax = 64 * kTiB;
/// Guest memory comes in large pages.
inline constexpr std::uint64_t kMemoryStep = 2 * kMiB;
inline constexpr std::uint32_t kCpusMax = 64;

/// Checks all that can be checked without touching the host, and gives the defaults. Throws Error that names
/// the option, what was given and what is allowed. The kernel's path stays empty when none is given.
[[nodiscard]] vmm::RunConfig check_run_options(RunOptions options);

}  // namespace mayfly::cli
