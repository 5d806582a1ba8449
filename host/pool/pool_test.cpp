// SPDX-License-Identifier: Apache-2.0
#include "pool/pool.hpp"

#include <set>

#include <fcntl.h>
#include <sys/stat.h>

#include "pool/pool_fixture.hpp"

namespace mayfly::pool {
namespace {

using testing::kLarge;
using testing::kSmall;
using testing::PoolTest;

ino_t file_number(const Fd& file) {
  struct stat status {};
  return ::fstat(file.get(), &status) == 0 ? status.st_ino : 0;
}

TEST_F(PoolTest, LendsFilledMemoryThatCannotChangeItsSize) {
  start();
  LentMemory memory = take(kLarge);
  EXPECT_EQ(memory.pages, Pages::k4k);
  EXPECT_NE(::ftruncate(memory.file.get(), 4096), 0);
  EXPECT_NE(::ftruncate(memory.file.get(), static_cast<off_t>(2 * kLarge)), 0);
  const Backing backing(std::move(memory.file), kLarge, Pages::k4k);
  EXPECT_EQ(backing.populated(), kLarge);
  EXPECT_TRUE(std::ranges::all_of(backing.bytes(), [](std::byte each) { return each == std::byte{0}; }));
}

TEST_F(PoolTest, SaysWhenItIsFullAndWhenItIsAgain) {
  start();
  await("ready 2 MiB of 4k pages");
  (void)take();
  await("ready 2 MiB of 4k pages", 2);
  EXPECT_EQ(status().ready, 2U);
}

TEST_F(PoolTest, EachTenantGetsANewFile) {
  start();
  std::set<ino_t> files;
  std::vector<Fd> kept;  // so that no number comes twice by chance
  for (int i = 0; i < 20; ++i) {
    LentMemory memory = take();
    EXPECT_TRUE(files.insert(file_number(memory.file)).second);
    kept.push_back(std::move(memory.file));
  }
}

TEST_F(PoolTest, PagesOfATenantThatHasGoneGoBackThoughSomebodyKeepsTheFile) {
  start();
  Fd kept;
  {
    LentMemory memory = take();
    kept = std::move(memory.file);
  }
  const auto blocks = [&] {
    struct stat status {};
    return ::fstat(kept.get(), &status) == 0 ? status.st_blocks : -1;
  };
  while (blocks() != 0) {
    std::this_thread::yield();
  }
  await_status([](const ShelfStatus& now) { return now.lent == 0 && now.on_the_way == 0; });
}

TEST_F(PoolTest, AllLentIsRefusedAndSaysSo) {
  start();
  std::vector<LentMemory> all;
  for (int i = 0; i < 3; ++i) {
    all.push_back(take());
  }
  EXPECT_EQ(refusal(), "all of its 2 MiB of 4k pages are lent: 3 of 3");
  EXPECT_EQ(refusal(kLarge), "");
}

TEST_F(PoolTest, WhatIsNotKeptIsRefusedWithWhatIs) {
  start();
  EXPECT_EQ(refusal(kGiB), "it keeps no 1024 MiB; it keeps 2 MiB of 4k pages, 16 MiB of 4k pages");
  EXPECT_EQ(refusal(kSmall, Pages::k2m),
            "it keeps no 2 MiB of 2m pages; it keeps 2 MiB of 4k pages, 16 MiB of 4k pages");
}

TEST_F(PoolTest, WaitsForWhatIsBeingFilled) {
  source_.let_fill(false);
  start();
  std::thread client([&] { EXPECT_EQ(refusal(kLarge), ""); });
  await_status([](const ShelfStatus& now) { return now.waiting == 1; }, 1);
  source_.let_fill(true);
  client.join();
  EXPECT_EQ(status(1).handed_out_late, 1U);
}

TEST_F(PoolTest, FillsAtIdlePriorityUntilSomebodyWaits) {
  parts_.background = Filler::Background::kIdle;
  start();
  await("ready", 2);
  EXPECT_GT(source_.idle_parts, 0);
  EXPECT_EQ(source_.ordinary_parts, 0);
  source_.let_fill(false);
  EXPECT_EQ(refusal(kLarge), "");
  // The idle thread has a part of the next one; the other takes a part once somebody waits.
  std::thread client([&] { EXPECT_EQ(refusal(kLarge), ""); });
  while (source_.ordinary_parts == 0) {
    std::this_thread::yield();
  }
  source_.let_fill(true);
  client.join();
}

TEST_F(PoolTest, ClientThatGoesWhileItWaitsIsForgotten) {
  source_.let_fill(false);
  start();
  {
    const Fd client = lease::connect_to(path_, kServer);
    const WireRequest request = to_wire(MemoryRequest{kLarge});
    ASSERT_TRUE(lease::send_packet(client.get(), std::as_bytes(std::span(&request, 1))));
    await_status([](const ShelfStatus& now) { return now.waiting == 1; }, 1);
  }
  await_status([](const ShelfStatus& now) { return now.waiting == 0; }, 1);
  source_.let_fill(true);
  EXPECT_EQ(refusal(kLarge), "");
}

TEST_F(PoolTest, MemoryThatTheHostDoesNotHaveAtTheStartEndsIt) {
  source_.refuses = true;
  start();
  await("ended: cannot fill 2 MiB of 4k pages: no pages are free");
}

TEST_F(PoolTest, MemoryThatTheHostDoesNotHaveLaterIsTriedAgain) {
  start();
  await("ready", 2);
  source_.refuses = true;
  { const LentMemory memory = take(kLarge); }
  await("cannot fill 16 MiB of 4k pages: no pages are free; it is tried again");
  std::string why;
  do {
    why = refusal(kLarge);
  } while (why.empty());
  EXPECT_EQ(why, "it cannot fill 16 MiB of 4k pages: no pages are free");
  source_.refuses = false;
  await("there is 16 MiB of 4k pages again");
  EXPECT_EQ(refusal(kLarge), "");
  EXPECT_EQ(said("cannot fill"), 1U);
}

TEST_F(PoolTest, TenantsKeepTheirMemoryWhenThePoolEnds) {
  start();
  LentMemory memory = take();
  stop();
  const Backing backing(std::move(memory.file), kSmall, Pages::k4k);
  backing.data()[kSmall - 1] = std::byte{1};
  EXPECT_EQ(backing.populated(), kSmall);
}

TEST_F(PoolTest, SecondPoolIsRefused) {
  start();
  testing::TestSource source;
  EXPECT_THROW(Pool(parts_, source, path_), Error);
}

}  // namespace
}  // namespace mayfly::pool
