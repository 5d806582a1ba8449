// SPDX-License-Identifier: Apache-2.0
/// What stands where the C library's allocator would: libcap's objects name calloc and free in functions that
/// init does not call. The link sends those names here (--wrap), so that no allocator is in the program.
#include <cerrno>
#include <cstddef>

extern "C" {

void* __wrap_calloc(std::size_t count, std::size_t bytes);  // NOLINT: the linker's name
void __wrap_free(void* memory);                             // NOLINT: the linker's name

void* __wrap_calloc(std::size_t /*count*/, std::size_t /*bytes*/) {  // NOLINT: the linker's name
  errno = ENOMEM;
  return nullptr;
}

void __wrap_free(void* /*memory*/) {}  // NOLINT: the linker's name

}  // extern "C"
