// SPDX-License-Identifier: Apache-2.0
#include "cli/control_command.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <utility>

#include "base/error.hpp"
#include "base/say.hpp"
#include "cli/control_text.hpp"
#include "cli/metrics_text.hpp"
#include "cli/print.hpp"
#include "cli/quantity.hpp"
#include "control/client.hpp"
#include "control/socket_folder.hpp"
#include "control/vm_id.hpp"
#include "vmm/cgroup.hpp"

namespace mayfly::cli {
namespace {

using control::Client;
using control::Request;
using control::Response;
using control::Silence;
using control::Verb;

/// A VM that is being built, or resized to hundreds of GiB, answers late.
constexpr std::chrono::seconds kPatience{30};
/// A year: no time that is added to the clock runs over.
constexpr std::uint64_t kTimeoutMaxNs = std::uint64_t{365} * 24 * 3600 * 1'000'000'000;
/// One of many, in a list.
constexpr std::chrono::seconds kListPatience{2};

/// Throws Error that says the refusal.
void require_done(const std::string& id, const Response& response) {
  if (response.refusal) {
    throw Error("the VM '" + id + "': " + response.refusal->message);
  }
}

/// The answer, if the VM does not end first. Throws Error: it refuses, or does not answer.
std::optional<Response> ask_while_it_lives(Client& client, const std::string& id, const Request& request) {
  auto response = client.ask_while_it_lives(request, kPatience);
  if (response) {
    require_done(id, *response);
  }
  return response;
}

Response ask(Client& client, const std::string& id, const Request& request) {
  Response response = client.require_answer(request, kPatience);
  require_done(id, response);
  return response;
}

control::Status status_in(const std::string& id, Response response) {
  if (!response.status) {
    throw Error("the VM '" + id + "' answers without a status");
  }
  return *std::move(response.status);
}

int show_status(const ControlCommand& command) {
  Client client(command.id);
  const auto text = [&command](const control::Status& status) {
    return command.json ? control::to_json_text(status) : to_text(status);
  };
  print(text(status_in(command.id, ask(client, command.id, {.verb = Verb::kStatus}))));
  while (command.watch) {
    if (client.wait_for_end(std::chrono::seconds(1))) {
      return EXIT_SUCCESS;
    }
    auto response = ask_while_it_lives(client, command.id, {.verb = Verb::kStatus});
    if (!response) {
      return EXIT_SUCCESS;
    }
    print((command.json ? "" : "\n") + text(status_in(command.id, *std::move(response))));
  }
  return EXIT_SUCCESS;
}

/// One VM of a list; nothing when it is gone. What does not answer is said.
std::optional<control::Status> list_one(const std::string& id) {
  try {
    Client client(id);
    auto response = client.ask({.verb = Verb::kStatus}, kListPatience);
    if (response.has_value() && response->status) {
      return *std::move(response->status);
    }
    if (!response.has_value() && response.error() == Silence::kTimeOut) {
      warn("the VM '" + id + "' does not answer");
    }
  } catch (const Error& error) {
    if (error.errno_value() != 0) {
      warn(error.what());
    }
  }
  return std::nullopt;
}

std::vector<control::Status> list_all() {
  const control::SocketFolder folder(control::socket_folder(), control::SocketFolder::IfMissing::kStaysEmpty);
  std::vector<control::Status> all;
  for (const std::string& id : folder.ids()) {
    if (auto status = list_one(id)) {
      all.push_back(*std::move(status));
    }
  }
  return all;
}

int list(const ControlCommand& command) {
  const std::vector<control::Status> all = list_all();
  print(command.json ? control::to_json_text(all) : to_table(all));
  return EXIT_SUCCESS;
}

int show_metrics(const ControlCommand& command) {
  std::vector<control::Status> all;
  for (const std::string& id : command.ids) {
    Client client(id);
    all.push_back(status_in(id, ask(client, id, {.verb = Verb::kStatus})));
  }
  print(to_metrics(command.ids.empty() ? list_all() : all));
  return EXIT_SUCCESS;
}

/// Waits for the VM's end; false when that takes longer.
bool has_ended(Client& client, const std::string& id, std::chrono::nanoseconds patience) {
  const auto response = client.ask({.verb = Verb::kWait}, patience);
  if (response.has_value()) {
    require_done(id, *response);
  }
  return response.has_value() || response.error() == Silence::kEnded;
}

int kill(const ControlCommand& command) {
  Client client(command.id);
  if (ask_while_it_lives(client, command.id, {.verb = Verb::kKill}) &&
      !has_ended(client, command.id, kPatience)) {
    throw Error("the VM '" + command.id + "' does not end");
  }
  return EXIT_SUCCESS;
}

int stop(const ControlCommand& command) {
  Client client(command.id);
  if (!ask_while_it_lives(client, command.id, {.verb = Verb::kStop}) ||
      has_ended(client, command.id, std::chrono::nanoseconds(command.timeout_ns))) {
    return EXIT_SUCCESS;
  }
  return kill(command);
}

int wait(const ControlCommand& command) {
  Client client(command.id);
  auto response = client.ask({.verb = Verb::kWait}, std::nullopt);
  if (!response.has_value()) {
    throw Error("the VM '" + command.id + "' has ended without saying its exit status");
  }
  require_done(command.id, *response);
  if (!response->exit_status) {
    throw Error("the VM '" + command.id + "' answers without an exit status");
  }
  return *response->exit_status;
}

int ask_once(const ControlCommand& command, const Request& request) {
  Client client(command.id);
  (void)ask(client, command.id, request);
  return EXIT_SUCCESS;
}

int remove_dead(const std::string& cgroup) {
  const control::SocketFolder folder(control::socket_folder(), control::SocketFolder::IfMissing::kStaysEmpty);
  std::string text;
  for (const std::string& id : folder.remove_dead()) {
    text += id + '\n';
  }
  if (!cgroup.empty()) {
    for (const std::string& id : vmm::CgroupFolder(cgroup).remove_left()) {
      text.append(cgroup).append(" ").append(id).append("\n");
    }
  }
  print(text);
  return EXIT_SUCCESS;
}

/// How many words a command takes that says whom it asks, or asks nobody.
std::size_t words_of(ControlVerb verb) noexcept {
  if (verb == ControlVerb::kPs || verb == ControlVerb::kGc) {
    return 0;
  }
  return verb == ControlVerb::kBalloon ? 2 : 1;
}

}  // namespace

ControlCommand check_control_options(ControlVerb verb, const ControlOptions& options) {
  if (verb == ControlVerb::kMetrics) {
    std::ranges::for_each(options.words, control::require_vm_id);
    return {.verb = verb, .ids = options.words};
  }
  const std::size_t takes = words_of(verb);
  if (options.words.size() > takes) {
    throw Error("unknown argument '" + options.words[takes] + "'");
  }
  ControlCommand command{
      .verb = verb, .cgroup = options.cgroup, .json = options.json, .watch = options.watch};
  if (takes > 0) {
    if (options.words.empty()) {
      throw Error("no VM given; name one by its id, which mayfly ps lists");
    }
    command.id = options.words.front();
    control::require_vm_id(command.id);
  }
  if (verb == ControlVerb::kBalloon) {
    if (options.words.size() < 2) {
      throw Error("no size given; write one after the id, such as 256M");
    }
    const auto bytes = parse_bytes(options.words[1]);
    if (!bytes) {
      throw Error("'" + options.words[1] +
                  "' is not a size; write a number with K, M, G or T, such as 256M, or 0");
    }
    command.bytes = *bytes;
  }
  if (!options.timeout.empty()) {
    const auto timeout = parse_duration(options.timeout);
    if (!timeout) {
      throw Error("--timeout '" + options.timeout +
                  "': not a time; write a number with ms, s, m or h, such as 10s");
    }
    command.timeout_ns = std::min(*timeout, kTimeoutMaxNs);
  }
  return command;
}

int run_control_command(const ControlCommand& command) {
  switch (command.verb) {
    case ControlVerb::kPs:
      return list(command);
    case ControlVerb::kStatus:
      return show_status(command);
    case ControlVerb::kBalloon:
      return ask_once(command, {.verb = Verb::kBalloon, .bytes = command.bytes});
    case ControlVerb::kStop:
      return stop(command);
    case ControlVerb::kKill:
      return kill(command);
    case ControlVerb::kWait:
      return wait(command);
    case ControlVerb::kPause:
      return ask_once(command, {.verb = Verb::kPause});
    case ControlVerb::kResume:
      return ask_once(command, {.verb = Verb::kResume});
    case ControlVerb::kMetrics:
      return show_metrics(command);
    case ControlVerb::kGc:
      return remove_dead(command.cgroup);
  }
  return EXIT_FAILURE;
}

}  // namespace mayfly::cli
