// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/mapping.hpp"
#include "memory/guest_memory.hpp"

namespace mayfly::testing {

/// Guest RAM of one page that changes after each single access that the code under test makes to it.
///
/// The page is mapped twice. `memory()` sees a view without access rights: each access faults, the fault
/// handler opens the view for exactly one instruction (x86's trap flag), and then calls back, so that what
/// the next instruction reads is what the callback wrote. `driver_memory()` is the other view, with no such
/// effect. There can be one at a time in a process, used by one thread; no signal handler of SIGSEGV or
/// SIGTRAP may be needed by anyone else.
class HostilePage {
 public:
  static constexpr std::size_t kBytes = 4096;

  /// Called after each access, within a signal handler: `offset` is where in the page it was.
  using AfterAccess = void (*)(HostilePage& page, std::size_t offset, void* context);

  /// Throws Error when the page cannot be made.
  HostilePage();
  HostilePage(const HostilePage&) = delete;
  HostilePage& operator=(const HostilePage&) = delete;
  ~HostilePage();

  /// Arms the page; a null `after_access` disarms it.
  void on_access(AfterAccess after_access, void* context);

  /// The page at guest address 0, as the device sees it and as the driver does.
  [[nodiscard]] GuestMemory& memory() noexcept { return memory_; }
  [[nodiscard]] GuestMemory& driver_memory() noexcept { return driver_memory_; }
  /// The driver's view, for the callback: memcpy into it and nothing more.
  [[nodiscard]] std::byte* bytes() noexcept { return driver_view_.data(); }
  /// How many accesses the code under test made since it was armed.
  [[nodiscard]] std::size_t accesses() const noexcept { return accesses_; }

  // For the signal handlers.
  [[nodiscard]] bool open_for_one_instruction(const std::byte* address) noexcept;
  void close_again() noexcept;

 private:
  Mapping driver_view_;
  Mapping device_view_;
  GuestMemory driver_memory_;
  GuestMemory memory_;
  AfterAccess after_access_ = nullptr;
  void* context_ = nullptr;
  std::size_t accesses_ = 0;
  std::size_t last_offset_ = 0;
};

}  // namespace mayfly::testing
