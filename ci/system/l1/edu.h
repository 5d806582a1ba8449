/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs that drive QEMU's `edu` device (docs/specs/edu) in a guest share: they are its first process, have
 * the device by VFIO without an IOMMU, and say all on the console; the last line is "edu: good".
 */
#pragma once

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <unistd.h>

enum { COMMAND = 4, MEMORY_AND_MASTER = 6 };

static volatile uint32_t* registers;

static inline void end(void) {
  fflush(stdout);
  reboot(RB_POWER_OFF);
  for (;;) {
    pause();
  }
}

static inline void expect(int good, const char* what) {
  if (!good) {
    printf("edu: failed: %s: %s\n", what, strerror(errno));
    end();
  }
}

static inline int open_edu(const char* address) {
  int container = open("/dev/vfio/vfio", O_RDWR);
  expect(container >= 0, "container");
  int group = open("/dev/vfio/noiommu-0", O_RDWR);
  expect(group >= 0, "group");
  expect(ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) == 0, "group into container");
  expect(ioctl(container, VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU) == 0, "no IOMMU");
  int device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, address);
  expect(device >= 0, "device");
  return device;
}

static inline uint64_t place_of(int device, uint32_t index, uint64_t* size) {
  struct vfio_region_info info = {.argsz = sizeof(info), .index = index};
  expect(ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info) == 0, "region");
  *size = info.size;
  return info.offset;
}

/* Opens the device, makes it bus master, and maps its registers. */
static inline int start_edu(const char* address) {
  int device = open_edu(address);
  uint64_t size = 0;
  uint64_t config = place_of(device, VFIO_PCI_CONFIG_REGION_INDEX, &size);
  uint16_t command = MEMORY_AND_MASTER;
  expect(pwrite(device, &command, sizeof(command), (off_t)(config + COMMAND)) == sizeof(command), "command");
  uint64_t bar = place_of(device, VFIO_PCI_BAR0_REGION_INDEX, &size);
  registers = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, device, (off_t)bar);
  expect(registers != MAP_FAILED, "registers");
  return device;
}
