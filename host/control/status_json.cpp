// SPDX-License-Identifier: Apache-2.0
#include "control/status_json.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "control/messages.hpp"

namespace mayfly::control {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::pair<State, std::string_view>, 4> kStates{{{State::kStarting, "starting"},
                                                                     {State::kRunning, "running"},
                                                                     {State::kPaused, "paused"},
                                                                     {State::kEnding, "ending"}}};

/// A part that a status may have: the numbers in it, by name.
template <typename Part>
struct PartNumber {
  const char* name;
  std::uint64_t Part::*value;
  NumberKind kind = NumberKind::kNow;
};
template <typename Part, std::size_t count>
struct PartKeys {
  const char* key;
  std::array<PartNumber<Part>, count> numbers;
};

constexpr PartKeys<BalloonStatus, 2> kBalloon{
    "balloon",
    {{{"held_bytes", &BalloonStatus::held_bytes}, {"target_bytes", &BalloonStatus::target_bytes}}}};
constexpr PartKeys<DmaStatus, 4> kDma{"dma",
                                      {{{"ram_bytes", &DmaStatus::ram_bytes},
                                        {"populated_bytes", &DmaStatus::populated_bytes},
                                        {"mapped_bytes", &DmaStatus::mapped_bytes},
                                        {"held_bytes", &DmaStatus::held_bytes}}}};
constexpr PartKeys<PrefaultStatus, 2> kPrefault{"prefault",
                                                {{{"populated_bytes", &PrefaultStatus::populated_bytes},
                                                  {"mapped_bytes", &PrefaultStatus::mapped_bytes}}}};
constexpr PartKeys<NetworkStatus, 10> kNetwork{
    "network",
    {{{"sent_packets", &NetworkStatus::sent_packets, NumberKind::kUpToNow},
      {"sent_bytes", &NetworkStatus::sent_bytes, NumberKind::kUpToNow},
      {"sent_dropped", &NetworkStatus::sent_dropped, NumberKind::kUpToNow},
      {"send_holds", &NetworkStatus::send_holds, NumberKind::kUpToNow},
      {"send_held_ns", &NetworkStatus::send_held_ns, NumberKind::kUpToNow},
      {"received_packets", &NetworkStatus::received_packets, NumberKind::kUpToNow},
      {"received_bytes", &NetworkStatus::received_bytes, NumberKind::kUpToNow},
      {"received_dropped", &NetworkStatus::received_dropped, NumberKind::kUpToNow},
      {"receive_holds", &NetworkStatus::receive_holds, NumberKind::kUpToNow},
      {"receive_held_ns", &NetworkStatus::receive_held_ns, NumberKind::kUpToNow}}}};
constexpr PartKeys<DisksStatus, 10> kDisks{
    "disks",
    {{{"reads", &DisksStatus::reads, NumberKind::kUpToNow},
      {"read_bytes", &DisksStatus::read_bytes, NumberKind::kUpToNow},
      {"read_errors", &DisksStatus::read_errors, NumberKind::kUpToNow},
      {"writes", &DisksStatus::writes, NumberKind::kUpToNow},
      {"written_bytes", &DisksStatus::written_bytes, NumberKind::kUpToNow},
      {"write_errors", &DisksStatus::write_errors, NumberKind::kUpToNow},
      {"flushes", &DisksStatus::flushes, NumberKind::kUpToNow},
      {"flush_errors", &DisksStatus::flush_errors, NumberKind::kUpToNow},
      {"holds", &DisksStatus::holds, NumberKind::kUpToNow},
      {"held_ns", &DisksStatus::held_ns, NumberKind::kUpToNow}}}};
constexpr PartKeys<SocketsStatus, 8> kSockets{
    "sockets",
    {{{"connections", &SocketsStatus::connections},
      {"opened", &SocketsStatus::opened, NumberKind::kUpToNow},
      {"bytes_to_guest", &SocketsStatus::bytes_to_guest, NumberKind::kUpToNow},
      {"bytes_to_host", &SocketsStatus::bytes_to_host, NumberKind::kUpToNow},
      {"send_holds", &SocketsStatus::send_holds, NumberKind::kUpToNow},
      {"send_held_ns", &SocketsStatus::send_held_ns, NumberKind::kUpToNow},
      {"receive_holds", &SocketsStatus::receive_holds, NumberKind::kUpToNow},
      {"receive_held_ns", &SocketsStatus::receive_held_ns, NumberKind::kUpToNow}}}};

/// Reads members of an object; is no longer good() once one that must be there was not, or was of another
/// type.
class Members {
 public:
  explicit Members(const Json& json) : json_(json), good_(json.is_object()) {}

  [[nodiscard]] bool good() const noexcept { return good_; }
  /// Null when there is none.
  [[nodiscard]] const Json* find(const char* key) const {
    if (!json_.is_object()) {
      return nullptr;
    }
    const auto found = json_.find(key);
    return found == json_.end() ? nullptr : &*found;
  }
  template <typename Number>
  void read(const char* key, Number& number) {
    const Json* const found = find(key);
    if (found == nullptr || !found->is_number_unsigned() ||
        found->get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<Number>::max())) {
      good_ = false;
      return;
    }
    number = found->get<Number>();
  }
  void read(const char* key, std::string& text) {
    const Json* const found = find(key);
    if (found == nullptr || !found->is_string()) {
      good_ = false;
      return;
    }
    text = found->get<std::string>();
  }
  void also(bool good) noexcept { good_ = good_ && good; }

