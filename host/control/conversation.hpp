// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "control/running_vm.hpp"

namespace mayfly::control {

/// Whether somebody may ask at all.
enum class Trust : std::uint8_t { kOurs, kStranger };

/// What one client says and is answered, without socket and clock: requests come as bytes, cut anywhere, and
/// are answered one after the other. Nothing is taken while an answer is on its way, so a client that takes
/// none costs one answer and one request's bytes. One thread.
class Conversation {
 public:
  /// A stranger is refused what it asks for first. `vm` outlives this.
  Conversation(RunningVm& vm, Trust trust) noexcept : vm_(vm), trust_(trust) {}

  /// How many bytes it takes now; 0 while it answers or waits, and once it is over.
  [[nodiscard]] std::size_t room() const noexcept;
  /// At most room() of them.
  void take(std::string_view bytes);
  /// No more will come: what is whole of what came is answered.
  void end_input() noexcept { input_ended_ = true; }

  /// What is to be sent, until sent() has it all.
  [[nodiscard]] std::string_view unsent() const noexcept { return std::string_view(out_).substr(out_at_); }
  void sent(std::size_t bytes);

  /// True while it waits for the VM's end.
  [[nodiscard]] bool waits() const noexcept { return waits_; }
  /// Refuses what it waits for.
  void refuse_wait();
  /// All that was asked for is answered, and the client is to be joined to the guest's agent. Final.
  [[nodiscard]] bool is_for_agent() const noexcept { return for_agent_ && unsent().empty(); }
  /// The VM has ended: answers who waits.
  void end(int exit_status);
  /// Nothing is to be sent or taken any more.
  [[nodiscard]] bool is_over() const noexcept;

 private:
  void answer_next();
  void answer(std::string_view line);
  [[nodiscard]] Response response_to(const Request& request);
  [[nodiscard]] Result<void, Refusal> begin_exec();
  void say(const Response& response) { out_ += to_line(response); }

  RunningVm& vm_;
  Trust trust_;
  std::string in_;
  std::string out_;
  std::size_t out_at_ = 0;
  bool waits_ = false;
  bool for_agent_ = false;
  bool input_ended_ = false;
  bool over_ = false;
};

}  // namespace mayfly::control
