// SPDX-License-Identifier: Apache-2.0
//
// What logging of writes costs a guest that writes at random with all its vCPUs while its pages are copied
// each millisecond, as a snapshot of a running guest does: without a log, by DirtyLog with its rings or with
// small ones, and by KVM's bitmap, which other VMMs use. ci/bench/dirty_log runs it.
//
//   mayfly-dirty-log-bench off|ring|small|bitmap VCPUS WRITES IDLE [TICK]     so many writes of each vCPU
//
// The guest has IDLE MiB more, an even number, which nobody writes. With TICK a thread sleeps for so many
// microseconds again and again: an emulator whose processors take turns at what comes until the next timer
// then changes turns within a lock, too.
//
// Prints `begin NS end NS rounds N told N` by CLOCK_MONOTONIC_RAW. The threads of vCPUs are called "writer".
// Fails when the copy lacks anything in the end.
#include <atomic>
#include <bit>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <stop_token>
#include <string_view>
#include <thread>
#include <variant>
#include <vector>

#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "dirty/dirty_log.hpp"
#include "dirty/writing_guest.hpp"

namespace mayfly::dirty {
namespace {

/// KVM's bitmap, as it costs least: a look takes what was written, and what was is protected anew by a second
/// call for the pages that are copied (api.rst, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2).
class BitmapLog {
 public:
  explicit BitmapLog(WritingGuest& guest) : guest_(guest) {
    guest.vm().enable(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE);
  }

  void start() {
    for (const LoggedSlot& slot : guest_.slots()) {
      guest_.vm().log_writes(slot.slot, slot.memory.guest.start.raw(), slot.memory.host,
                             slot.memory.guest.bytes, true);
    }
  }

  void collect(PageSet& pages) {
    std::uint64_t first = 0;
    for (const LoggedSlot& slot : guest_.slots()) {
      const std::uint64_t count = slot.memory.guest.bytes / DirtyLog::kPageBytes;
      std::vector<std::uint64_t> bits((count + 63) / 64);
      kvm_dirty_log look{};
      look.slot = slot.slot;
      look.dirty_bitmap = bits.data();
      call(KVM_GET_DIRTY_LOG, &look, "KVM_GET_DIRTY_LOG");
      kvm_clear_dirty_log clear{};
      clear.slot = slot.slot;
      clear.num_pages = static_cast<std::uint32_t>(count);
      clear.dirty_bitmap = bits.data();
      call(KVM_CLEAR_DIRTY_LOG, &clear, "KVM_CLEAR_DIRTY_LOG");
      for (std::size_t word = 0; word < bits.size(); ++word) {
        for (std::uint64_t left = bits[word]; left != 0; left &= left - 1) {
          pages.insert({first + 64 * word + static_cast<unsigned>(std::countr_zero(left)), 1});
        }
      }
      first += count;
    }
  }

 private:
  void call(unsigned long request, void* argument, const char* name) {
    if (::ioctl(guest_.vm().fd(), request, argument) < 0) {
      fail_errno(name);
    }
  }

  WritingGuest& guest_;
};

class Bench {
 public:
  /// One that is full again and again: then vCPUs wait for each other, as KVM resets rings one call at a
  /// time.
  static constexpr std::uint32_t kSmallRing = 1024;

  Bench(std::string_view how, std::uint32_t vcpus, std::uint64_t writes, std::uint64_t idle)
      : exits_(writes / WritingGuest::kWritesAnExit), guest_(idle) {
    std::optional<std::uint32_t> entries;
    if (how == "ring" || how == "small") {
      entries = kvm::DirtyRing::enable(guest_.vm(), how == "ring" ? DirtyLog::kRingEntries : kSmallRing);
      if (!entries.has_value()) {
        throw Error("this KVM has no rings of written pages (Linux 5.11)");
      }
    } else if (how == "bitmap") {
      bitmap_.emplace(guest_);
    }
    for (const LoggedSlot& slot : guest_.slots()) {
      pages_ += slot.memory.guest.bytes / DirtyLog::kPageBytes;
    }
    guest_.add_vcpus(vcpus);
    if (entries.has_value()) {
      ring_.emplace(guest_.vm(), guest_.slots(), guest_.vcpus(), *entries);
    }
    // All that it writes is there before anything is measured.
    for (std::uint32_t id = 0; id < vcpus; ++id) {
      write(id);
    }
  }

