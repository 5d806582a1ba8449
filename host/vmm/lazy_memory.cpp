// SPDX-License-Identifier: Apache-2.0
#include "vmm/lazy_memory.hpp"

#include <bit>
#include <limits>

#include <linux/kvm_para.h>

#include "base/checked.hpp"
#include "base/error.hpp"

namespace mayfly::vmm {
namespace {

constexpr std::uint64_t kPage = 4 * kKiB;
static_assert(LazyMemory::kPrivate == KVM_MAP_GPA_RANGE_ENCRYPTED);
static_assert(LazyMemory::kInvalid == -KVM_EINVAL);
/// Of physical addresses (AMD APM 2, 5.3): all of them.
static_assert(LazyMemory::kAllPages * kPage == 1ULL << 52U);

}  // namespace

std::int64_t LazyMemory::answer(const kvm::MapRange& call) noexcept {
  if (call.pages > std::numeric_limits<std::uint64_t>::max() / kPage) {
    return kInvalid;
  }
  const GuestRange range{GuestAddress(call.address), call.pages * kPage};
  switch (call.attributes) {
    case kPrivate:
      return held_.hold(range) ? kDone : kInvalid;
    case kDoNotWait:
      return release_now(range);
    case 0:
      return release(range);
    default:
      return kInvalid;
  }
}

std::int64_t LazyMemory::release_now(GuestRange range) noexcept {
  const auto ready = held_.next_ready_run(range.start);
  if (!ready || ready->start != range.start || ready->bytes < range.bytes) {
    return kAgain;
  }
  // What is ready stays so until it is released.
  return release(range);
}

std::int64_t LazyMemory::release(GuestRange range) noexcept {
  std::unique_lock lock(mutex_);
  const auto call = static_cast<unsigned>(std::countr_one(calls_));
  MAYFLY_ASSERT(call < std::numeric_limits<std::uint64_t>::digits);
  const std::uint64_t bit = std::uint64_t{1} << call;
  calls_ |= bit;
  lock.unlock();
  const HeldMemory::Done done{
      [](void* owner, std::uint64_t cookie) noexcept { static_cast<LazyMemory*>(owner)->released(cookie); },
      this, bit};
  const bool is_all = range.start.raw() == 0 && range.bytes == kAllPages * kPage;
  const Result<HeldMemory::Answer, HeldFault> answer =
      is_all ? held_.release_all(done) : held_.release(range, done);
  lock.lock();
  if (answer && *answer == HeldMemory::Answer::kLater) {
    progress_.wait(lock, [&] { return (done_ & bit) != 0 || stopping_; });
    if ((done_ & bit) == 0) {
      return kDone;  // The guest is not entered again; the call's bit stays taken, for its end may yet come.
    }
  }
  calls_ &= ~bit;
  done_ &= ~bit;
  return answer ? kDone : kInvalid;
}

void LazyMemory::released(std::uint64_t call) noexcept {
  {
    const std::lock_guard lock(mutex_);
    done_ |= call;
  }
  progress_.notify_all();
}

void LazyMemory::request_stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  progress_.notify_all();
}

}  // namespace mayfly::vmm
