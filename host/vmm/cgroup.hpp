// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/fd.hpp"

namespace mayfly::vmm {

/// What is written to a file of a cgroup, such as "memory.max".
struct CgroupLimit {
  std::string file;
  std::string value;

  bool operator==(const CgroupLimit&) const = default;
};

/// The group (cgroup v2) that a run and its helper processes are to have.
struct CgroupSpec {
  /// The folder of the group that it is made in, which mayfly's user may write.
  std::string parent;
  std::vector<CgroupLimit> limits;

  bool operator==(const CgroupSpec&) const = default;
};

/// Groups of runs that are in one group; ours are called mayfly-ID. Any thread.
class CgroupFolder {
 public:
  /// Throws Error when there is no such folder.
  explicit CgroupFolder(std::string path);

  /// Throws Error: it is of no cgroup v2.
  void require_version_2() const;
  /// That the files of `limits` will be there: throws Error that names what is to be written where.
  void require_controllers(const std::vector<CgroupLimit>& limits) const;
  /// Makes the group of a run; one that an ended run has left is made anew. Gives its folder. Throws Error
  /// when a process is in it.
  [[nodiscard]] Fd make(const std::string& id) const;
  /// Whether it is gone; not while a process is in it.
  bool remove(const std::string& id) const noexcept;
  /// Removes those without a process; their ids, sorted. Throws Error.
  [[nodiscard]] std::vector<std::string> remove_left() const;

  [[nodiscard]] std::string path_of(const std::string& id) const;
  [[nodiscard]] int fd() const noexcept { return folder_.get(); }

 private:
  std::string path_;
  Fd folder_;
};

/// Throws Error that names the file.
void set_limits(const Fd& group, const std::string& path, const std::vector<CgroupLimit>& limits);

/// Moves this process there, and so what it starts from now on. Throws Error.
void enter_cgroup(const Fd& group, const std::string& path);

/// Whether the host has killed somebody of the group, which had no memory left to its limit.
[[nodiscard]] bool was_out_of_memory(const std::string& path);

}  // namespace mayfly::vmm
