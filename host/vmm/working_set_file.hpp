// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "image-builder/format/sha256.hpp"
#include "memory/working_set.hpp"

namespace mayfly::vmm {

/// What a working set is of: other boots touch other memory.
struct WorkingSetKey {
  image::Digest image{};
  /// The kernel's file, as stat(2) has it.
  std::uint64_t kernel_bytes = 0;
  std::int64_t kernel_modified_ns = 0;
  std::uint64_t memory_bytes = 0;
  std::uint32_t cpus = 0;

  /// Reads what it has to know of the kernel's file. Throws Error that names it.
  [[nodiscard]] static WorkingSetKey of(const image::Digest& image, const std::string& kernel,
                                        std::uint64_t memory_bytes, std::uint32_t cpus);
};

/// As WorkingSetFile keeps it: one JSON object.
[[nodiscard]] std::string write_working_set(const WorkingSetKey& key, const WorkingSet& set);
/// What write_working_set() has written with the same key; nothing for any other text. Total over all inputs.
[[nodiscard]] std::optional<WorkingSet> read_working_set(std::string_view text, const WorkingSetKey& key);

/// The working set of an image's last boot, beside the image: IMAGE.working-set. Read when a boot begins,
/// written by it when there is none that fits. Many runs may have it open; one at a time writes.
class WorkingSetFile {
 public:
  /// Of `image`. Throws Error when the file is not there and cannot be made, or is something else.
  WorkingSetFile(const std::string& image, const WorkingSetKey& key);

  /// What the boot is to have populated; nothing where it is not known.
  [[nodiscard]] const std::optional<WorkingSet>& known() const noexcept { return known_; }
  /// Whether this run is to write it.
  [[nodiscard]] bool wanted() const noexcept { return wanted_; }
  /// Writes what was wanted. Throws Error.
  void write(const WorkingSet& set);

 private:
  void open();
  [[nodiscard]] std::string read() const;

  std::string path_;
  WorkingSetKey key_;
  Fd fd_;
  bool writable_ = true;
  std::optional<WorkingSet> known_;
  bool wanted_ = false;
};

}  // namespace mayfly::vmm
