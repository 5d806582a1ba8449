// SPDX-License-Identifier: Apache-2.0
#include "exits/kvm_counters.hpp"

#include <charconv>
#include <optional>
#include <string_view>
#include <vector>

#include "base/folder.hpp"
#include "base/text_file.hpp"

namespace mayfly::exits {
namespace {

// Files of other content (histograms of the MMU's) are longer than a number.
constexpr std::size_t kNumberBytesMax = 24;

std::vector<std::string> entries_of(const std::string& path) {
  return read_folder(path).value_or(std::vector<std::string>());
}

std::optional<std::uint64_t> read_number(const std::string& path) {
  const std::optional<std::string> text = read_text_file(path, kNumberBytesMax);
  std::uint64_t number = 0;
  if (!text.has_value()) {
    return std::nullopt;
  }
  const char* const end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, number);
  return error == std::errc{} && stop + 1 == end && *stop == '\n' ? std::optional(number) : std::nullopt;
}

}  // namespace

KvmCounters read_kvm_counters(const std::string& root, pid_t process) {
  const std::string kvm = root + "/sys/kernel/debug/kvm";
  KvmCounters counters;
  for (const std::string& vm : entries_of(kvm)) {
    if (!vm.starts_with(std::to_string(process) + "-")) {
      continue;
    }
    const std::string folder = std::string(kvm).append("/").append(vm);
    for (const std::string& name : entries_of(folder)) {
      if (const auto value = read_number(std::string(folder).append("/").append(name))) {
        counters[name] += *value;
      }
    }
  }
  return counters;
}

KvmCounters growth(const KvmCounters& before, const KvmCounters& after) {
  KvmCounters grown;
  for (const auto& [name, value] : after) {
    const auto old = before.find(name);
    const std::uint64_t from = old == before.end() ? 0 : old->second;
    if (value > from) {
      grown[name] = value - from;
    }
  }
  return grown;
}

}  // namespace mayfly::exits
