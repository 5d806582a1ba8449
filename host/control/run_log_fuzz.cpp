// SPDX-License-Identifier: Apache-2.0
// Any bytes as the log of a run, read to its end: the head, then the beginning of the ring.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include <sys/mman.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/positioned_io.hpp"
#include "control/run_log.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mayfly;
  const auto bytes = std::as_bytes(std::span(data, size));
  const std::size_t head = std::min(size, sizeof(control::LogHeader));
  Fd file(::memfd_create("log", MFD_CLOEXEC));
  MAYFLY_ASSERT(write_at(file.get(), bytes.first(head), 0) == static_cast<ssize_t>(head));
  MAYFLY_ASSERT(write_at(file.get(), bytes.subspan(head), control::kLogDataAt) ==
                static_cast<ssize_t>(size - head));
  control::RunLogReader reader(std::move(file));
  std::uint64_t room = 0;
  try {
    while (const auto piece = reader.next()) {
      room += control::log_room_of(static_cast<std::uint32_t>(piece->bytes.size()));
      MAYFLY_ASSERT(room <= control::kLogBytes);
    }
  } catch (const Error&) {
  }
  MAYFLY_ASSERT(reader.lost() == 0);
  return 0;
}
