// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mayfly::control {

/// What a VM is doing.
enum class State : std::uint8_t {
  kStarting,  ///< The guest boots.
  kRunning,   ///< It has said that it is ready.
  kPaused,
  kEnding,  ///< It is being taken down.
};

/// A balloon, bytes.
struct BalloonStatus {
  std::uint64_t held_bytes = 0;
  std::uint64_t target_bytes = 0;
};

/// The map of guest memory for passed-through devices, bytes.
struct DmaStatus {
  std::uint64_t ram_bytes = 0;
  std::uint64_t populated_bytes = 0;
  std::uint64_t mapped_bytes = 0;
  std::uint64_t held_bytes = 0;
  /// Why no more will be mapped, a sentence; empty: the host has refused nothing.
  std::string failure{};

  [[nodiscard]] bool is_finished() const noexcept { return mapped_bytes == ram_bytes; }
};

/// What was populated, and mapped for the guest, before it ran; bytes.
struct PrefaultStatus {
  std::uint64_t populated_bytes = 0;
  std::uint64_t mapped_bytes = 0;
};

/// What all disks together were asked for up to now, and how often that failed.
struct DisksStatus {
  std::uint64_t reads = 0;
  std::uint64_t read_bytes = 0;
  std::uint64_t read_errors = 0;
  std::uint64_t writes = 0;
  std::uint64_t written_bytes = 0;
  std::uint64_t write_errors = 0;
  std::uint64_t flushes = 0;
  std::uint64_t flush_errors = 0;
  /// How often requests had to wait for a limit, and how long.
  std::uint64_t holds = 0;
  std::uint64_t held_ns = 0;
};

/// What all network devices together have done up to now.
struct NetworkStatus {
  std::uint64_t sent_packets = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t sent_dropped = 0;
  std::uint64_t send_holds = 0;
  std::uint64_t send_held_ns = 0;
  std::uint64_t received_packets = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t received_dropped = 0;
  std::uint64_t receive_holds = 0;
  std::uint64_t receive_held_ns = 0;
};

/// Connections of a guest's sockets.
struct SocketsStatus {
  std::uint64_t connections = 0;  ///< Now.
  std::uint64_t opened = 0;       ///< Up to now.
  std::uint64_t bytes_to_guest = 0;
  std::uint64_t bytes_to_host = 0;
  std::uint64_t send_holds = 0;
  std::uint64_t send_held_ns = 0;
  std::uint64_t receive_holds = 0;
  std::uint64_t receive_held_ns = 0;
};

/// What a VM says of itself. Times are nanoseconds since exec of mayfly.
struct Status {
  std::string id{};
  std::int32_t pid = 0;
  State state = State::kStarting;
  std::uint64_t uptime_ns = 0;
  /// Absent until the guest has said that it is ready.
  std::optional<std::uint64_t> ready_ns{};
  std::string image{};
  std::uint32_t cpus = 0;
  std::uint64_t memory_bytes = 0;
  /// What memory is made of, as --pages has it.
  std::string pages{};
  /// Of memory_bytes, with host memory behind them.
  std::uint64_t populated_bytes = 0;
  /// Absent: there is none. The same for the next five.
  std::optional<BalloonStatus> balloon{};
  std::optional<DmaStatus> dma{};
  std::optional<PrefaultStatus> prefault{};
  std::optional<NetworkStatus> network{};
  std::optional<DisksStatus> disks{};
  std::optional<SocketsStatus> sockets{};
  /// To mayfly, by reason.
  std::vector<std::pair<std::string, std::uint64_t>> exits{};
  /// Passed-through devices, by their address in the host.
  std::vector<std::string> devices{};
};

}  // namespace mayfly::control
