// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

/// What a processor can do to the machine: plain instructions, so that each is the access that it says.
namespace hostile {

template <typename Word>
Word load(std::uint64_t address) noexcept {
  Word value;
  asm volatile("mov (%1), %0" : "=r"(value) : "r"(address) : "memory");
  return value;
}

template <typename Word>
void store(std::uint64_t address, Word value) noexcept {
  asm volatile("mov %0, (%1)" : : "r"(value), "r"(address) : "memory");
}

/// An access of `1 << log2` bytes; 16 by an SSE register.
inline void load_any(std::uint64_t address, unsigned log2) noexcept {
  switch (log2) {
    case 0:
      (void)load<std::uint8_t>(address);
      break;
    case 1:
      (void)load<std::uint16_t>(address);
      break;
    case 2:
      (void)load<std::uint32_t>(address);
      break;
    case 3:
      (void)load<std::uint64_t>(address);
      break;
    default:
      asm volatile("movdqu (%0), %%xmm0" : : "r"(address) : "memory");
      break;
  }
}

inline void store_any(std::uint64_t address, unsigned log2, std::uint64_t value) noexcept {
  switch (log2) {
    case 0:
      store(address, static_cast<std::uint8_t>(value));
      break;
    case 1:
      store(address, static_cast<std::uint16_t>(value));
      break;
    case 2:
      store(address, static_cast<std::uint32_t>(value));
      break;
    case 3:
      store(address, value);
      break;
    default: {
      // Not made in the register: a KVM that emulates knows moves only.
      const std::uint64_t twice[] = {value, value};
      asm volatile("movdqu (%1), %%xmm0; movdqu %%xmm0, (%0)" : : "r"(address), "r"(twice) : "memory");
      break;
    }
  }
}

inline void write_msr(std::uint32_t number, std::uint64_t value) noexcept {
  asm volatile("wrmsr"
               :
               : "c"(number), "a"(static_cast<std::uint32_t>(value)),
                 "d"(static_cast<std::uint32_t>(value >> 32U))
               : "memory");
}

/// EAX of a leaf.
inline std::uint32_t cpuid(std::uint32_t leaf) noexcept {
  std::uint32_t value = leaf;
  asm volatile("cpuid" : "+a"(value) : : "ebx", "ecx", "edx");
  return value;
}

/// Where they are not, their registers fault. host/kvm/cpuid.cpp says so.
inline bool has_synthetic_timers() noexcept {
  return cpuid(0x40000000) == 0x40000003 && cpuid(0x40000001) == 0x31237648;
}

inline void port_out(std::uint16_t port, unsigned log2, std::uint32_t value) noexcept {
  switch (log2) {
    case 0:
      asm volatile("outb %b0, %1" : : "a"(value), "d"(port));
      break;
    case 1:
      asm volatile("outw %w0, %1" : : "a"(value), "d"(port));
      break;
    default:
      asm volatile("outl %0, %1" : : "a"(value), "d"(port));
      break;
  }
}

inline void port_in(std::uint16_t port, unsigned log2) noexcept {
  std::uint32_t value = 0;
  switch (log2) {
    case 0:
      asm volatile("inb %1, %b0" : "+a"(value) : "d"(port));
      break;
    case 1:
      asm volatile("inw %1, %w0" : "+a"(value) : "d"(port));
      break;
    default:
      asm volatile("inl %1, %0" : "+a"(value) : "d"(port));
      break;
  }
}

/// String instructions: `count` items of 1 or 4 bytes from or to memory at `at`, in one exit where KVM likes.
inline void port_out_string(std::uint16_t port, std::uint64_t at, std::uint64_t count) noexcept {
  asm volatile("rep outsb" : "+S"(at), "+c"(count) : "d"(port) : "memory");
}

inline void port_in_string(std::uint16_t port, std::uint64_t at, std::uint64_t count) noexcept {
  asm volatile("rep insl" : "+D"(at), "+c"(count) : "d"(port) : "memory");
}

inline void copy_string(std::uint64_t to, std::uint64_t from, std::uint64_t bytes) noexcept {
  asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
}

/// A locked instruction, which KVM makes a read and a write of.
inline void exchange(std::uint64_t address, std::uint32_t value) noexcept {
  asm volatile("xchg %0, (%1)" : "+r"(value) : "r"(address) : "memory");
}

inline void relax() noexcept { asm volatile("pause"); }

/// Where the guest's own ways end: code at `address`, which may be anything.
inline void jump(std::uint64_t address) noexcept { asm volatile("call *%0" : : "r"(address) : "memory"); }

}  // namespace hostile
