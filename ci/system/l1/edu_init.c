/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First process of a guest with QEMU's `edu` device (docs/specs/edu): a factorial, then interrupts one by one, by
 * VFIO without an IOMMU; then the guest's end. All that it says goes to the console; the last line is "edu: good".
 *
 * Kernel command line: edu=ADDRESS of the device in the guest, irq=msi|intx, count=N, and where a disk is there too,
 * which is read before the interrupts, disk=/dev/NAME.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <unistd.h>

enum { IDENTITY = 0x00, LIVENESS = 0x04, FACTORIAL = 0x08, STATUS = 0x20, RAISED = 0x24, RAISE = 0x60, ACKNOWLEDGE = 0x64 };
enum { WAIT_MS = 20000, COMMAND = 4, MEMORY_AND_MASTER = 6 };

static volatile uint32_t* registers;

static void end(void) {
  fflush(stdout);
  reboot(RB_POWER_OFF);
  for (;;) {
    pause();
  }
}

static void expect(int good, const char* what) {
  if (!good) {
    printf("edu: failed: %s: %s\n", what, strerror(errno));
    end();
  }
}

static int open_device(const char* address) {
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

static uint64_t place_of(int device, uint32_t index, uint64_t* size) {
  struct vfio_region_info info = {.argsz = sizeof(info), .index = index};
  expect(ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info) == 0, "region");
  *size = info.size;
  return info.offset;
}

static void set_irqs(int device, uint32_t flags, uint32_t index, int event) {
  struct {
    struct vfio_irq_set head;
    int32_t event;
  } request = {{.argsz = sizeof(request), .flags = flags, .index = index, .start = 0, .count = 1}, event};
  expect(ioctl(device, VFIO_DEVICE_SET_IRQS, &request) == 0, "interrupts");
}

static void calculate(void) {
  expect(registers[IDENTITY / 4] == 0x010000ed, "identity");
  registers[LIVENESS / 4] = 0x12345678;
  expect(registers[LIVENESS / 4] == ~0x12345678u, "liveness");
  registers[FACTORIAL / 4] = 10;
  while ((registers[STATUS / 4] & 1) != 0) {
  }
  printf("edu: 10! is %u\n", registers[FACTORIAL / 4]);
}

static void interrupt(int device, uint32_t index, uint32_t count) {
  int event = eventfd(0, 0);
  set_irqs(device, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, index, event);
  struct pollfd wait = {.fd = event, .events = POLLIN};
  uint64_t events = 0;
  for (uint32_t number = 1; number <= count; ++number) {
    registers[RAISE / 4] = number;
    expect(poll(&wait, 1, WAIT_MS) == 1, "an interrupt did not come");
    expect(read(event, &events, sizeof(events)) == sizeof(events) && events == 1, "one interrupt at a time");
    expect(registers[RAISED / 4] == number, "another reason for the interrupt");
    registers[ACKNOWLEDGE / 4] = number;
    if (index == VFIO_PCI_INTX_IRQ_INDEX) {
      set_irqs(device, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK, index, 0);
    }
  }
  expect(poll(&wait, 1, 0) == 0, "an interrupt that nobody raised");
  printf("edu: %u interrupts\n", count);
}

static void read_disk(const char* path) {
  static char first[4096];
  int disk = -1;
  for (int waited = 0; disk < 0 && waited < WAIT_MS; waited += 50) {
    disk = open(path, O_RDONLY);
    if (disk < 0) {
      poll(NULL, 0, 50);
    }
  }
  expect(disk >= 0, "disk");
  expect(read(disk, first, sizeof(first)) == sizeof(first), "reading the disk");
  puts("edu: the disk was read");
}

int main(void) {
  const char* address = getenv("edu");
  const char* irq = getenv("irq");
  const char* count = getenv("count");
  const char* disk = getenv("disk");
  expect(address != NULL && irq != NULL && count != NULL, "command line");
  int device = open_device(address);
  uint64_t size = 0;
  uint64_t config = place_of(device, VFIO_PCI_CONFIG_REGION_INDEX, &size);
  uint16_t command = MEMORY_AND_MASTER;
  expect(pwrite(device, &command, sizeof(command), (off_t)(config + COMMAND)) == sizeof(command), "command");
  uint64_t bar = place_of(device, VFIO_PCI_BAR0_REGION_INDEX, &size);
  registers = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, device, (off_t)bar);
  expect(registers != MAP_FAILED, "registers");
  calculate();
  if (disk != NULL) {
    read_disk(disk);
  }
  interrupt(device, strcmp(irq, "msi") == 0 ? VFIO_PCI_MSI_IRQ_INDEX : VFIO_PCI_INTX_IRQ_INDEX,
            (uint32_t)strtoul(count, NULL, 10));
  puts("edu: good");
  end();
}