  void run(std::uint32_t vcpus) {
    std::memcpy(copy_.data(), guest_.ram().data(), WritingGuest::kBytes);
    if (ring_.has_value()) {
      ring_->start();
    } else if (bitmap_.has_value()) {
      bitmap_->start();
    }
    std::atomic<std::uint32_t> running = vcpus;
    std::vector<std::jthread> writers;
    const std::uint64_t begin = clock_ns(CLOCK_MONOTONIC_RAW);
    for (std::uint32_t id = 0; id < vcpus; ++id) {
      writers.emplace_back([this, id, &running] {
        static_cast<void>(::pthread_setname_np(::pthread_self(), "writer"));
        write(id);
        --running;
      });
    }
    while (running > 0 && (ring_.has_value() || bitmap_.has_value())) {
      copy_round();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    writers.clear();
    const std::uint64_t end = clock_ns(CLOCK_MONOTONIC_RAW);
    if (failed_) {
      throw Error("the guest did something else than to write");
    }
    if (ring_.has_value() || bitmap_.has_value()) {
      copy_round();
      if (std::memcmp(copy_.data(), guest_.ram().data(), WritingGuest::kBytes) != 0) {
        throw Error("the copy lacks what the guest has written");
      }
    }
    std::printf("begin %llu end %llu rounds %llu told %llu\n", static_cast<unsigned long long>(begin),
                static_cast<unsigned long long>(end), static_cast<unsigned long long>(rounds_),
                static_cast<unsigned long long>(told_));
  }

 private:
  void write(std::uint32_t id) {
    for (std::uint64_t done = 0; done < exits_;) {
      const kvm::VmExit exit = guest_.vcpu(id).run();
      if (std::holds_alternative<kvm::DirtyRingFull>(exit)) {
        ring_->make_room(id);
      } else if (std::holds_alternative<kvm::IoOut>(exit)) {
        ++done;
      } else {
        failed_ = true;
        return;
      }
    }
  }

  void copy_round() {
    PageSet pages(pages_);
    if (ring_.has_value()) {
      ring_->collect(pages);
    } else {
      bitmap_->collect(pages);
    }
    told_ += guest_.copy_to(copy_, pages);
    ++rounds_;
  }

  std::uint64_t exits_;
  WritingGuest guest_;
  std::uint64_t pages_ = 0;
  Backing copy_{WritingGuest::kBytes, Pages::kAuto};
  std::optional<DirtyLog> ring_;
  std::optional<BitmapLog> bitmap_;
  std::atomic<bool> failed_ = false;
  std::uint64_t rounds_ = 0;
  std::uint64_t told_ = 0;
};

void tick(const std::stop_token& stop, std::chrono::microseconds span) {
  if (span.count() == 0) {
    return;
  }
  ::prctl(PR_SET_TIMERSLACK, 1UL);
  while (!stop.stop_requested()) {
    std::this_thread::sleep_for(span);
  }
}

}  // namespace
}  // namespace mayfly::dirty

int main(int argc, char** argv) {
  using namespace mayfly;
  const std::string_view how = argc == 5 || argc == 6 ? argv[1] : "";
  if (how != "off" && how != "ring" && how != "small" && how != "bitmap") {
    static_cast<void>(std::fprintf(
        stderr, "usage: mayfly-dirty-log-bench off|ring|small|bitmap VCPUS WRITES IDLE [TICK]\n"));
    return EXIT_FAILURE;
  }
  try {
    const std::jthread ticker(dirty::tick,
                              std::chrono::microseconds(argc == 6 ? std::strtoull(argv[5], nullptr, 10) : 0));
    const auto vcpus = static_cast<std::uint32_t>(std::strtoul(argv[2], nullptr, 10));
    dirty::Bench(how, vcpus, std::strtoull(argv[3], nullptr, 10), std::strtoull(argv[4], nullptr, 10) * kMiB)
        .run(vcpus);
    return EXIT_SUCCESS;
  } catch (const Error& error) {
    static_cast<void>(std::fprintf(stderr, "mayfly-dirty-log-bench: %s\n", error.what()));
    return EXIT_FAILURE;
  }
}
