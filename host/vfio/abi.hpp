// SPDX-License-Identifier: Apache-2.0
#pragma once

// Always include this instead of <linux/vfio.h>, which ends structs with flexible arrays.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#include <linux/vfio.h>
#pragma GCC diagnostic pop

static_assert(sizeof(vfio_irq_set) == 20 && sizeof(vfio_region_info) == 32 &&
              sizeof(vfio_region_info_cap_sparse_mmap) == 16);
