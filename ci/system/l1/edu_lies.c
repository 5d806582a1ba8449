/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First process of a guest that lies: it has lent memory by its balloon, and aims QEMU's `edu` at it all the same, and at
 * what is no memory of its own. Nothing of that may be reached. Half way it resets the balloon under its driver, which
 * returns what was lent: then all of that is reached.
 *
 * Kernel command line: edu=ADDRESS of the device in the guest, balloon=ADDRESS of the balloon. Says where it aims, one
 * line each: "edu: aims at ADDRESS".
 */
#include "edu.h"

#include <inttypes.h>
#include <sys/mount.h>

enum { BUFFER = 0x40000, SOURCE = 0x80, DESTINATION = 0x88, COUNT = 0x90, DMA = 0x98, START = 1, TO_MEMORY = 2 };
enum { BYTES = 64, PAGE = 4096, UNIT_PAGES = 512, LENT_MAX = 8 };
enum { DEVICE_STATUS = 0x14 };
/* Of the guest, bytes. */
static const uint64_t MEMORY = 1ull << 30;
/* Just beyond it; registers of devices; configuration space; the root disk; where nothing is, to the end. */
static const uint64_t outside[] = {1ull << 30, 0xc0000000, 0xe0000000, 1ull << 32, 1ull << 40, 1ull << 46, ~0ull - 4095};

/* A page of ours, and where the device finds it. */
static volatile uint64_t* page;
static uint64_t page_at;

static void dma(uint64_t from, uint64_t to, uint32_t command) {
  volatile uint64_t* wide = (volatile uint64_t*)registers;
  wide[SOURCE / 8] = from;
  wide[DESTINATION / 8] = to;
  wide[COUNT / 8] = BYTES;
  wide[DMA / 8] = START | command;
  while ((wide[DMA / 8] & START) != 0) {
    usleep(10000);
  }
}

static void load(uint64_t from) { dma(from, BUFFER, 0); }
static void store(uint64_t to) { dma(BUFFER, to, TO_MEMORY); }

/* Whether the device writes and reads memory at an address. */
static int reaches(uint64_t address) {
  const uint64_t mark = address ^ 0x6d6179666c79ull;
  *page = mark;
  load(page_at);
  store(address);
  *page = 0;
  load(page_at);
  load(address);
  store(page_at);
  return *page == mark;
}

/* As reaches(), and says so before. */
static int aim(uint64_t address) {
  printf("edu: aims at %" PRIx64 "\n", address);
  usleep(2600000); /* The host's kernel logs ten lines of faults in 5 s. */
  return reaches(address);
}

static void at_file(const char* path, uint64_t offset, void* to, size_t bytes) {
  int file = open(path, O_RDONLY);
  expect(file >= 0 && pread(file, to, bytes, (off_t)offset) == (ssize_t)bytes, path);
  close(file);
}

static void make_page(void) {
  uint64_t entry = 0;
  page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
  expect(page != MAP_FAILED, "a page");
  *page = 1;
  at_file("/proc/self/pagemap", (uintptr_t)page / PAGE * sizeof(entry), &entry, sizeof(entry));
  page_at = (entry & ((1ull << 55) - 1)) * PAGE;
  expect(page_at != 0, "the page's address");
}

/* Whether 2 MiB are one block of the allocator's that nobody says anything of, as the balloon's are. */
static int is_lent(uint64_t address) {
  static uint64_t flags[UNIT_PAGES];
  at_file("/proc/kpageflags", address / PAGE * sizeof(flags[0]), flags, sizeof(flags));
  for (int i = 0; i < UNIT_PAGES; ++i) {
    if (flags[i] != 0) {
      return 0;
    }
  }
  return 1;
}

static void reset_balloon(const char* address) {
  char path[64];
  snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource0", address);
  int file = open(path, O_RDWR);
  expect(file >= 0, path);
  volatile uint8_t* common = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  expect(common != MAP_FAILED, "the balloon's registers");
  expect(common[DEVICE_STATUS] != 0, "the balloon has no driver");
  common[DEVICE_STATUS] = 0;
  puts("edu: the balloon was reset");
}

int main(void) {
  const char* edu = getenv("edu");
  const char* balloon = getenv("balloon");
  expect(edu != NULL && balloon != NULL, "command line");
  expect(mount("proc", "/proc", "proc", 0, NULL) == 0 && mount("sys", "/sys", "sysfs", 0, NULL) == 0, "mounts");
  start_edu(edu);
  make_page();
  expect(reaches(page_at + PAGE / 2), "our own page is not reached");
  uint64_t lent[LENT_MAX];
  int count = 0;
  for (uint64_t at = 0; at < MEMORY && count < LENT_MAX; at += MEMORY / 64) {
    /* What lies in one piece of the host's map with memory that is in use is mapped with it. */
    if (is_lent(at) && !aim(at)) {
      lent[count++] = at;
    }
  }
  expect(count > LENT_MAX / 2, "too little of what is lent is out of reach");
  for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); ++i) {
    expect(!aim(outside[i]), "what is no memory of the guest was reached");
  }
  reset_balloon(balloon);
  for (int i = 0; i < count; ++i) {
    while (!reaches(lent[i])) { /* The host is mapping it, and the test has a time limit. */
    }
  }
  puts("edu: good");
  end();
}
