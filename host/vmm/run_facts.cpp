// SPDX-License-Identifier: Apache-2.0
#include "vmm/run_facts.hpp"

#include <vector>

namespace mayfly::vmm {
namespace {

std::vector<boot::NamedCount> facts_of(const virtio::BalloonCounts& counts) {
  return {{"held_bytes", counts.held_bytes},
          {"held_bytes_max", counts.held_bytes_max},
          {"inflate_notifications", counts.inflate_notifications},
          {"inflate_entries", counts.inflate_entries},
          {"deflate_notifications", counts.deflate_notifications},
          {"acks_at_once", counts.acks_at_once},
          {"acks_later", counts.acks_later}};
}

std::vector<boot::NamedCount> facts_of(const virtio::NetCounts& counts) {
  return {{"sent_packets", counts.sent_packets},
          {"sent_bytes", counts.sent_bytes},
          {"sent_dropped", counts.sent_dropped},
          {"received_packets", counts.received_packets},
          {"received_bytes", counts.received_bytes},
          {"received_dropped", counts.received_dropped},
          {"notifications", counts.notifications},
          {"send_holds", counts.send_waits.holds},
          {"send_held_ns", counts.send_waits.held_ns},
          {"receive_holds", counts.receive_waits.holds},
          {"receive_held_ns", counts.receive_waits.held_ns}};
}

std::vector<boot::NamedCount> facts_of(const virtio::BlkCounts& counts) {
  return {{"reads", counts.reads},
          {"read_bytes", counts.read_bytes},
          {"read_errors", counts.read_errors},
          {"writes", counts.writes},
          {"written_bytes", counts.written_bytes},
          {"write_errors", counts.write_errors},
          {"flushes", counts.flushes},
          {"flush_errors", counts.flush_errors},
          {"erasures", counts.erasures},
          {"erasure_errors", counts.erasure_errors},
          {"holds", counts.waits.holds},
          {"held_ns", counts.waits.held_ns}};
}

std::vector<boot::NamedCount> facts_of(const virtio::VsockCounts& counts) {
  return {{"opened", counts.streams.opened},
          {"bytes_to_guest", counts.streams.bytes_to_guest},
          {"bytes_to_host", counts.streams.bytes_to_host},
          {"dropped", counts.streams.dropped},
          {"violations", counts.streams.violations},
          {"send_holds", counts.send_waits.holds},
          {"send_held_ns", counts.send_waits.held_ns},
          {"receive_holds", counts.receive_waits.holds},
          {"receive_held_ns", counts.receive_waits.held_ns}};
}

std::vector<boot::NamedCount> facts_of(const vfio::DmaCounters& counts) {
  std::vector<boot::NamedCount> facts{{"ram_bytes", counts.ram_bytes},
                                      {"populated_bytes", counts.populated_bytes},
                                      {"mapped_bytes", counts.mapped_bytes},
                                      {"held_bytes", counts.held_bytes},
                                      {"pieces", counts.pieces},
                                      {"entries", counts.entries},
                                      {"populate_calls", counts.populate.count},
                                      {"populate_ns", counts.populate.total_ns},
                                      {"populate_max_ns", counts.populate.max_ns},
                                      {"map_calls", counts.map.count},
                                      {"map_ns", counts.map.total_ns},
                                      {"map_max_ns", counts.map.max_ns},
                                      {"releases_at_once", counts.releases_now},
                                      {"releases_later", counts.releases_later.count},
                                      {"release_wait_max_ns", counts.releases_later.max_ns},
                                      {"bus_master_waits", counts.settles_later.count},
                                      {"bus_master_wait_ns", counts.settles_later.total_ns}};
  if (counts.foreground_bytes.has_value()) {
    facts.push_back({"mapped_bytes_at_ready", *counts.foreground_bytes});
    facts.push_back({"mapped_bytes_ahead", counts.ahead_bytes});
  }
  return facts;
}

std::vector<boot::NamedCount> facts_of(const PrefaultCounts& counts) {
  return {{"populated_bytes", counts.populated_bytes},
          {"populate_threads", counts.populate_threads},
          {"mapped_bytes", counts.mapped_bytes},
          {"map_threads", counts.map_threads}};
}

}  // namespace

boot::RunFacts facts_of(const Machine& machine, const Outcome& outcome) {
  const auto exits = machine.exits().values();
  boot::RunFacts facts;
  facts.outcome = name(outcome.kind);
  facts.exit_status = exit_status(outcome);
  for (std::size_t i = 0; i < exits.size(); ++i) {
    facts.exits.push_back({ExitCounts::kNames[i], exits[i]});
  }
  facts.bytes_populated = machine.populated();
  facts.pages = name(machine.pages());
  facts.kvm = machine.kvm_stats();
  facts.samples = machine.mark_samples();
  if (const virtio::Balloon* balloon = machine.balloon()) {
    facts.balloon = facts_of(balloon->counts());
  }
  if (const auto network = machine.network_counts()) {
    facts.network = facts_of(*network);
  }
  if (const auto disks = machine.disk_counts()) {
    facts.disks = facts_of(*disks);
  }
  if (const virtio::Vsock* sockets = machine.sockets()) {
    facts.sockets = facts_of(sockets->counts());
  }
  if (const Prefault* prefault = machine.prefault()) {
    facts.prefault = facts_of(prefault->counts());
  }
  if (const Passthrough* passthrough = machine.passthrough()) {
    facts.dma = facts_of(passthrough->counters());
  }
  return facts;
}

}  // namespace mayfly::vmm
