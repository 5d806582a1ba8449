# SPDX-License-Identifier: Apache-2.0
# mayfly_musl: compiles and links a target for musl, static, with header-only C++ and without a C++ runtime. The
# directories are given one by one, in place of GCC's specs file, so that clang and clang-tidy read them too.
set(musl_lib /usr/lib/x86_64-linux-musl)
file(GLOB libstdcxx_headers /usr/include/c++/[0-9]*)
list(SORT libstdcxx_headers COMPARE NATURAL)
if(NOT EXISTS ${musl_lib}/libc.a OR NOT libstdcxx_headers)
  message(FATAL_ERROR "musl or the C++ headers are missing: install the packages musl-tools and g++")
endif()
list(GET libstdcxx_headers -1 libstdcxx_headers)
cmake_path(GET libstdcxx_headers FILENAME libstdcxx_version)
find_library(libcap_archive NAMES libcap.a REQUIRED)

add_library(mayfly_musl INTERFACE)
target_compile_options(mayfly_musl INTERFACE
  -fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-asynchronous-unwind-tables -fno-unwind-tables
  -fno-pic -fno-pie -Os
  -nostdinc -nostdinc++
  "SHELL:-isystem ${libstdcxx_headers}"
  "SHELL:-isystem /usr/include/x86_64-linux-gnu/c++/${libstdcxx_version}"
  "SHELL:-isystem /usr/include/x86_64-linux-musl"
  # The kernel's headers and libcap's; what musl has too is found there first.
  "SHELL:-isystem /usr/include/x86_64-linux-gnu"
  "SHELL:-isystem /usr/include"
  # libstdc++'s configuration for glibc asks this of features.h.
  "-D__GLIBC_PREREQ(a,b)=0" -U_FORTIFY_SOURCE)
# At a fixed address: no relocations to apply, so fewer pages of the image are touched at each boot.
target_link_options(mayfly_musl INTERFACE
  -nostdlib -static -no-pie -s
  -Wl,--build-id=none -Wl,-z,noseparate-code -Wl,-z,norelro -Wl,--gc-sections
  # no_heap.cpp
  -Wl,--wrap=calloc -Wl,--wrap=free
  ${musl_lib}/crt1.o ${musl_lib}/crti.o)
target_link_libraries(mayfly_musl INTERFACE
  ${libcap_archive} ${musl_lib}/libc.a ${musl_lib}/crtn.o)
