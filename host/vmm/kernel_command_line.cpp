// SPDX-License-Identifier: Apache-2.0
#include "vmm/kernel_command_line.hpp"

#include <cpuid.h>

#include "base/text_file.hpp"

namespace mayfly::vmm {
namespace {

constexpr const char* kClockSource = "/sys/devices/system/clocksource/clocksource0/current_clocksource";

// Intel SDM 2A and AMD APM 3, CPUID.
constexpr unsigned kLeafPower = 0x80000007;
constexpr unsigned kEdxInvariantTsc = 1U << 8U;

bool has_invariant_tsc() noexcept {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  return __get_cpuid(kLeafPower, &eax, &ebx, &ecx, &edx) != 0 && (edx & kEdxInvariantTsc) != 0;
}

}  // namespace

GuestTsc guest_tsc() { return judge_tsc(has_invariant_tsc(), first_line_of(kClockSource)); }

GuestTsc judge_tsc(bool is_invariant, std::string_view clock_source) noexcept {
  return is_invariant && (clock_source == "tsc" || clock_source.empty()) ? GuestTsc::kTrusted
                                                                         : GuestTsc::kUnstable;
}

std::string kernel_command_line(const RunConfig& config, image::FileSystem file_system, GuestTsc tsc) {
  // The kernel looks for this word at the beginning only (patches, "init: tell the host").
  std::string line = config.timeline.empty() ? "" : "mayfly.marks ";
  // rootwait: libnvdimm finds the device on a thread of its own, later than the mount on some SMP boots.
  line +=
      "console=hvc0 quiet panic=-1 pci=static root=/dev/pmem0 rootwait=10 rootflags=dax=always ro "
      "init=/.mayfly/init rootfstype=";
  line += file_system == image::FileSystem::kErofs ? "erofs" : "ext4";
  // A TSC that is not trusted is not kept time by, but would be compared with kvm-clock twice a second. One
  // that is invariant and has TSC_ADJUST, as KVM's has, is not compared.
  if (tsc == GuestTsc::kUnstable) {
    line += " tsc=unstable";
  }
  if (!config.cmdline_append.empty()) {
    line += ' ';
    line += config.cmdline_append;
  }
  return line;
}

}  // namespace mayfly::vmm
