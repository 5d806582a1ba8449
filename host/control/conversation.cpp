// SPDX-License-Identifier: Apache-2.0
#include "control/conversation.hpp"

#include <exception>
#include <utility>

#include "base/error.hpp"

namespace mayfly::control {
namespace {

Response response_of(Result<void, Refusal> done) {
  Response response;
  if (!done.has_value()) {
    response.refusal = std::move(done.error());
  }
  return response;
}

}  // namespace

std::size_t Conversation::room() const noexcept {
  // One byte more than a request has, so that a longer one is seen.
  return over_ || waits_ || for_agent_ || input_ended_ || !unsent().empty()
             ? 0
             : kRequestBytesMax + 1 - in_.size();
}

void Conversation::take(std::string_view bytes) {
  MAYFLY_ASSERT(bytes.size() <= room());
  in_ += bytes;
  answer_next();
}

void Conversation::sent(std::size_t bytes) {
  MAYFLY_ASSERT(bytes <= unsent().size());
  out_at_ += bytes;
  if (unsent().empty()) {
    out_.clear();
    out_at_ = 0;
    answer_next();
  }
}

void Conversation::refuse_wait() {
  waits_ = false;
  say({.refusal = Refusal{"busy", "as many clients as may already wait for this VM's end"}});
}

void Conversation::end(int exit_status) {
  if (waits_) {
    waits_ = false;
    say({.exit_status = exit_status});
  }
  over_ = true;
}

bool Conversation::is_over() const noexcept { return unsent().empty() && !waits_ && (over_ || input_ended_); }

void Conversation::answer_next() {
  while (!over_ && !waits_ && !for_agent_ && unsent().empty()) {
    const std::size_t end = in_.find('\n');
    if (end == std::string::npos) {
      if (in_.size() > kRequestBytesMax) {
        // Where the next request begins nobody knows.
        answer(in_);
        over_ = true;
      }
      return;
    }
    const std::string line = in_.substr(0, end);
    in_.erase(0, end + 1);
    answer(line);
  }
}

void Conversation::answer(std::string_view line) {
  if (trust_ == Trust::kStranger) {
    say({.refusal = Refusal{"permission", "only the user who runs this VM, and root, may ask"}});
    over_ = true;
    return;
  }
  auto request = parse_request(line);
  if (!request.has_value()) {
    say({.refusal = std::move(request.error())});
    return;
  }
  if (request->verb == Verb::kWait) {
    waits_ = true;
    return;
  }
  try {
    say(response_to(*request));
  } catch (const std::exception& error) {
    say({.refusal = Refusal{"host", error.what()}});
  }
}

Response Conversation::response_to(const Request& request) {
  switch (request.verb) {
    case Verb::kStatus:
      return {.status = vm_.status()};
    case Verb::kBalloon:
      return response_of(vm_.set_balloon(request.bytes));
    case Verb::kStop:
      return response_of(vm_.stop());
    case Verb::kKill:
      return response_of(vm_.kill());
    case Verb::kPause:
      return response_of(vm_.pause());
    case Verb::kResume:
      return response_of(vm_.resume());
    case Verb::kExec:
      return response_of(begin_exec());
    case Verb::kWait:
      break;
  }
  return {};
}

Result<void, Refusal> Conversation::begin_exec() {
  if (!in_.empty()) {
    return unexpected(Refusal{"malformed", "after exec the client waits for its answer"});
  }
  auto done = vm_.may_exec();
  for_agent_ = done.has_value();
  return done;
}

}  // namespace mayfly::control
