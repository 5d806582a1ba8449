// SPDX-License-Identifier: Apache-2.0
#include "cli/run_options.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include <fcntl.h>

#include "base/error.hpp"
#include "cli/cgroup_option.hpp"
#include "cli/choice.hpp"
#include "cli/device_option.hpp"
#include "cli/disk_option.hpp"
#include "cli/net_option.hpp"
#include "cli/quantity.hpp"
#include "cli/refuse.hpp"
#include "cli/vsock_option.hpp"
#include "cli/workload_options.hpp"
#include "control/vm_id.hpp"
#include "doctor/cpu_list.hpp"
#include "memory/nodes.hpp"

namespace mayfly::cli {
namespace {

/// As many as vCPUs; ACPI's table of them has room for four times that.
constexpr std::size_t kGuestNodesMax = 64;

using vmm::ConsoleSpec;
using vmm::ConsoleTarget;

std::uint64_t check_memory(const std::string& text) {
  const std::optional<std::uint64_t> bytes = parse_bytes(text);
  if (!bytes.has_value()) {
    refuse("--memory", text, "not a size; write a number with K, M, G or T, such as 512M");
  }
  if (*bytes < kMemoryMin) {
    refuse("--memory", text, "too little for a guest kernel; give 32M or more");
  }
  if (*bytes > kMemoryMax) {
    refuse("--memory", text, "beyond what an x86 host can address; give 64T or less");
  }
  if (*bytes % kMemoryStep != 0) {
    refuse("--memory", text, "not a multiple of 2M");
  }
  return *bytes;
}

std::uint64_t check_balloon(const std::string& text, std::uint64_t memory_bytes) {
  const std::optional<std::uint64_t> bytes = parse_bytes(text);
  if (!bytes.has_value()) {
    refuse("--balloon", text, "not a size; write a number with K, M, G or T, such as 256M, or 0");
  }
  if (*bytes % kMemoryStep != 0) {
    refuse("--balloon", text, "not a multiple of 2M");
  }
  if (*bytes > memory_bytes - std::min(memory_bytes, vmm::kBalloonLeaves)) {
    refuse("--balloon", text, "too much of --memory; leave the guest 64M or more");
  }
  return *bytes;
}

std::uint64_t check_dma_window(const std::string& text, std::uint64_t memory_bytes) {
  const std::optional<std::uint64_t> bytes = parse_bytes(text);
  if (!bytes.has_value()) {
    refuse("--dma-window", text, "not a size; write a number with K, M, G or T, such as 256M");
  }
  if (*bytes % kMemoryStep != 0 || *bytes == 0) {
    refuse("--dma-window", text, "not a multiple of 2M");
  }
  if (*bytes > memory_bytes) {
    refuse("--dma-window", text, "more than --memory");
  }
  return *bytes;
}

std::uint32_t check_cpus(const std::string& text) {
  const std::optional<std::uint64_t> count = parse_count(text);
  if (!count.has_value() || *count < 1 || *count > kCpusMax) {
    refuse("--cpus", text, "give a number from 1 to 64");
  }
  return static_cast<std::uint32_t>(*count);
}

std::vector<std::uint32_t> check_dedicated_cpus(const std::string& text) {
  std::optional<doctor::CpuList> list = doctor::parse_cpu_list(text);
  if (!list.has_value()) {
    refuse("--dedicated-cpus", text, "not a list of CPUs; write numbers and ranges, such as 2-5,8");
  }
  return *std::move(list);
}

Pages check_pages(const std::string& text) {
  constexpr Choice<Pages> kChoices[] = {{"auto", Pages::kAuto},
                                        {"4k", Pages::k4k},
                                        {"thp", Pages::kThp},
                                        {"2m", Pages::k2m},
                                        {"1g", Pages::k1g}};
  return choose("--pages", text, kChoices, "give auto, 4k, thp, 2m or 1g");
}

vmm::PagesFallback check_pages_fallback(const std::string& text) {
  using vmm::PagesFallback;
  constexpr Choice<PagesFallback> kChoices[] = {
      {"error", PagesFallback::kError}, {"queue", PagesFallback::kQueue}, {"small", PagesFallback::kSmall}};
  return choose("--pages-fallback", text, kChoices, "give error, queue or small");
}

std::vector<std::uint32_t> check_numa(const std::string& text) {
  const auto list = doctor::parse_cpu_list(text);
  if (!list.has_value() || list->empty() || list->size() > kGuestNodesMax || list->back() >= kNodesMax) {
    refuse("--numa", text, "not a list of NUMA nodes; write up to 64 numbers, such as 0 or 0,1");
  }
  return *list;
}

vmm::PrefaultMode check_prefault(const std::string& text) {
  using vmm::PrefaultMode;
  constexpr Choice<PrefaultMode> kChoices[] = {
      {"none", PrefaultMode::kNone}, {"boot", PrefaultMode::kBoot}, {"all", PrefaultMode::kAll}};
  return choose("--prefault", text, kChoices, "give none, boot or all");
}

std::vector<std::string> check_modules(std::vector<std::string> texts) {
  for (const std::string& text : texts) {
    if (!protocol::is_valid_module(text)) {
      refuse("--module", text,
             "not a module's name, of letters, digits, - and _, with parameters after a blank; up to " +
                 std::to_string(protocol::kModuleTextMax) + " characters");
    }
  }
  if (texts.size() > protocol::kModulesMax) {
    refuse("--module", texts[protocol::kModulesMax],
           "a guest loads at most " + std::to_string(protocol::kModulesMax) + " modules by name");
  }
  return texts;
}

sandbox::Mode check_sandbox(const std::string& text) {
  constexpr Choice<sandbox::Mode> kChoices[] = {
      {"on", sandbox::Mode::kOn}, {"log", sandbox::Mode::kLog}, {"off", sandbox::Mode::kOff}};
  return choose("--sandbox", text, kChoices, "give on, log or off");
}

ConsoleSpec check_console(std::string text) {
  if (text == "none") {
    return {ConsoleTarget::kNone, {}};
  }
  if (text == "tty") {
    return {ConsoleTarget::kTty, {}};
  }
  return {ConsoleTarget::kFile, std::move(text)};
}

void check_detached(const RunOptions& options, const vmm::RunConfig& config) {
  if (options.until_ready) {
    throw Error(
        "--detach and --until-ready exclude each other: a VM that ends when it is ready leaves nothing");
  }
  if (config.console.target == ConsoleTarget::kTty) {
    refuse("--console", options.console, "a detached VM has no terminal; give a file");
  }
}

int check_events(const std::string& text) {
  const auto descriptor = parse_descriptor(text);
  if (!descriptor) {
    refuse("--events", text, "write the number of a descriptor that mayfly was started with, 3 or more");
  }
  const int flags = ::fcntl(*descriptor, F_GETFL);
  if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) {
    refuse("--events", text, "not a descriptor that mayfly was started with, open to write, as in 3>FILE");
  }
  return *descriptor;
}

void check_cmdline(const std::string& text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20) {
      refuse("--cmdline-append", text, "control characters have no place on a kernel command line");
    }
  }
}

}  // namespace

