/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First process of a guest with QEMU's `edu` device (docs/specs/edu): a factorial, then interrupts one by one; then
 * the guest's end.
 *
 * Kernel command line: edu=ADDRESS of the device in the guest, irq=msi|intx, count=N, and where a disk is there too,
 * which is read before the interrupts, disk=/dev/NAME.
 */
#include "edu.h"

#include <poll.h>
#include <sys/eventfd.h>

enum { IDENTITY = 0x00, LIVENESS = 0x04, FACTORIAL = 0x08, STATUS = 0x20, RAISED = 0x24, RAISE = 0x60, ACKNOWLEDGE = 0x64 };
enum { WAIT_MS = 20000 };

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
  int device = start_edu(address);
  calculate();
  if (disk != NULL) {
    read_disk(disk);
  }
  interrupt(device, strcmp(irq, "msi") == 0 ? VFIO_PCI_MSI_IRQ_INDEX : VFIO_PCI_INTX_IRQ_INDEX,
            (uint32_t)strtoul(count, NULL, 10));
  puts("edu: good");
  end();
}
