// SPDX-License-Identifier: Apache-2.0
#include "vmm/session_launch.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/error.hpp"

namespace mayfly::vmm {
namespace {

using protocol::LaunchField;
using protocol::LaunchRecord;

constexpr std::string_view kTerm = "TERM";

std::string_view name_of(std::string_view variable) noexcept {
  return variable.substr(0, variable.find('='));
}

bool names(const std::vector<std::string>& environment, std::string_view name) noexcept {
  return std::ranges::any_of(environment,
                             [&](const std::string& variable) { return name_of(variable) == name; });
}

// Of several with one name the last counts, as on a shell's command line.
bool is_last_of_name(const std::vector<std::string>& environment, std::size_t index) noexcept {
  return std::none_of(
      environment.begin() + static_cast<std::ptrdiff_t>(index) + 1, environment.end(),
      [&](const std::string& later) { return name_of(later) == name_of(environment[index]); });
}

bool replaced(const LaunchRecord& record, const RunConfig& config) noexcept {
  switch (record.field) {
    case LaunchField::kArgument:
      return !config.command.empty();
    case LaunchField::kEnvironment:
      return names(config.environment, name_of(record.value));
    case LaunchField::kWorkdir:
      return config.workdir.has_value();
    case LaunchField::kUser:
      return config.user.has_value();
    case LaunchField::kTerminal:
    case LaunchField::kNetwork:
    case LaunchField::kNameserver:
    case LaunchField::kAgentPort:
    case LaunchField::kMount:
    case LaunchField::kModule:
      return true;  // the caller's to say
    case LaunchField::kHostname:
      break;
  }
  return false;
}

using Writer = protocol::LaunchWriter<std::vector<std::byte>>;

void add_network(Writer& writer, const NetDevice& network) {
  std::string value(sizeof(network.setup), '\0');
  std::memcpy(value.data(), &network.setup, sizeof(network.setup));
  if (network.setup.has_address == protocol::kAddressByDhcp) {
    value += network.other_end();
  }
  writer.add(LaunchField::kNetwork, value);
}

void add_variables(Writer& writer, const std::vector<std::string>& environment) {
  for (std::size_t i = 0; i < environment.size(); ++i) {
    if (is_last_of_name(environment, i)) {
      writer.add(LaunchField::kEnvironment, environment[i]);
    }
  }
}

// What a command line says of a command, without its words.
template <typename Config>
void add_setting(Writer& writer, const Config& config) {
  add_variables(writer, config.environment);
  if (config.workdir.has_value()) {
    writer.add(LaunchField::kWorkdir, *config.workdir);
  }
  if (config.user.has_value()) {
    writer.add(LaunchField::kUser, *config.user);
  }
}

void add_terminal(Writer& writer, const LaunchTerminal& terminal, bool has_term) {
  writer.add_terminal(terminal.size);
  if (!has_term && !terminal.type.empty()) {
    writer.add(LaunchField::kEnvironment, std::string(kTerm) + "=" + std::string(terminal.type));
  }
}

void require_fit(const std::vector<std::byte>& request) {
  if (request.size() > protocol::kLaunchBytesMax) {
    throw Error("command and environment take " + std::to_string(request.size()) +
                " bytes, over the limit of 6 MiB; pass large input through stdin");
  }
}

void add_mount(Writer& writer, std::size_t index, const DiskDevice& disk) {
  if (disk.mount.empty()) {
    return;
  }
  const protocol::DiskMount mount{.disk = static_cast<std::uint8_t>(index),
                                  .read_only = static_cast<std::uint8_t>(disk.is_read_only ? 1 : 0),
                                  .file_system = disk.file_system,
                                  .zero = 0};
  // Safe: the object representation of bytes.
  std::string value(reinterpret_cast<const char*>(&mount), sizeof(mount));
  writer.add(LaunchField::kMount, value += disk.mount);
}

}  // namespace

LaunchTerminal callers_terminal(const Terminal& terminal) noexcept {
  const char* const type = std::getenv("TERM");
  return {terminal.size(), type == nullptr ? "" : type};
}

std::vector<std::byte> make_launch(const RunConfig& config, const protocol::LaunchRequest& image,
                                   const std::optional<LaunchTerminal>& terminal) {
  std::vector<std::byte> request;
  Writer writer(request);
  bool has_command = !config.command.empty();
  bool has_term = names(config.environment, kTerm);
  image.for_each([&](const LaunchRecord& record) {
    has_command = has_command || record.field == LaunchField::kArgument;
    has_term = has_term || (record.field == LaunchField::kEnvironment && name_of(record.value) == kTerm);
    if (!replaced(record, config)) {
      writer.add(record.field, record.value);
    }
  });
  if (!has_command) {
    throw Error("the image names no command to run; give one after --, as in: mayfly run --image FILE -- sh");
  }
  for (const std::string& argument : config.command) {
    writer.add(LaunchField::kArgument, argument);
  }
  add_setting(writer, config);
  for (const NetDevice& network : config.networks) {
    add_network(writer, network);
    for (const protocol::Ipv4Address& server : network.nameservers) {
      writer.add_fixed(LaunchField::kNameserver, server);
    }
  }
  if (config.sockets.has_value() && !config.sockets->by_vhost) {
    writer.add_fixed(LaunchField::kAgentPort, protocol::kAgentListensAt);
  }
  for (std::size_t i = 0; i < config.disks.size(); ++i) {
    add_mount(writer, i, config.disks[i]);
  }
  for (const std::string& module : config.modules) {
    writer.add(LaunchField::kModule, module);
  }
  if (terminal.has_value()) {
    add_terminal(writer, *terminal, has_term);
  }
  require_fit(request);
  return request;
}

std::vector<std::byte> make_exec_launch(const ExecConfig& config,
                                        const std::optional<LaunchTerminal>& terminal) {
  std::vector<std::byte> request;
  Writer writer(request);
  for (const std::string& argument : config.command) {
    writer.add(LaunchField::kArgument, argument);
  }
  add_setting(writer, config);
  if (terminal.has_value()) {
    add_terminal(writer, *terminal, names(config.environment, kTerm));
  }
  require_fit(request);
  return request;
}

}  // namespace mayfly::vmm
