// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "host/base/fd.hpp"

namespace mayfly::image {

/// A file that appears under its name only when it is complete, replacing what was there in one step.
///
/// Until commit() it has no name where the file system can do that (O_TMPFILE), so that not even SIGKILL
/// leaves anything behind, else a hidden one beside the target that the destructor removes.
class OutputFile {
 public:
  /// Throws Error when `path` cannot be made there or is something else than a regular file.
  explicit OutputFile(std::string path);
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  [[nodiscard]] int fd() const { return file_.get(); }
  [[nodiscard]] const std::string& path() const { return path_; }
  /// Gives the file its name. Throws Error; then nothing has changed.
  void commit();

 private:
  std::string path_;
  std::string hidden_;  // name to be removed by the destructor, empty if none
  Fd file_;
};

}  // namespace mayfly::image
