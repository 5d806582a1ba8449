// SPDX-License-Identifier: Apache-2.0
#include "vmm/console_output.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

#include "base/error.hpp"

namespace mayfly::vmm {
namespace {

constexpr std::chrono::seconds kLastLook{1};
// Room that a slow reader must have made before the console goes on, so that it gets stretches, not shreds.
constexpr std::size_t kResumeRoom = 64U << 10U;

Fd open_console(const ConsoleSpec& spec) {
  switch (spec.target) {
    case ConsoleTarget::kNone:
      return {};
    case ConsoleTarget::kFile: {
      Fd file(::open(spec.path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666));
      if (!file) {
        fail_errno("cannot write the console to '" + spec.path + "'");
      }
      return file;
    }
    case ConsoleTarget::kTty:
      break;
  }
  Fd terminal(::open("/dev/tty", O_WRONLY | O_CLOEXEC | O_NOCTTY));
  if (!terminal) {
    terminal = Fd(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
  }
  if (!terminal) {
    fail_errno("cannot write the console to stderr");
  }
  return terminal;
}

}  // namespace

ConsoleOutput::ConsoleOutput(const ConsoleSpec& spec) : fd_(open_console(spec)) {
  if (fd_) {
    writer_.emplace(fd_.get(), kBufferBytes, [] {});
  }
}

ConsoleOutput::~ConsoleOutput() {
  if (!writer_.has_value()) {
    return;
  }
  static_cast<void>(note_dropped(0));
  writer_->finish();
  writer_->wait_drained(kLastLook);
}

bool ConsoleOutput::note_dropped(std::size_t room_after) noexcept {
  if (dropped_ == 0) {
    return true;
  }
  constexpr std::string_view kBefore = "\r\n[mayfly: ";
  constexpr std::string_view kAfter = " bytes dropped]\r\n";
  std::array<char, 64> note{};
  char* end = std::copy(kBefore.begin(), kBefore.end(), note.data());
  end = std::to_chars(end, note.data() + note.size() - kAfter.size(), dropped_).ptr;
  end = std::copy(kAfter.begin(), kAfter.end(), end);
  const std::span<const char> text(note.data(), end);
  if (writer_->room() < text.size() + room_after) {
    return false;
  }
  writer_->put(std::as_bytes(text));
  dropped_ = 0;
  return true;
}

void ConsoleOutput::from_guest(std::span<const std::byte> bytes) noexcept {
  if (!writer_.has_value()) {
    return;
  }
  const bool open = writer_->start() && note_dropped(kResumeRoom);
  dropped_ += bytes.size() - (open ? writer_->put(bytes) : 0);
}

std::size_t ConsoleOutput::to_guest(std::span<std::byte> /*buffer*/) noexcept { return 0; }

}  // namespace mayfly::vmm
