// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <string>

#include "lease/socket.hpp"

namespace mayfly::lease {

/// What a server has answered, and the connection, which is the lease where something was granted.
struct Asked {
  Fd connection{};
  Packet answer{};
};

/// Waits until a socket is readable. False when it gives up; may throw.
using Wait = std::function<bool(int socket)>;
/// For who needs nothing but the answer: a minute.
[[nodiscard]] bool wait_a_minute(int socket) noexcept;

/// Asks the server at `path` for an answer of at most `answer_bytes` and `files_max` descriptors. `wait` is
/// for that, which takes as long as what is asked for is being made ready. Throws Error: nobody serves there,
/// or somebody whom we do not trust, or who does not answer.
[[nodiscard]] Asked ask(const std::string& path, const ServerName& server, std::span<const std::byte> request,
                        std::size_t answer_bytes, std::size_t files_max, const Wait& wait);

/// Throws the Error that such a server's refusal is.
[[noreturn]] void throw_refusal(const std::string& path, const ServerName& server, const std::string& why);

}  // namespace mayfly::lease
