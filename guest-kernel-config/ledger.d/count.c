// SPDX-License-Identifier: GPL-2.0
//
// A plugin of QEMU's TCG: how often each translated block ran. Debian's QEMU loads plugins but ships no header for them,
// so the few declarations of its interface (version 1) stand here.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info_t;
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, void (*call)(qemu_plugin_id_t, struct qemu_plugin_tb*));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb* block, int add, void* counter, uint64_t by);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, void (*call)(qemu_plugin_id_t, void*), void* data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb* block);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb* block);
struct qemu_plugin_insn* qemu_plugin_tb_get_insn(const struct qemu_plugin_tb* block, size_t number);
void* qemu_plugin_insn_haddr(const struct qemu_plugin_insn* instruction);

#define EXPORTED __attribute__((visibility("default")))
EXPORTED int qemu_plugin_version = 1;

// A block by its guest address, its place in the emulator's memory, which tells L1's kernel from L2's, and its length.
struct block {
  uint64_t address, place, instructions, runs;
  struct block* next;
};
#define SLOTS (1u << 20)
static struct block* table[SLOTS];
static const char* output;

static struct block* block_of(uint64_t address, uint64_t place, uint64_t instructions) {
  uint64_t hash = address * 0x9e3779b97f4a7c15u ^ place * 0xc2b2ae3d27d4eb4fu ^ instructions;
  struct block** at = &table[(hash ^ hash >> 29) & (SLOTS - 1)];
  for (; *at; at = &(*at)->next)
    if ((*at)->address == address && (*at)->place == place && (*at)->instructions == instructions)
      return *at;
  *at = calloc(1, sizeof(**at));
  if (!*at)
    abort();
  **at = (struct block){.address = address, .place = place, .instructions = instructions};
  return *at;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb* block) {
  (void)id;
  uint64_t place = (uint64_t)qemu_plugin_insn_haddr(qemu_plugin_tb_get_insn(block, 0));
  struct block* counted = block_of(qemu_plugin_tb_vaddr(block), place, qemu_plugin_tb_n_insns(block));
  qemu_plugin_register_vcpu_tb_exec_inline(block, 0, &counted->runs, 1);
}

static void ended(qemu_plugin_id_t id, void* data) {
  (void)id, (void)data;
  FILE* file = fopen(output, "w");
  if (!file)
    abort();
  for (unsigned slot = 0; slot < SLOTS; slot++)
    for (const struct block* block = table[slot]; block; block = block->next)
      if (block->runs)
        fprintf(file, "%lx %lx %lu %lu\n", block->address, block->place, block->instructions, block->runs);
  fclose(file);
}

EXPORTED int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t* info, int count, char** arguments) {
  (void)info;
  if (count != 1 || strncmp(arguments[0], "out=", 4) != 0)
    return -1;
  output = strdup(arguments[0] + 4);
  qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
  qemu_plugin_register_atexit_cb(id, ended, NULL);
  return 0;
}
