// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/sample.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace mayfly::gate {
namespace {

constexpr std::string_view kNanoseconds = "_ns";
constexpr std::uint64_t kInitStarted = 0x60;
constexpr std::uint64_t kReady = 0x61;
constexpr std::uint64_t kExited = 0x62;

std::map<std::string, std::uint64_t> counts(ObjectReader reader) {
  std::map<std::string, std::uint64_t> result;
  for (const std::string& name : reader.keys()) {
    result[name] = reader.count(name.c_str());
  }
  return result;
}

std::vector<Phase> phases(const std::string& file, const Json& list) {
  std::vector<Phase> result;
  for (const Json& item : list) {
    ObjectReader reader(file, "phases", item);
    Phase phase{reader.text("name"), reader.count("begin_ns"), reader.count("end_ns")};
    if (phase.end_ns < phase.begin_ns) {
      reader.refuse("end_ns", "lies before begin_ns");
    }
    result.push_back(std::move(phase));
  }
  return result;
}

struct ExitsOfBoot {
  std::map<std::string, std::uint64_t> by_reason;  // to the VMM
  std::optional<std::uint64_t> of_all_kinds;       // nothing where KVM does not count them
};

// Exits up to the workload's exec, which is where a boot ends: what a workload makes, and how far its guest
// comes in shutting down before it is stopped, is no part of it. Nothing where a phase of the guest does not
// tell.
std::optional<ExitsOfBoot> exits_of_boot(const std::string& file, const Json& phases) {
  ExitsOfBoot sum{{}, 0};
  std::size_t told = 0;
  for (const Json& item : phases) {
    ObjectReader phase(file, "phases", item);
    const std::string name = phase.text("name");
    if ((name == "guest_kernel" || name == "guest_init") && phase.has("exits")) {
      ++told;
      for (const auto& [reason, count] : counts(phase.object("exits"))) {
        sum.by_reason[reason] += count;
      }
      if (!phase.has("kvm_exits")) {
        sum.of_all_kinds.reset();
      } else if (sum.of_all_kinds.has_value()) {
        *sum.of_all_kinds += phase.count("kvm_exits");
      }
    }
  }
  return told == 2 ? std::optional(std::move(sum)) : std::nullopt;
}

std::string hex(std::uint64_t code) {
  std::array<char, 24> text{};
  static_cast<void>(
      std::snprintf(text.data(), text.size(), "0x%02llx", static_cast<unsigned long long>(code)));
  return text.data();
}

// Why the order of the first marks of each kind is wrong, if it is.
std::optional<std::string> mark_fault(const std::vector<std::uint64_t>& marks) {
  auto before = marks.begin();
  for (const std::uint64_t code : {kInitStarted, kReady, kExited}) {
    const auto at = std::find(marks.begin(), marks.end(), code);
    if (at == marks.end()) {
      // The last may be missing: a guest may end without it.
      if (code == kExited) {
        return std::nullopt;
      }
      return "never wrote the mark " + hex(code) + (code == kReady ? " (ready)" : " (init started)") +
             " to port 0x80";
    }
    if (at < before) {
      return "wrote its marks out of order: " + hex(code) + " before " + hex(*before);
    }
    before = at;
  }
  return std::nullopt;
}

}  // namespace

Sample parse_timeline(const std::string& file, const Json& timeline) {
  ObjectReader reader(file, "", timeline);
  if (reader.count("version") != 1) {
    reader.refuse("version", "is not 1; this mayfly-gate reads timelines of version 1");
  }
  Sample sample;
  sample.outcome = reader.text("outcome");
  sample.exit_status = reader.count("exit_status");
  const Json& list = reader.array("phases");
  sample.phases = phases(file, list);
  for (const Json& mark : reader.array("marks")) {
    sample.marks.push_back(ObjectReader(file, "marks", mark).count("code"));
  }
  sample.marks_dropped = reader.count("marks_dropped");
  sample.exits = counts(reader.object("exits"));
  sample.kvm = counts(reader.object("kvm"));
  if (auto of_boot = exits_of_boot(file, list)) {
    sample.exits = std::move(of_boot->by_reason);
    if (of_boot->of_all_kinds.has_value()) {
      sample.kvm["exits"] = *of_boot->of_all_kinds;
    }
  }
  ObjectReader memory = reader.object("memory");
  sample.pages = memory.text("pages");
  sample.guest_bytes = memory.count("bytes_populated");
  for (const auto& [name, value] : counts(reader.object("spans"))) {
    sample.spans_ns[name.ends_with(kNanoseconds) ? name.substr(0, name.size() - kNanoseconds.size()) : name] =
        value;
  }
  return sample;
}

Json to_json(const Sample& sample) {
  Json json;
  json["run"] = sample.run;
  json["resident_bytes"] = sample.resident_bytes;
  json["guest_bytes"] = sample.guest_bytes;
  json["pages"] = sample.pages;
  json["outcome"] = sample.outcome;
  json["exit_status"] = sample.exit_status;
  json["spans_ns"] = sample.spans_ns;
  json["phases"] = Json::array();
  for (const Phase& phase : sample.phases) {
    json["phases"].push_back({{"name", phase.name}, {"begin_ns", phase.begin_ns}, {"end_ns", phase.end_ns}});
  }
  json["exits"] = sample.exits;
  json["kvm"] = sample.kvm;
  json["marks"] = sample.marks;
  json["marks_dropped"] = sample.marks_dropped;
  return json;
}

Sample parse_sample(ObjectReader reader) {
  Sample sample;
  sample.run = reader.count("run");
  sample.resident_bytes = reader.count("resident_bytes");
  sample.guest_bytes = reader.count("guest_bytes");
  sample.pages = reader.text("pages");
  sample.outcome = reader.text("outcome");
  sample.exit_status = reader.count("exit_status");
  sample.spans_ns = counts(reader.object("spans_ns"));
  sample.phases = phases(reader.file(), reader.array("phases"));
  sample.exits = counts(reader.object("exits"));
  sample.kvm = counts(reader.object("kvm"));
  for (const Json& mark : reader.array("marks")) {
    if (!mark.is_number_unsigned()) {
      reader.refuse("marks", "holds what is no mark");
    }
    sample.marks.push_back(mark.get<std::uint64_t>());
  }
  sample.marks_dropped = reader.count("marks_dropped");
  reader.refuse_unknown();
  return sample;
}

std::optional<std::string> fault_of(const Sample& sample) {
  if (sample.marks_dropped > 0) {
    return "flooded port 0x80 with " + std::to_string(sample.marks.size() + sample.marks_dropped) +
           " marks, and writing them is what its time went to; a guest to measure writes at most 64";
  }
  if (auto fault = mark_fault(sample.marks)) {
    return fault;
  }
  if (!sample.spans_ns.contains("exec_to_ready")) {
    return "has no span from exec to ready in its timeline";
  }
  if (sample.outcome != "exited" || sample.exit_status != 0) {
    return "ended as '" + sample.outcome + "' with exit status " + std::to_string(sample.exit_status);
  }
  return std::nullopt;
}

}  // namespace mayfly::gate
