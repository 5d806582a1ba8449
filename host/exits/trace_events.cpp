// SPDX-License-Identifier: Apache-2.0
#include "exits/trace_events.hpp"

#include <cerrno>
#include <optional>

#include <unistd.h>

#include "base/error.hpp"
#include "base/text_file.hpp"

namespace mayfly::exits {
namespace {

constexpr std::size_t kFormatBytesMax = 65536;

bool is_there(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

/// Where tracefs is: of itself, or below debugfs, where older systems have it.
std::string find_tracing(const std::string& root) {
  for (const char* place : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}) {
    if (is_there(root + place + "/events")) {
      return root + place;
    }
    if (errno == EACCES) {
      throw Error("exits are read from " + root + place + ", which is not yours to read; run this as root");
    }
  }
  if (!is_there(root + "/sys/kernel/tracing")) {
    throw Error("this kernel has no trace events (CONFIG_FTRACE), of which exits are counted");
  }
  throw Error(
      "exits are counted from trace events, and tracefs is not mounted; as root: mount -t tracefs nodev "
      "/sys/kernel/tracing");
}

TraceEvent read_event(const std::string& folder, const EventShape& shape) {
  const std::string path = folder + "/" + std::string(shape.name) + "/format";
  const std::optional<std::string> format = read_text_file(path, kFormatBytesMax);
  if (!format.has_value()) {
    fail_errno("cannot read the trace event " + path + (errno == EACCES ? " (run this as root)" : ""));
  }
  const auto id = event_id(*format);
  if (!id.has_value()) {
    throw Error(path + " describes no trace event");
  }
  TraceEvent event{shape.kind, *id, {}};
  for (std::size_t i = 0; i < shape.fields.size() && !shape.fields[i].empty(); ++i) {
    const auto field = find_field(*format, shape.fields[i]);
    if (!field.has_value()) {
      throw Error("this kernel's trace event " + std::string(shape.name) + " has no field " +
                  std::string(shape.fields[i]) + "; mayfly needs Linux 5.15 or newer");
    }
    event.fields[i] = *field;
  }
  return event;
}

}  // namespace

std::vector<TraceEvent> read_events(const std::string& root) {
  const std::string folder = find_tracing(root) + "/events/kvm";
  if (!is_there(folder)) {
    if (errno == EACCES) {
      throw Error("exits are read from " + folder + ", which is not yours to read; run this as root");
    }
    throw Error("KVM has no trace events here; as root: modprobe kvm_intel, or kvm_amd");
  }
  std::vector<TraceEvent> events;
  events.reserve(kEventShapes.size());
  for (const EventShape& shape : kEventShapes) {
    events.push_back(read_event(folder, shape));
  }
  return events;
}

}  // namespace mayfly::exits
