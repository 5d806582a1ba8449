// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

namespace mayfly::gate {

/// What a measurement was taken on and of: facts by name.
struct Fingerprint {
  /// cpu, microcode, kernel, governor, … Figures of unlike hosts are not compared.
  std::map<std::string, std::string> host;
  /// Digests and sizes of mayfly, kernel and image; memory, cpus, command and the other options.
  std::map<std::string, std::string> guest;
};

/// What is booted: files and the options of `mayfly run`.
struct Variant {
  std::string name{};
  std::string mayfly{};
  std::string kernel{};
  std::string image{};
  std::vector<std::string> options{};
  std::vector<std::string> command{};
};

/// A fact that two fingerprints tell differently; empty where one lacks it.
struct Difference {
  std::string key;  ///< with `host.` or `guest.` before it
  std::string base;
  std::string now;
};

/// The host as its /proc and /sys under `root` show it. A fact that is not to be had is told as "unknown".
[[nodiscard]] std::map<std::string, std::string> host_facts(const std::string& root);

/// Throws Error when a file of the variant cannot be read.
[[nodiscard]] std::map<std::string, std::string> guest_facts(const Variant& variant);

/// All that differs, the host's first.
[[nodiscard]] std::vector<Difference> differences(const Fingerprint& base, const Fingerprint& now);

/// Those of `differences` that forbid a comparison: all of the host's, and of the guest's how many CPUs and
/// how much memory it has and what it runs. `accepted` are keys that the user takes on himself.
[[nodiscard]] std::vector<Difference> unlike(const std::vector<Difference>& differences,
                                             const std::set<std::string>& accepted);

}  // namespace mayfly::gate
