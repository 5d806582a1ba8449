// SPDX-License-Identifier: Apache-2.0
//
// Stands in for mayfly in tests of the gate: `fake run --image I --kernel K --timeline T --console C ...`
// writes a timeline at once. The image and the kernel are text files of NAME=VALUE lines that say what it
// tells:
//
//   guest_kernel_us, guest_init_us, kernel_read_us    lengths of phases
//   mmio_write        exits of that kind
//   pages             what guest memory is made of
//   noise_percent     scale of a noise with heavy tails, drawn from how many boots of this image there were
//   spin_us           works that long for real, and tells how long that took
//   behaviour         ok, never_ready, out_of_order, flood, no_ready, cut_off or status_3
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <random>
#include <string>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "base/clock.hpp"

namespace {

using Settings = std::map<std::string, std::string>;

void read_settings(const std::string& path, Settings& settings) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::size_t equals = line.find('=');
    if (equals != std::string::npos) {
      settings[line.substr(0, equals)] = line.substr(equals + 1);
    }
  }
}

double number(const Settings& settings, const char* name) {
  return settings.contains(name) ? std::strtod(settings.at(name).c_str(), nullptr) : 0;
}

// Each boot of an image draws its own noise, the same in each test.
std::uint64_t count_boot(const std::string& image) {
  const std::string path = image + ".boots";
  std::uint64_t boots = 0;
  std::ifstream(path) >> boots;
  std::ofstream(path) << ++boots << "\n";
  return boots;
}

// 1 and a bit; one draw in ten is ten times as far off.
double noise(const std::string& image, double percent) {
  std::mt19937_64 generator(std::hash<std::string>{}(image) + 1'000'003 * count_boot(image));
  const auto unit = [&] { return static_cast<double>(generator() >> 11U) / 9007199254740992.0; };
  const double size = std::sqrt(-2 * std::log(1 - unit())) * (unit() < 0.1 ? 10 : 1);
  return 1 + std::abs(size * std::cos(6.283185307179586 * unit())) * percent / 100;
}

// A loop whose length does not depend on the clock, about a nanosecond a turn, and how long it took.
std::uint64_t spin(double microseconds) {
  const std::uint64_t begin = mayfly::monotonic_ns();
  for (auto turns = static_cast<std::uint64_t>(microseconds * 1000); turns > 0; --turns) {
    asm volatile("");
  }
  return mayfly::monotonic_ns() - begin;
}

std::vector<int> marks(const std::string& behaviour) {
  if (behaviour == "out_of_order") {
    return {0x61, 0x60, 0x62};
  }
  if (behaviour == "no_ready") {
    return {0x60, 0x62};
  }
  return {0x60, 0x61, 0x62};
}

std::string timeline(const Settings& settings, const std::string& behaviour, double factor) {
  const double spun = static_cast<double>(spin(number(settings, "spin_us")));
  nlohmann::json phases = nlohmann::json::array();
  std::uint64_t at = 0;
  const auto add = [&](const char* name, double nanoseconds) {
    const std::uint64_t end = at + static_cast<std::uint64_t>(nanoseconds);
    phases.push_back({{"name", name}, {"begin_ns", at}, {"end_ns", end}});
    return std::exchange(at, end);
  };
  add("process_start", 1e6 * factor);
  add("enter", 2e6 * factor + number(settings, "kernel_read_us") * 1e3 * factor);
  const std::uint64_t entry = at;
  add("guest_kernel", number(settings, "guest_kernel_us") * 1e3 * factor + spun);
  const std::uint64_t init = at;
  add("guest_init", number(settings, "guest_init_us") * 1e3 * factor);
  const std::uint64_t ready = at;
  add("workload", 1e6);
  phases.push_back({{"name", "kernel_read"}, {"begin_ns", 1000}, {"end_ns", entry}});
  nlohmann::json codes = nlohmann::json::array();
  for (const int code : marks(behaviour)) {
    codes.push_back({{"code", code}, {"name", "mark"}, {"at_ns", at}});
  }
  const auto writes = static_cast<std::uint64_t>(number(settings, "mmio_write"));
  nlohmann::json spans = {{"exec_to_first_entry_ns", entry},
                          {"first_entry_to_init_ns", init - entry},
                          {"init_to_ready_ns", ready - init},
                          {"exec_to_ready_ns", ready}};
  return nlohmann::json{{"version", 1},
                        {"outcome", "exited"},
                        {"exit_status", 0},
                        {"phases", phases},
                        {"marks", codes},
                        {"marks_dropped", behaviour == "flood" ? 5000 : 0},
                        {"exits", {{"mmio_write", writes}, {"mmio_read", 100}}},
                        {"kvm", {{"exits", writes + 400}}},
                        {"memory", {{"pages", settings.at("pages")}, {"bytes_populated", 33554432}}},
                        {"spans", spans}}
      .dump(2);
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> options;
  for (int i = 2; i + 1 < argc; i += 2) {
    options[argv[i]] = argv[i + 1];
  }
  Settings settings = {{"guest_kernel_us", "30000"}, {"guest_init_us", "600"}, {"kernel_read_us", "4000"},
                       {"mmio_write", "300"},        {"pages", "2m"},          {"behaviour", "ok"}};
  read_settings(options["--kernel"], settings);
  read_settings(options["--image"], settings);
  if (const char* host = std::getenv("FAKE_HOST"); host != nullptr) {
    read_settings(host, settings);
  }
  const std::string behaviour = settings["behaviour"];
  if (behaviour == "never_ready") {
    std::ofstream(options["--console"]) << "[    0.123456] Run /.mayfly/init as init process\n"
                                        << "[    0.234567] waiting for a disk that never comes" << std::endl;
    ::sleep(1000);
  }
  if (behaviour == "status_3") {
    std::cerr << "mayfly: the guest panicked\n";
    return 3;
  }
  const std::string text =
      timeline(settings, behaviour, noise(options["--image"], number(settings, "noise_percent")));
  std::ofstream(options["--timeline"])
      << text.substr(0, behaviour == "cut_off" ? text.size() / 2 : text.size());
  return 0;
}
