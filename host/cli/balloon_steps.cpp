// SPDX-License-Identifier: Apache-2.0
// For the lab's tests: `mayfly run` with a balloon that is resized on the way.
//
//   balloon_steps run --balloon SIZE [OPTION]... [-- COMMAND...] 3<TARGETS 4>REPORT
//
// Each line of descriptor 3 is a size, and becomes the balloon's target. Once the guest says that its balloon
// has that size, a line `SIZE POPULATED` comes on descriptor 4, in bytes: the size, and how much of the
// guest's memory the host has behind it.
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <variant>

#include <unistd.h>

#include "base/error.hpp"
#include "boot/exec_time.hpp"
#include "cli/command_line.hpp"
#include "cli/kernel_path.hpp"
#include "cli/quantity.hpp"
#include "cli/run_options.hpp"
#include "vmm/machine.hpp"
#include "vmm/outcome.hpp"
#include "vmm/run.hpp"

namespace mayfly::cli {
namespace {

constexpr int kTargets = 3;
constexpr int kReport = 4;
/// Between two looks at the guest's answer.
constexpr useconds_t kLookUs = 1000;

/// The machine as long as it is there.
class Resizer final : public vmm::RunObserver {
 public:
  void started(vmm::Machine& machine) override {
    const std::lock_guard lock(mutex_);
    machine_ = &machine;
    // Detached: it may sleep in a read that ends with the process only.
    std::thread([this] { follow(); }).detach();
  }
  void stopping() noexcept override {
    const std::lock_guard lock(mutex_);
    machine_ = nullptr;
  }

 private:
  void follow() {
    std::string line;
    char letter = 0;
    while (::read(kTargets, &letter, 1) == 1) {
      if (letter != '\n') {
        line += letter;
        continue;
      }
      const auto bytes = parse_bytes(std::exchange(line, {}));
      if (!bytes || !resize(*bytes)) {
        return;
      }
    }
  }
  /// False when the machine is gone before the guest has followed.
  bool resize(std::uint64_t bytes) {
    {
      const std::lock_guard lock(mutex_);
      if (machine_ == nullptr) {
        return false;
      }
      machine_->balloon()->set_target(bytes);
    }
    while (true) {
      {
        const std::lock_guard lock(mutex_);
        if (machine_ == nullptr) {
          return false;
        }
        if (machine_->balloon()->actual_bytes() == bytes) {
          const std::string report =
              std::to_string(bytes) + ' ' + std::to_string(machine_->populated()) + '\n';
          return ::write(kReport, report.data(), report.size()) == static_cast<ssize_t>(report.size());
        }
      }
      ::usleep(kLookUs);
    }
  }

  std::mutex mutex_;
  vmm::Machine* machine_ = nullptr;
};

int steps(std::span<const char* const> words, boot::BootTimeline& timeline) {
  Command command = parse_command_line(words);
  auto* options = std::get_if<RunOptions>(&command);
  if (options == nullptr || options->balloon.empty()) {
    throw Error("write: balloon_steps run --balloon SIZE ...");
  }
  vmm::RunConfig config = check_run_options(std::move(*options));
  if (config.kernel.empty()) {
    config.kernel = default_kernel(std::getenv("MAYFLY_KERNEL"), executable_path());
  }
  // That thread has no place in the sandbox, nor have its descriptors.
  config.sandbox = sandbox::Mode::kOff;
  // Outlives the thread that it starts, which ends with the process.
  static Resizer resizer;
  return vmm::run(config, timeline, &resizer);
}

}  // namespace
}  // namespace mayfly::cli

int main(int argc, char** argv) {
  mayfly::boot::BootTimeline timeline(mayfly::boot::exec_time(nullptr));
  try {
    return mayfly::cli::steps({argv + 1, argv + argc}, timeline);
  } catch (const std::exception& error) {
    static_cast<void>(std::fprintf(stderr, "balloon_steps: %s\n", error.what()));
    return mayfly::vmm::kOwnFailure;
  }
}
