// SPDX-License-Identifier: Apache-2.0
#include "base/say.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/clock.hpp"
#include "base/time_text.hpp"

namespace mayfly {
namespace {

constexpr std::array kNames{"error", "warning", "info"};
constexpr unsigned kMilliseconds = 3;

/// The process's; all but the hearer are written before there are threads.
LogFormat current_format = LogFormat::kText;
std::string current_id;  // NOLINT(cert-err58-cpp): an empty string throws nothing
std::atomic<Hearer*> current_hearer{nullptr};

void speak(Severity severity, std::string_view sentence, std::FILE* file) noexcept {
  try {
    const std::string line = line_of(current_format, severity, sentence, realtime_ns());
    if (file != nullptr) {
      static_cast<void>(std::fwrite(line.data(), 1, line.size(), file));
    }
    if (Hearer* const hearer = current_hearer.load(std::memory_order_acquire); hearer != nullptr) {
      hearer->heard(line);
    }
  } catch (const std::exception&) {
    // No memory for a sentence: there is none for saying so.
  }
}

}  // namespace

void speak_in(LogFormat format) noexcept { current_format = format; }
LogFormat log_format() noexcept { return current_format; }
void speak_of(std::string id) noexcept { current_id = std::move(id); }
void speak_to(Hearer* hearer) noexcept { current_hearer.store(hearer, std::memory_order_release); }

std::string line_of(LogFormat format, Severity severity, std::string_view sentence, std::uint64_t time_ns) {
  using Json = nlohmann::ordered_json;
  if (format == LogFormat::kText) {
    return "mayfly: " + std::string(sentence) + "\n";
  }
  Json object{{"time", time_text(time_ns, kMilliseconds)},
              {"level", kNames[static_cast<std::size_t>(severity)]},
              {"message", std::string(sentence)}};
  if (!current_id.empty()) {
    object["id"] = current_id;
  }
  return object.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
}

void say(Severity severity, std::string_view sentence) noexcept { speak(severity, sentence, stderr); }
void tell_hearer(Severity severity, std::string_view sentence) noexcept {
  speak(severity, sentence, nullptr);
}

}  // namespace mayfly
