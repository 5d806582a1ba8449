// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "control/running_vm.hpp"

namespace mayfly::control::testing {

/// A status in which everything is there.
inline Status full_status() {
  return {.id = "web-1",
          .pid = 77,
          .state = State::kPaused,
          .uptime_ns = 12'345'678'901,
          .ready_ns = 43'000'000,
          .image = "/images/app.img",
          .cpus = 2,
          .memory_bytes = 1ULL << 30U,
          .pages = "2m",
          .populated_bytes = 200ULL << 20U,
          .balloon = BalloonStatus{.held_bytes = 512ULL << 20U, .target_bytes = 256ULL << 20U},
          .dma = DmaStatus{.ram_bytes = 1ULL << 30U,
                           .populated_bytes = 768ULL << 20U,
                           .mapped_bytes = 256ULL << 20U,
                           .held_bytes = 128ULL << 20U,
                           .failure = "no memory"},
          .prefault = PrefaultStatus{.populated_bytes = 1ULL << 30U, .mapped_bytes = 0},
          .network = NetworkStatus{.sent_packets = 21, .send_held_ns = 1'000'000'022, .receive_holds = 23},
          .disks = DisksStatus{.reads = 11,
                               .read_bytes = 12,
                               .read_errors = 13,
                               .writes = 14,
                               .written_bytes = 15,
                               .write_errors = 16,
                               .flushes = 17,
                               .flush_errors = 18,
                               .holds = 19,
                               .held_ns = 20},
          .sockets = SocketsStatus{.connections = 2,
                                   .opened = 5,
                                   .bytes_to_guest = 3ULL << 20U,
                                   .bytes_to_host = 7ULL << 20U,
                                   .send_holds = 31,
                                   .receive_held_ns = 34},
          .exits = {{"port_out", 7}, {"mmio_write", 9}},
          .devices = {"0000:01:00.0"}};
}

/// Notes what it is asked, by words.
class FakeVm final : public RunningVm {
 public:
  [[nodiscard]] Status status() override {
    asked += "status ";
    return full_status();
  }
  [[nodiscard]] Result<void, Refusal> set_balloon(std::uint64_t bytes) override {
    return note("balloon " + std::to_string(bytes));
  }
  [[nodiscard]] Result<void, Refusal> stop() override { return note("stop"); }
  [[nodiscard]] Result<void, Refusal> kill() override { return note("kill"); }
  [[nodiscard]] Result<void, Refusal> pause() override { return note("pause"); }
  [[nodiscard]] Result<void, Refusal> resume() override { return note("resume"); }
  [[nodiscard]] Result<void, Refusal> may_exec() override { return note("exec"); }
  void join_agent(Fd client) override { joined.push_back(std::move(client)); }

  std::string asked;
  bool refuses = false;
  /// Clients that were joined to the agent.
  std::vector<Fd> joined;

 private:
  Result<void, Refusal> note(const std::string& word) {
    asked += word + " ";
    if (refuses) {
      return unexpected(Refusal{"no", "not now"});
    }
    return {};
  }
};

}  // namespace mayfly::control::testing
