// SPDX-License-Identifier: Apache-2.0
#pragma once

// BEWARE: <linux/kvm.h> before 6.6 writes flexible arrays as a struct with an empty struct in front, which
// has a size in C++: the sizes that ioctl numbers are made of come out wrong. Always include this instead.
#include <linux/stddef.h>
#undef __DECLARE_FLEX_ARRAY
// The kernel's name. NOLINTNEXTLINE(bugprone-reserved-identifier)
#define __DECLARE_FLEX_ARRAY(TYPE, NAME) TYPE NAME[0]

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#include <linux/kvm.h>
#pragma GCC diagnostic pop

static_assert(sizeof(kvm_cpuid2) == 8 && sizeof(kvm_msrs) == 8 && sizeof(kvm_stats_desc) == 16);
