// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <span>

#include "boot/timeline_report.hpp"

namespace mayfly::boot {
namespace {

struct NamedMark {
  std::uint8_t code;
  std::string_view name;
};

// Source: guest-kernel-config/patches, "init: tell the host how far the boot has come".
constexpr std::array kKernelMarks = {
    NamedMark{0x40, "kernel_entry"},       NamedMark{0x42, "kernel_core"},
    NamedMark{0x43, "initcalls_early"},    NamedMark{0x45, "driver_core"},
    NamedMark{0x48, "initcalls_pure"},     NamedMark{0x49, "initcalls_core"},
    NamedMark{0x4a, "initcalls_postcore"}, NamedMark{0x4b, "initcalls_arch"},
    NamedMark{0x4c, "initcalls_subsys"},   NamedMark{0x4d, "initcalls_fs"},
    NamedMark{0x4e, "initcalls_device"},   NamedMark{0x4f, "initcalls_late"},
    NamedMark{0x50, "mount_root"},         NamedMark{0x51, "kernel_finish"},
    NamedMark{0x44, "kernel_smp"},         NamedMark{0x41, "exec_init"},
};

// Source: guest-init/protocol/frame.hpp.
constexpr std::array kInitMarks = {
    NamedMark{0x60, "init_started"},
    NamedMark{0x61, "ready"},
    NamedMark{0x62, "exited"},
};

std::string_view name_in(std::span<const NamedMark> marks, std::uint8_t code) noexcept {
  const auto found = std::ranges::find(marks, code, &NamedMark::code);
  return found == marks.end() ? std::string_view() : found->name;
}

}  // namespace

bool is_kernel_mark(std::uint8_t code) noexcept { return !name_in(kKernelMarks, code).empty(); }

std::string_view port_mark_name(std::uint8_t code) noexcept {
  for (const std::span<const NamedMark> marks :
       {std::span<const NamedMark>(kKernelMarks), std::span<const NamedMark>(kInitMarks)}) {
    if (const std::string_view name = name_in(marks, code); !name.empty()) {
      return name;
    }
  }
  constexpr std::array<std::string_view, 4> kUsers = {"firmware", "bootloader", "kernel", "userspace"};
  const std::size_t user = code / 0x20U;
  return user < kUsers.size() ? kUsers[user] : "custom";
}

}  // namespace mayfly::boot