 private:
  const Json& json_;
  bool good_;
};

void read_state(Members& members, State& state) {
  std::string word;
  members.read("state", word);
  for (const auto& [each, its_word] : kStates) {
    if (word == its_word) {
      state = each;
      return;
    }
  }
  members.also(false);
}

template <typename Part, std::size_t count>
void read_part(Members& members, const PartKeys<Part, count>& keys, std::optional<Part>& part) {
  if (const Json* const json = members.find(keys.key)) {
    Members numbers(*json);
    part.emplace();
    for (const auto& number : keys.numbers) {
      numbers.read(number.name, (*part).*number.value);
    }
    members.also(numbers.good());
  }
}

template <typename Part, std::size_t count>
void add_part(Json& json, const PartKeys<Part, count>& keys, const std::optional<Part>& part) {
  if (part) {
    Json& numbers = json[keys.key];
    for (const auto& number : keys.numbers) {
      numbers[number.name] = (*part).*number.value;
    }
  }
}

template <typename Part, std::size_t count>
void append_part(std::vector<StatusNumber>& all, const PartKeys<Part, count>& keys,
                 const std::optional<Part>& part) {
  if (part) {
    for (const auto& number : keys.numbers) {
      all.push_back({keys.key, number.name, number.kind, (*part).*number.value});
    }
  }
}

void read_parts(Members& members, Status& status) {
  if (const Json* const json = members.find("memory")) {
    Members memory(*json);
    memory.read("bytes", status.memory_bytes);
    memory.read("pages", status.pages);
    memory.read("populated_bytes", status.populated_bytes);
    members.also(memory.good());
  }
  read_part(members, kBalloon, status.balloon);
  read_part(members, kDma, status.dma);
  if (const Json* const json = members.find(kDma.key); json != nullptr && json->contains("failure")) {
    Members dma(*json);
    dma.read("failure", status.dma->failure);
    members.also(dma.good());
  }
  read_part(members, kPrefault, status.prefault);
  read_part(members, kNetwork, status.network);
  read_part(members, kDisks, status.disks);
  read_part(members, kSockets, status.sockets);
}

void read_lists(Members& members, Status& status) {
  const Json* const exits = members.find("exits");
  const Json* const devices = members.find("devices");
  members.also(exits != nullptr && exits->is_object() && devices != nullptr && devices->is_array());
  if (!members.good()) {
    return;
  }
  for (const auto& [reason, count] : exits->items()) {
    members.also(count.is_number_unsigned());
    status.exits.emplace_back(reason, count.is_number_unsigned() ? count.get<std::uint64_t>() : 0);
  }
  for (const Json& device : *devices) {
    members.also(device.is_string());
    status.devices.push_back(device.is_string() ? device.get<std::string>() : "");
  }
}

}  // namespace

std::string_view name(State state) noexcept {
  for (const auto& [each, word] : kStates) {
    if (each == state) {
      return word;
    }
  }
  return "unknown";
}

std::vector<StatusNumber> numbers_of_parts(const Status& status) {
  std::vector<StatusNumber> all;
  append_part(all, kBalloon, status.balloon);
  append_part(all, kDma, status.dma);
  append_part(all, kPrefault, status.prefault);
  append_part(all, kNetwork, status.network);
  append_part(all, kDisks, status.disks);
  append_part(all, kSockets, status.sockets);
  return all;
}

Json to_json(const Status& status) {
  Json json{
      {"id", status.id}, {"pid", status.pid}, {"state", name(status.state)}, {"uptime_ns", status.uptime_ns}};
  if (status.ready_ns) {
    json["ready_ns"] = *status.ready_ns;
  }
  json["image"] = status.image;
  json["cpus"] = status.cpus;
  json["memory"] = {
      {"bytes", status.memory_bytes}, {"pages", status.pages}, {"populated_bytes", status.populated_bytes}};
  add_part(json, kBalloon, status.balloon);
  add_part(json, kDma, status.dma);
  if (status.dma && !status.dma->failure.empty()) {
    json[kDma.key]["failure"] = status.dma->failure;
  }
  add_part(json, kPrefault, status.prefault);
  add_part(json, kNetwork, status.network);
  add_part(json, kDisks, status.disks);
  add_part(json, kSockets, status.sockets);
  json["exits"] = Json::object();
  for (const auto& [reason, count] : status.exits) {
    json["exits"][reason] = count;
  }
  json["devices"] = status.devices;
  return json;
}

std::optional<Status> read_status(const Json& json) {
  Status status;
  Members members(json);
  members.read("id", status.id);
  members.read("pid", status.pid);
  read_state(members, status.state);
  members.read("uptime_ns", status.uptime_ns);
  if (members.find("ready_ns") != nullptr) {
    members.read("ready_ns", status.ready_ns.emplace());
  }
  members.read("image", status.image);
  members.read("cpus", status.cpus);
  members.also(members.find("memory") != nullptr);
  read_parts(members, status);
  read_lists(members, status);
  return members.good() ? std::optional(std::move(status)) : std::nullopt;
}

}  // namespace mayfly::control
