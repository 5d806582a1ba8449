// SPDX-License-Identifier: Apache-2.0
#include "cli/control_text.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "base/checked.hpp"
#include "cli/text_table.hpp"
#include "control/messages.hpp"

namespace mayfly::cli {
namespace {

std::string printable(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return text;
}

/// Whole MiB, as all sizes here are.
std::string mib(std::uint64_t bytes) { return std::to_string(bytes / kMiB) + " MiB"; }

/// With a digit after the point below 100 s, three below 1 s.
std::string seconds(std::uint64_t ns) {
  const std::uint64_t ms = ns / 1'000'000;
  const std::string fraction = std::to_string(1000 + ms % 1000).substr(1);
  return std::to_string(ms / 1000) +
         (ms < 1000      ? "." + fraction
          : ms < 100'000 ? "." + fraction.substr(0, 1)
                         : "") +
         " s";
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : " ") + word;
  }
  return text;
}

std::string dma_text(const control::DmaStatus& dma) {
  const std::uint64_t percent =
      dma.ram_bytes == 0 ? 100
                         : dma.mapped_bytes / kMiB * 100 / std::max<std::uint64_t>(1, dma.ram_bytes / kMiB);
  std::string text = std::to_string(dma.mapped_bytes / kMiB) + " of " + mib(dma.ram_bytes) + " mapped (" +
                     std::to_string(percent) + " %), " + mib(dma.populated_bytes) + " populated, " +
                     mib(dma.held_bytes) + " held";
  if (!dma.failure.empty()) {
    text += "; failed: " + dma.failure;
  } else if (dma.is_finished()) {
    text += "; finished";
  }
  return text;
}

/// ", 3 waits for a limit of 1.2 s"; nothing when there was none.
std::string holds_text(std::uint64_t holds, std::uint64_t held_ns) {
  return holds == 0
             ? ""
             : ", " + std::to_string(holds) + " waits for the limit of " + seconds(held_ns) + " in all";
}

std::string network_text(const control::NetworkStatus& network) {
  return "sent " + std::to_string(network.sent_packets) + " packets of " + mib(network.sent_bytes) +
         holds_text(network.send_holds, network.send_held_ns) + "; received " +
         std::to_string(network.received_packets) + " of " + mib(network.received_bytes) +
         holds_text(network.receive_holds, network.receive_held_ns) + "; " +
         std::to_string(network.sent_dropped + network.received_dropped) + " dropped";
}

std::string disks_text(const control::DisksStatus& disks) {
  const std::uint64_t errors = disks.read_errors + disks.write_errors + disks.flush_errors;
  return std::to_string(disks.reads) + " reads of " + mib(disks.read_bytes) + ", " +
         std::to_string(disks.writes) + " writes of " + mib(disks.written_bytes) + ", " +
         std::to_string(disks.flushes) + " flushes, " + std::to_string(errors) + " failed" +
         holds_text(disks.holds, disks.held_ns);
}

std::vector<std::string> row_of(const control::Status& status) {
  std::vector<std::string> row{status.id,
                               std::to_string(status.pid),
                               std::string(name(status.state)),
                               std::to_string(status.cpus),
                               std::to_string(status.memory_bytes / kMiB) + "M",
                               seconds(status.uptime_ns),
                               status.image,
                               status.devices.empty() ? "-" : joined(status.devices)};
  std::ranges::transform(row, row.begin(), printable);
  return row;
}

}  // namespace

std::string to_text(const control::Status& status) {
  std::string text;
  const auto line = [&text](std::string_view key, const std::string& value) {
    text += key;
    text.append(10 - key.size(), ' ');
    text += printable(value) + '\n';
  };
  line("id", status.id);
  line("state", std::string(name(status.state)) +
                    (status.ready_ns ? ", ready after " + seconds(*status.ready_ns) : ", not ready yet"));
  line("uptime", seconds(status.uptime_ns));
  line("pid", std::to_string(status.pid));
  line("image", status.image);
  line("cpus", std::to_string(status.cpus));
  line("memory", mib(status.memory_bytes) + (status.pages.empty() ? "" : " of " + status.pages + " pages") +
                     ", " + mib(status.populated_bytes) + " populated");
  if (status.balloon) {
    line("balloon", mib(status.balloon->held_bytes) + " held, target " + mib(status.balloon->target_bytes));
  }
  if (status.dma) {
    line("dma", dma_text(*status.dma));
  }
  if (status.prefault) {
    line("prefault", mib(status.prefault->populated_bytes) + " populated, " +
                         mib(status.prefault->mapped_bytes) + " mapped before the guest ran");
  }
  if (status.network) {
    line("network", network_text(*status.network));
  }
  if (status.disks) {
    line("disks", disks_text(*status.disks));
  }
  if (status.sockets) {
    line("sockets", std::to_string(status.sockets->connections) + " open, " +
                        std::to_string(status.sockets->opened) + " in all, " +
                        mib(status.sockets->bytes_to_guest) + " to the guest" +
                        holds_text(status.sockets->receive_holds, status.sockets->receive_held_ns) + ", " +
                        mib(status.sockets->bytes_to_host) + " to the host" +
                        holds_text(status.sockets->send_holds, status.sockets->send_held_ns));
  }
  std::string exits;
  for (const auto& [reason, count] : status.exits) {
    exits += (exits.empty() ? "" : ", ") + reason + " " + std::to_string(count);
  }
  line("exits", exits);
  if (!status.devices.empty()) {
    line("devices", joined(status.devices));
  }
  return text;
}

std::string to_table(const std::vector<control::Status>& all) {
  std::vector<std::vector<std::string>> rows{
      {"ID", "PID", "STATE", "CPUS", "MEMORY", "UPTIME", "IMAGE", "DEVICES"}};
  std::ranges::transform(all, std::back_inserter(rows), row_of);
  return text_table(rows);
}

}  // namespace mayfly::cli