vmm::RunConfig check_run_options(RunOptions options) {
  vmm::RunConfig config;
  if (options.image.empty()) {
    throw Error("no image given; name one with --image FILE (mayfly-image build makes it)");
  }
  if (!options.memory.empty()) {
    config.memory_bytes = check_memory(options.memory);
  }
  if (!options.cpus.empty()) {
    config.cpus = check_cpus(options.cpus);
  }
  config.dedicated = options.dedicated || !options.dedicated_cpus.empty();
  if (!options.dedicated_cpus.empty()) {
    config.dedicated_cpus = check_dedicated_cpus(options.dedicated_cpus);
  }
  if (!options.pages.empty()) {
    config.pages = check_pages(options.pages);
  }
  if (!options.pages_fallback.empty()) {
    config.pages_fallback = check_pages_fallback(options.pages_fallback);
    if ((config.pages != Pages::k2m && config.pages != Pages::k1g) || !options.pool.empty()) {
      refuse("--pages-fallback", options.pages_fallback,
             "is for --pages 2m or 1g of the host, not of a --pool");
    }
  }
  if (!options.balloon.empty()) {
    config.balloon_bytes = check_balloon(options.balloon, config.memory_bytes);
  }
  if (!options.numa.empty()) {
    config.numa = check_numa(options.numa);
  }
  if (!options.numa.empty() && !options.pool.empty()) {
    refuse("--numa", options.numa,
           "is not for memory from a --pool, which keeps it by nodes (`mayfly pool ... node=N`)");
  }
  if (!options.prefault.empty()) {
    config.prefault = check_prefault(options.prefault);
  }
  if (config.prefault == vmm::PrefaultMode::kAll && config.balloon_bytes.value_or(0) > 0 &&
      options.devices.empty()) {
    refuse("--balloon", options.balloon, "gives back what --prefault all has just populated; choose one");
  }
  if (!options.cgroup.empty()) {
    config.cgroup = check_cgroup(options.cgroup);
  }
  if (!options.sandbox.empty()) {
    config.sandbox = check_sandbox(options.sandbox);
  }
  config.timeout_ns = check_timeout(options.timeout);
  if (!options.console.empty()) {
    config.console = check_console(std::move(options.console));
  }
  config.workdir = check_workdir(std::move(options.workdir));
  config.user = check_user(std::move(options.user));
  config.devices = check_devices(options.devices);
  config.networks = check_networks(options.networks);
  config.disks = check_disks(options.disks);
  config.modules = check_modules(std::move(options.modules));
  if (!options.vsock.empty()) {
    config.sockets = check_vsock(options.vsock);
  } else if (!options.id.empty() || options.detach) {
    config.sockets.emplace();  // who is called by a name is to be talked to
  }
  if (config.prefault == vmm::PrefaultMode::kBoot && !config.devices.empty()) {
    refuse("--prefault", options.prefault,
           "is not for guests with --device, whose memory is populated for those; give all or none");
  }
  if (!options.dma_window.empty()) {
    if (config.devices.empty()) {
      refuse("--dma-window", options.dma_window, "is for guests with --device only");
    }
    config.dma_window_bytes = check_dma_window(options.dma_window, config.memory_bytes);
  }
  if (!options.id.empty()) {
    if (!control::is_vm_id(options.id)) {
      refuse("--id", options.id,
             "write up to 64 letters, digits, '-', '_' and '.', neither '-' nor '.' first");
    }
    config.id = std::move(options.id);
  }
  if (options.detach) {
    check_detached(options, config);
    config.keeps_log = true;
    if (config.id.empty()) {
      config.id = control::random_vm_id();
    }
  }
  if (!options.events.empty()) {
    config.listeners.push_back(check_events(options.events));
  }
  check_cmdline(options.cmdline_append);
  config.image = std::move(options.image);
  config.pool = std::move(options.pool);
  config.kernel = std::move(options.kernel);
  config.image_check = options.verify ? vmm::ImageCheck::kWhole : vmm::ImageCheck::kHeader;
  config.environment = check_environment(std::move(options.environment));
  config.cmdline_append = std::move(options.cmdline_append);
  config.until_ready = options.until_ready;
  config.timeline = std::move(options.timeline);
  config.command = std::move(options.command);
  return config;
}

}  // namespace mayfly::cli
