// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.hpp"

namespace mayfly::vmm::testing {

/// A pipe with its two ends, for tests.
struct Pipe {
  Fd reader;
  Fd writer;

  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
      throw std::runtime_error("pipe2");
    }
    reader = Fd(ends[0]);
    writer = Fd(ends[1]);
  }

  void write(std::string_view text) const {
    if (::write(writer.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
      throw std::runtime_error("write");
    }
  }
  /// Blocks until `count` bytes are there, or the end.
  [[nodiscard]] std::string read(std::size_t count) const {
    std::string text(count, '\0');
    std::size_t done = 0;
    ssize_t part = 0;
    while (done < count && (part = ::read(reader.get(), text.data() + done, count - done)) > 0) {
      done += static_cast<std::size_t>(part);
    }
    text.resize(done);
    return text;
  }
};

}  // namespace mayfly::vmm::testing
