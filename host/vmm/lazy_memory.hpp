// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "kvm/exit.hpp"
#include "memory/held_memory.hpp"

namespace mayfly::vmm {

/// The host's side of lazy memory: a guest kernel that takes memory over little by little says by hypercall
/// what it has not taken over yet, and asks before it does. Until then no driver of the guest can know the
/// memory, so no device need reach it.
///
/// KVM_HC_MAP_GPA_RANGE means this already, between encrypted guests and their host: memory is private to the
/// guest, or shared with devices. Here private is *held* (HeldMemory), and to share is to release: the call
/// returns once devices reach the memory, which stops the vCPU until then. guest-kernel-config/patches/0053
/// is the guest's side. Other guests never call, hold nothing, and are no less safe.
class LazyMemory {
 public:
  /// Bits of a call's attributes. `kPrivate` is Linux's KVM_MAP_GPA_RANGE_ENCRYPTED.
  static constexpr std::uint64_t kPrivate = 1U << 4U;
  /// Ours, with a release: do it if it can be done at once, else answer kAgain.
  static constexpr std::uint64_t kDoNotWait = 1ULL << 63U;
  /// Ours too: to share as many pages from address 0 on, all that there can be, is to share what is private,
  /// wherever that is. So the guest's next kernel finds none (kexec).
  static constexpr std::uint64_t kAllPages = 1ULL << 40U;
  /// Answers, as <linux/kvm_para.h> has them negated.
  static constexpr std::int64_t kDone = 0;
  static constexpr std::int64_t kAgain = -11;
  static constexpr std::int64_t kInvalid = -22;

  /// `held` outlives this.
  explicit LazyMemory(HeldMemory& held) noexcept : held_(held) {}
  LazyMemory(const LazyMemory&) = delete;
  LazyMemory& operator=(const LazyMemory&) = delete;
  /// No call is under way.
  ~LazyMemory() { held_.forget(this); }

  /// Does what the guest asks for, and gives what it is answered. What it may not ask for is kInvalid and
  /// changes nothing. Any vCPU thread; a release without kDoNotWait waits until devices reach the memory, or
  /// request_stop().
  [[nodiscard]] std::int64_t answer(const kvm::MapRange& call) noexcept;
  /// Ends every wait, and those to come. Any thread.
  void request_stop() noexcept;

 private:
  [[nodiscard]] std::int64_t release_now(GuestRange range) noexcept;
  [[nodiscard]] std::int64_t release(GuestRange range) noexcept;
  void released(std::uint64_t call) noexcept;

  HeldMemory& held_;
  std::mutex mutex_;
  std::condition_variable progress_;
  // One bit for each call that waits, and for those of them that need not wait any more. A vCPU has one call.
  std::uint64_t calls_ = 0;
  std::uint64_t done_ = 0;
  bool stopping_ = false;
};

}  // namespace mayfly::vmm
