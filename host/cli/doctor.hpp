// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mayfly::cli {

enum class Level : std::uint8_t {
  kOk,
  kWarn,  ///< `mayfly run` works, but something of it does not, or is slower.
  kFail,  ///< `mayfly run` does not work.
};

/// One line of `mayfly doctor`.
struct Finding {
  Level level;
  std::string_view name;
  std::string what;
  std::string mend{};  ///< What to do; empty when nothing is to be done.
};

/// The host as seen through files under a root: "" is the host itself, tests give fixture trees.
class HostView {
 public:
  explicit HostView(std::string root) : root_(std::move(root)) {}

  [[nodiscard]] std::string path(std::string_view absolute) const { return root_ + std::string(absolute); }
  /// The first 64 KiB of a file without the final newline; nothing when it cannot be read.
  [[nodiscard]] std::optional<std::string> text(std::string_view absolute) const;
  [[nodiscard]] bool exists(std::string_view absolute) const noexcept;
  /// Entries of a directory, 0 when there is none.
  [[nodiscard]] std::size_t entries(std::string_view absolute) const;

 private:
  std::string root_;
};

/// CPU flags of /proc/cpuinfo that decide about virtualization.
struct CpuFlags {
  bool vmx = false;
  bool svm = false;
  bool hypervisor = false;  ///< The host is a virtual machine itself.
};
[[nodiscard]] CpuFlags read_cpu_flags(const HostView& host);

[[nodiscard]] Finding check_cpu(const CpuFlags& cpu);
/// Opens /dev/kvm and makes a VM.
[[nodiscard]] Finding check_kvm(const HostView& host, const CpuFlags& cpu);
[[nodiscard]] Finding check_host_kernel(const HostView& host);
/// `size` is "2048kB" or "1048576kB".
[[nodiscard]] Finding check_huge_pages(const HostView& host, std::string_view name, std::string_view size);
[[nodiscard]] Finding check_transparent_pages(const HostView& host);
[[nodiscard]] Finding check_locked_memory(const HostView& host);
[[nodiscard]] Finding check_passthrough(const HostView& host);

/// All of the above, in the order of printing.
[[nodiscard]] std::vector<Finding> check_host(const HostView& host);

/// One line a finding: "level  name  what — mend".
[[nodiscard]] std::string to_text(std::span<const Finding> findings);

/// False when any finding is a failure.
[[nodiscard]] bool can_run(std::span<const Finding> findings) noexcept;

}  // namespace mayfly::cli
