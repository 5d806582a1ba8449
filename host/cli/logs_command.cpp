// SPDX-License-Identifier: Apache-2.0
#include "cli/logs_command.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <thread>

#include "base/error.hpp"
#include "base/say.hpp"
#include "base/time_text.hpp"
#include "control/run_log.hpp"
#include "control/socket_folder.hpp"
#include "control/vm_id.hpp"

namespace mayfly::cli {
namespace {

using control::LogStream;
using control::RunLogReader;

/// A log that says nothing is looked at again so soon.
constexpr std::chrono::milliseconds kLookAgain{100};
constexpr unsigned kMicroseconds = 6;

/// One stream of a log on one of ours.
class Printer {
 public:
  Printer(std::FILE* file, bool timestamps) noexcept : file_(file), timestamps_(timestamps) {}

  void print(const RunLogReader::Piece& piece) {
    std::string_view rest = piece.bytes;
    while (!rest.empty()) {
      const std::size_t line = timestamps_ ? rest.find('\n') : std::string_view::npos;
      const std::string_view now = rest.substr(0, line == std::string_view::npos ? line : line + 1);
      if (timestamps_ && at_begin_) {
        put(time_text(piece.time_ns, kMicroseconds) + " ");
      }
      put(now);
      at_begin_ = now.back() == '\n';
      rest.remove_prefix(now.size());
    }
  }
  void flush() {
    if (std::fflush(file_) != 0) {
      fail_errno("cannot write");
    }
  }

 private:
  void put(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), file_) != text.size()) {
      fail_errno("cannot write");
    }
  }

  std::FILE* file_;
  bool timestamps_;
  bool at_begin_ = true;
};

}  // namespace

LogsCommand check_logs_options(const std::vector<std::string>& words, bool follow, bool timestamps) {
  if (words.empty()) {
    throw Error("no VM given; name one by its id, which mayfly run --detach printed");
  }
  if (words.size() > 1) {
    throw Error("unknown argument '" + words[1] + "'");
  }
  control::require_vm_id(words.front());
  return {words.front(), follow, timestamps};
}

void print_log(const LogsCommand& command) {
  const control::SocketFolder folder(control::socket_folder(), control::SocketFolder::IfMissing::kStaysEmpty);
  RunLogReader reader(folder.open_log(command.id));
  Printer out(stdout, command.timestamps);
  Printer err(stderr, command.timestamps);
  // By itself: it may come amid a line of the workload's.
  Printer own(stderr, command.timestamps);
  const auto printer_of = [&](LogStream stream) -> Printer& {
    return stream == LogStream::kStdout ? out : stream == LogStream::kStderr ? err : own;
  };
  while (true) {
    const bool goes_on = command.follow && reader.is_written();
    while (const auto piece = reader.next()) {
      printer_of(piece->stream).print(*piece);
      // In the order in which they were written, where both go to one place.
      printer_of(piece->stream).flush();
    }
    if (!goes_on) {
      break;
    }
    std::this_thread::sleep_for(kLookAgain);
  }
  if (reader.lost() != 0) {
    warn(std::to_string(reader.lost() / 1024) +
         " KiB were written over before they were read; this log keeps the last " +
         std::to_string(control::kLogBytes / 1024) + " KiB");
  }
}

}  // namespace mayfly::cli
