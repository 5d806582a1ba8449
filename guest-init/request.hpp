// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "guest-init/channel.hpp"
#include "guest-init/failure.hpp"
#include "guest-init/protocol/launch.hpp"

namespace mayfly::init {

/// A disk, and the directory that it is mounted at.
struct Mount {
  protocol::DiskMount what;
  const char* path;
};

/// A network interface, and what the host calls the other end of its device; empty unless it is set up by
/// DHCP.
struct Network {
  protocol::NetworkSetup setup;
  const char* other_end;
};

/// What to run, as execve() takes it. All strings lie in the RequestStorage.
struct Request {
  char** arguments = nullptr;        ///< Ends with a null pointer; holds one string at least.
  char** environment = nullptr;      ///< Ends with a null pointer; room for kDefaultVariablesMax more.
  std::size_t environment_size = 0;  ///< Without the null pointer.
  const char* workdir = nullptr;     ///< Null: "/".
  std::string_view user;             ///< Empty: root.
  std::string_view hostname;         ///< Empty: the default.
  std::optional<protocol::TerminalSize> terminal;
  std::array<Network, protocol::kNetworksMax> networks;
  std::size_t network_count = 0;
  std::array<protocol::Ipv4Address, protocol::kNameserversMax> nameservers;
  std::size_t nameserver_count = 0;
  std::uint32_t agent_port = 0;  ///< 0: none.
  std::array<Mount, protocol::kMountsMax> mounts;
  std::size_t mount_count = 0;
  std::array<const char*, protocol::kModulesMax> modules;  ///< Each a name, and after a blank its parameters.
  std::size_t module_count = 0;

  /// The value of an environment variable, or null.
  [[nodiscard]] const char* variable(std::string_view name) const noexcept;

  /// Appends "NAME=value", which must outlive the request, unless NAME is there already.
  void set_default(std::string_view name, const char* assignment) noexcept;
};

/// Most calls of set_default() that a request takes, beside inherit().
inline constexpr std::size_t kDefaultVariablesMax = 3;

/// Room for the largest launch request. Lies in .bss: pages that are not touched cost nothing.
struct RequestStorage {
  /// One byte more than the request, for the terminator of its last string.
  std::array<std::byte, protocol::kLaunchBytesMax + 1> bytes;
  /// A record has a header of eight bytes, so a request holds no more strings than this.
  std::array<char*, protocol::kLaunchBytesMax / protocol::kRecordHeaderBytes + 2 + kDefaultVariablesMax>
      strings;
};

/// Turns the first `size` bytes of the storage, a launch request, into a Request. Terminates the strings in
/// place, over the record headers, so the bytes are no launch request afterwards.
[[nodiscard]] Step index_request(RequestStorage& storage, std::size_t size, Request& request) noexcept;

/// Gives `request`, which lies in `storage`, those variables of `first` that it does not set itself, and the
/// directory and user of `first` where it names none. Error: together they have more variables than the
/// storage has room for (E2BIG).
[[nodiscard]] Step inherit(const Request& first, RequestStorage& storage, Request& request) noexcept;

/// Receives the launch frame, the first of the channel, and indexes it.
[[nodiscard]] Step receive_request(Channel& channel, RequestStorage& storage, Request& request) noexcept;

}  // namespace mayfly::init
