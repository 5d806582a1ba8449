// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace mayfly::sandbox {

/// The threads that there are once a guest runs. Each has a filter of its own, on top of the one of the
/// thread that started it: so that one must allow all that it does.
enum class ThreadKind : std::uint8_t {
  kMain,     ///< Starts vCPU threads, sleeps in the run loop, takes the machine down.
  kVcpu,     ///< Started by main; starts stdio threads.
  kStdio,    ///< Reader and writers of stdio and console; one may start another.
  kMapper,   ///< The DMA map's: started before main has a filter.
  kControl,  ///< The control socket's server: started by main with the first client.
  kIo,       ///< The I/O thread of devices that stream: started before main has a filter.
  kSockets,  ///< The same, of a guest that has sockets too.
  kDisk,     ///< One of a disk: started before main has a filter.
};

/// Whether such a thread has not inherited main's filter, but has one that says all.
constexpr bool is_before_main(ThreadKind kind) noexcept {
  return kind == ThreadKind::kMapper || kind == ThreadKind::kIo || kind == ThreadKind::kSockets ||
         kind == ThreadKind::kDisk;
}

/// A set of thread kinds: bits.
using Threads = std::uint8_t;
constexpr Threads threads(ThreadKind kind) noexcept {
  return static_cast<Threads>(1U << static_cast<unsigned>(kind));
}

/// What one argument of a system call must be. Of the argument the low 32 bits are looked at: the kernel
/// takes all that is compared here as an int or tests single low bits of it.
struct Condition {
  enum class Kind : std::uint8_t {
    kNone,
    kIs,            ///< Equal to `value`.
    kHasNoneOf,     ///< Without a bit of `value`.
    kIsOwnProcess,  ///< This process's number.
    kIsOwnFolder,   ///< The descriptor of the folder that a file of ours is removed from.
  };
  Kind kind = Kind::kNone;
  std::uint8_t argument = 0;
  std::uint32_t value = 0;

  constexpr bool operator==(const Condition&) const noexcept = default;
};

constexpr Condition is(std::uint8_t argument, std::uint64_t value) noexcept {
  return {Condition::Kind::kIs, argument, static_cast<std::uint32_t>(value)};
}
constexpr Condition has_none_of(std::uint8_t argument, std::uint32_t bits) noexcept {
  return {Condition::Kind::kHasNoneOf, argument, bits};
}
constexpr Condition is_own_process(std::uint8_t argument) noexcept {
  return {Condition::Kind::kIsOwnProcess, argument, 0};
}

constexpr Condition is_own_folder(std::uint8_t argument) noexcept {
  return {Condition::Kind::kIsOwnFolder, argument, 0};
}

enum class Verdict : std::uint8_t {
  kAllow,
  kNotThere,  ///< Fails with ENOSYS, as in an older kernel; the caller has another way. Without conditions.
};

/// Allows a system call to some threads when all its conditions hold. Rules of one call are alternatives.
struct Rule {
  std::uint32_t call;
  Threads threads;
  std::array<Condition, 2> conditions{};
  Verdict verdict = Verdict::kAllow;

  [[nodiscard]] constexpr bool is_unconditional() const noexcept {
    return conditions[0].kind == Condition::Kind::kNone;
  }
};

}  // namespace mayfly::sandbox
