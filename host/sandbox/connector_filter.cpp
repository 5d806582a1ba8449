// SPDX-License-Identifier: Apache-2.0
#include "sandbox/connector_filter.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "sandbox/bpf_program.hpp"
#include "sandbox/filters.hpp"
#include "sandbox/landlock.hpp"
#include "sandbox/privileges.hpp"
#include "sandbox/rules.hpp"

namespace mayfly::sandbox {
namespace {

/// The one thread of a process that is none of the VM's.
constexpr Threads kConnector = 1;

/// All system calls of that process, and what each is for. What it does with a path it must be trusted with:
/// no filter sees a path.
constexpr std::array kConnectorRules{
    // A request, or the end.
    Rule{SYS_recvfrom, kConnector},
    // A stream, to a path and nowhere else: of the internet there is no socket.
    Rule{SYS_socket, kConnector, {is(0, AF_UNIX), is(1, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)}},
    Rule{SYS_connect, kConnector, {is(2, sizeof(sockaddr_un))}},
    // The answer, with the stream.
    Rule{SYS_sendmsg, kConnector, {is(2, MSG_DONTWAIT | MSG_NOSIGNAL)}},
    Rule{SYS_close, kConnector},
    // The end: is the socket at the path still ours, and away with it.
    Rule{SYS_newfstatat, kConnector, {is(3, AT_SYMLINK_NOFOLLOW)}},
    Rule{SYS_unlink, kConnector},
    // Paths are put together in memory.
    Rule{SYS_brk, kConnector},
    Rule{SYS_exit_group, kConnector},
};
static_assert(count_allowed(kConnectorRules, kConnector) == kConnectorRules.size());

constexpr BpfProgram kConnectorProgram = compile(kConnectorRules, kConnector);
static_assert(kConnectorProgram.own_process == 0 && kConnectorProgram.own_folder == 0);

int install_table(Mode mode) noexcept {
  BpfProgram program = kConnectorProgram;
  if (mode == Mode::kLog) {
    program.instructions[program.denial].k = SECCOMP_RET_LOG;
  }
  return install_program(std::span(program.instructions).first(program.size));
}

}  // namespace

int confine_connector(Mode mode, int folder) noexcept {
  if (mode == Mode::kOff || kSanitized) {
    return 0;
  }
  // Its channel, the socket at the path, a stream; and what stands for stdio.
  constexpr rlim_t kFilesMax = 16;
  constexpr rlimit kFiles{kFilesMax, kFilesMax};
  constexpr rlimit kNoCore{0, 0};
  if (::setrlimit(RLIMIT_CORE, &kNoCore) != 0 || ::setrlimit(RLIMIT_NOFILE, &kFiles) != 0) {
    return errno;
  }
  if (const int error = drop_bounding_set(); error != 0) {
    return error;
  }
  if (const int error = drop_privileges(); error != 0) {
    return error;
  }
  if (const int error = restrict_by_landlock(folder); error != 0) {
    return error;
  }
  return install_table(mode);
}

}  // namespace mayfly::sandbox
