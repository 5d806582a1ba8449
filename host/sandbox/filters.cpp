// SPDX-License-Identifier: Apache-2.0
#include "sandbox/filters.hpp"

#include <cerrno>

#include <unistd.h>

#include "sandbox/system_calls.hpp"

namespace mayfly::sandbox {
namespace {

/// Main's says what is allowed, as do those of threads that began before it. The others are started by main,
/// or by who was, and so have main's already: theirs say what of that is not.
template <ThreadKind kind>
consteval BpfProgram program() {
  return kind == ThreadKind::kMain || is_before_main(kind)
             ? compile(kRules, with_started(kind))
             : compile_difference(kRules, with_started(ThreadKind::kMain), with_started(kind));
}

/// No longer than it is: they lie in the program's file.
template <ThreadKind kind>
constexpr auto kInstructions = [] {
  constexpr BpfProgram kProgram = program<kind>();
  std::array<sock_filter, kProgram.size> exact{};
  std::copy_n(kProgram.instructions.begin(), exact.size(), exact.begin());
  return exact;
}();

struct Filter {
  std::span<const sock_filter> instructions;
  std::size_t denial;
  std::size_t own_process;
  std::size_t own_folder;
};

template <ThreadKind kind>
constexpr Filter filter() noexcept {
  constexpr BpfProgram kProgram = program<kind>();
  return {kInstructions<kind>, kProgram.denial, kProgram.own_process, kProgram.own_folder};
}

Filter filter_of(ThreadKind kind) noexcept {
  switch (kind) {
    case ThreadKind::kMain:
      return filter<ThreadKind::kMain>();
    case ThreadKind::kVcpu:
      return filter<ThreadKind::kVcpu>();
    case ThreadKind::kStdio:
      return filter<ThreadKind::kStdio>();
    case ThreadKind::kControl:
      return filter<ThreadKind::kControl>();
    case ThreadKind::kIo:
      return filter<ThreadKind::kIo>();
    case ThreadKind::kSockets:
      return filter<ThreadKind::kSockets>();
    case ThreadKind::kDisk:
      return filter<ThreadKind::kDisk>();
    case ThreadKind::kMapper:
      break;
  }
  return filter<ThreadKind::kMapper>();
}

}  // namespace

ReadyFilter ready_filter(ThreadKind kind, Mode mode, int folder) noexcept {
  const Filter filter = filter_of(kind);
  ReadyFilter ready;
  ready.size = filter.instructions.size();
  std::copy(filter.instructions.begin(), filter.instructions.end(), ready.instructions.begin());
  if (mode == Mode::kLog) {
    ready.instructions[filter.denial].k = SECCOMP_RET_LOG;
  }
  if (filter.own_process != 0) {
    ready.instructions[filter.own_process].k = static_cast<std::uint32_t>(::getpid());
  }
  if (filter.own_folder != 0) {
    sock_filter& is_folder = ready.instructions[filter.own_folder];
    is_folder.k = static_cast<std::uint32_t>(folder);
    if (folder == kNoFolder) {
      // An absolute path is one whatever descriptor comes with it.
      is_folder.jt = is_folder.jf;
    }
  }
  return ready;
}

int install_program(std::span<sock_filter> program) noexcept {
  const sock_fprog whole{static_cast<unsigned short>(program.size()), program.data()};
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &whole) == 0 ? 0 : errno;
}

int install_filter(ThreadKind kind, Mode mode, int folder) noexcept {
  ReadyFilter ready = ready_filter(kind, mode, folder);
  return install_program(std::span(ready.instructions).first(ready.size));
}

}  // namespace mayfly::sandbox
