// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/fd.hpp"
#include "control/messages.hpp"

namespace mayfly::control {

/// How a question to a VM ended without an answer.
enum class Silence : std::uint8_t {
  kEnded,    ///< The connection ended: the VM is gone, or has dropped us.
  kTimeOut,  ///< No answer came in time.
};

/// A connection to a VM's control socket. One thread.
class Client {
 public:
  /// Throws Error: no VM has that id, or what is there is not ours.
  explicit Client(const std::string& id);

  /// Asks, and waits for the answer: that long, or as long as it takes. Throws Error when what comes is no
  /// answer.
  [[nodiscard]] Result<Response, Silence> ask(const Request& request,
                                              std::optional<std::chrono::nanoseconds> patience);
  /// The same, where without an answer there is nothing to be done: then it throws Error, too.
  [[nodiscard]] Response require_answer(const Request& request, std::chrono::seconds patience);
  /// The same; nothing when the VM ends first.
  [[nodiscard]] std::optional<Response> ask_while_it_lives(const Request& request,
                                                           std::chrono::seconds patience);
  /// The connection, for what follows the answer to Verb::kExec; this asks nothing any more. Throws Error
  /// when more than the answer has come: who is spoken to says the first word.
  [[nodiscard]] Fd take_stream();
  /// Waits until the VM ends the connection, or drops us for asking nothing; false when that takes longer.
  [[nodiscard]] bool wait_for_end(std::chrono::nanoseconds patience) noexcept;

 private:
  [[nodiscard]] std::string strange_answer() const;

  std::string id_;
  Fd socket_;
  std::string in_;
};

}  // namespace mayfly::control
