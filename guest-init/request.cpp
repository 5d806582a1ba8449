// SPDX-License-Identifier: Apache-2.0
#include "guest-init/request.hpp"

#include <cerrno>
#include <cstring>

#include "guest-init/protocol/frame.hpp"

namespace mayfly::init {
namespace {

using protocol::LaunchField;
using protocol::LaunchRecord;

/// True when `assignment` sets `name`.
[[nodiscard]] bool sets(const char* assignment, std::string_view name) noexcept {
  return std::strncmp(assignment, name.data(), name.size()) == 0 && assignment[name.size()] == '=';
}

[[nodiscard]] std::size_t count(const protocol::LaunchRequest& launch, LaunchField field) noexcept {
  std::size_t found = 0;
  launch.for_each([&](const LaunchRecord& record) { found += record.field == field ? 1 : 0; });
  return found;
}

void store(Request& request, std::size_t& arguments, const LaunchRecord& record, char* text) noexcept {
  switch (record.field) {
    case LaunchField::kArgument:
      request.arguments[arguments++] = text;
      break;
    case LaunchField::kEnvironment:
      request.environment[request.environment_size++] = text;
      break;
    case LaunchField::kWorkdir:
      request.workdir = text;
      break;
    case LaunchField::kUser:
      request.user = record.value;
      break;
    case LaunchField::kHostname:
      request.hostname = record.value;
      break;
    case LaunchField::kNetwork:
      request.networks[request.network_count++] = {protocol::load_from<protocol::NetworkSetup>(record.value),
                                                   text + sizeof(protocol::NetworkSetup)};
      break;
    case LaunchField::kNameserver:
      request.nameservers[request.nameserver_count++] =
          protocol::load_from<protocol::Ipv4Address>(record.value);
      break;
    case LaunchField::kAgentPort:
      request.agent_port = protocol::load_from<std::uint32_t>(record.value);
      break;
    case LaunchField::kMount:
      request.mounts[request.mount_count++] = {protocol::load_from<protocol::DiskMount>(record.value),
                                               text + sizeof(protocol::DiskMount)};
      break;
    case LaunchField::kModule:
      request.modules[request.module_count++] = text;
      break;
    case LaunchField::kTerminal:
      break;
  }
}

}  // namespace

const char* Request::variable(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < environment_size; ++i) {
    if (sets(environment[i], name)) {
      return environment[i] + name.size() + 1;
    }
  }
  return nullptr;
}

void Request::set_default(std::string_view name, const char* assignment) noexcept {
  if (variable(name) != nullptr) {
    return;
  }
  // execve() wants pointers to mutable characters and changes none.
  environment[environment_size++] = const_cast<char*>(assignment);
  environment[environment_size] = nullptr;
}

Step index_request(RequestStorage& storage, std::size_t size, Request& request) noexcept {
  protocol::LaunchFault fault{};
  const auto launch = protocol::LaunchRequest::parse({storage.bytes.data(), size}, fault);
  if (!launch) {
    return setup_failure(EPROTO, protocol::describe(fault));
  }
  const std::size_t arguments = count(*launch, LaunchField::kArgument);
  if (arguments == 0) {
    return setup_failure(EINVAL, "launch request names no command");
  }
  request.arguments = storage.strings.data();
  request.environment = request.arguments + arguments + 1;
  request.terminal = launch->terminal();
  std::size_t stored = 0;
  launch->for_each([&](const LaunchRecord& record) {
    // Safe: the value lies in storage.bytes. The header before it has been read: its first byte ends the
    // string of the record before.
    char* text = reinterpret_cast<char*>(storage.bytes.data()) +
                 (record.value.data() - reinterpret_cast<const char*>(storage.bytes.data()));
    *(text - protocol::kRecordHeaderBytes) = '\0';
    store(request, stored, record, text);
  });
  storage.bytes[size] = std::byte{0};
  request.arguments[arguments] = nullptr;
  request.environment[request.environment_size] = nullptr;
  return std::nullopt;
}

Step inherit(const Request& first, RequestStorage& storage, Request& request) noexcept {
  const auto used =
      static_cast<std::size_t>(request.environment - storage.strings.data()) + request.environment_size;
  if (storage.strings.size() - used < first.environment_size + kDefaultVariablesMax + 1) {
    return setup_failure(E2BIG, "adding the variables of the VM to those of the command");
  }
  for (std::size_t i = 0; i < first.environment_size; ++i) {
    const char* const variable = first.environment[i];
    request.set_default({variable, std::strcspn(variable, "=")}, variable);
  }
  if (request.workdir == nullptr) {
    request.workdir = first.workdir;
  }
  if (request.user.empty()) {
    request.user = first.user;
  }
  return std::nullopt;
}

Step receive_request(Channel& channel, RequestStorage& storage, Request& request) noexcept {
  protocol::FrameHeader header{};
  if (Step failed = channel.receive(std::as_writable_bytes(std::span(&header, 1))); failed) {
    return failed;
  }
  if (header.type != protocol::FrameType::kLaunch || header.stream != protocol::Stream::kStdin ||
      header.zero != 0 || header.payload_bytes > protocol::kLaunchBytesMax) {
    return setup_failure(EPROTO, "channel does not begin with a launch request");
  }
  if (Step failed = channel.receive({storage.bytes.data(), header.payload_bytes}); failed) {
    return failed;
  }
  return index_request(storage, header.payload_bytes, request);
}

}  // namespace mayfly::init
