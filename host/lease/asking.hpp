// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "lease/socket.hpp"

namespace mayfly::lease {

/// What a server has answered, and the connection, which is the lease where something was granted.
struct Asked {
  Fd connection{};
  Packet answer{};
};

/// Asks the server at `path`, and waits up to a minute for its answer, of at most `answer_bytes` and
/// `files_max` descriptors. Throws Error: nobody serves there, or somebody whom we do not trust, or who does
/// not answer.
[[nodiscard]] Asked ask(const std::string& path, const ServerName& server, std::span<const std::byte> request,
                        std::size_t answer_bytes, std::size_t files_max);

/// Throws the Error that such a server's refusal is.
[[noreturn]] void throw_refusal(const std::string& path, const ServerName& server, const std::string& why);

}  // namespace mayfly::lease
