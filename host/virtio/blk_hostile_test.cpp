// SPDX-License-Identifier: Apache-2.0
// Drivers that break the rules of the block device: each breaks itself and nothing else.
#include <atomic>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#include "testing/blk_fixture.hpp"
#include "testing/hostile_page.hpp"
#include "virtio/blk.hpp"

namespace mayfly::virtio {
namespace {

class HostileBlk : public testing::BlkFixture {
 protected:
  HostileBlk() { ::testing::internal::CaptureStderr(); }
  ~HostileBlk() override { (void)::testing::internal::GetCapturedStderr(); }

  // The driver comes back, and all is well.
  void expect_fresh_start() {
    EXPECT_EQ(serve(), 0);
    EXPECT_TRUE(needs_reset());
    EXPECT_EQ(store_.log, "");
    run(kUsual);
    EXPECT_FALSE(needs_reset());
    EXPECT_EQ(read(0, 512).size(), 513U);
  }
};

TEST_F(HostileBlk, RequestWithoutAWholeHeader) {
  run(kUsual);
  ring_.chain().readable(header(kBlkIn).substr(1)).writable(513).publish();
  expect_fresh_start();
}

TEST_F(HostileBlk, RequestWithNothingToRead) {
  run(kUsual);
  ring_.chain().writable(513).publish();
  expect_fresh_start();
}

TEST_F(HostileBlk, RequestWithoutAPlaceForItsStatus) {
  run(kUsual);
  ring_.chain().readable(header(kBlkOut) + std::string(512, 'x')).publish();
  expect_fresh_start();
}

TEST_F(HostileBlk, RequestWhoseStatusIsEmpty) {
  run(kUsual);
  ring_.chain().readable(header(kBlkOut) + std::string(512, 'x')).writable(0).publish();
  expect_fresh_start();
}

TEST_F(HostileBlk, ChainThatLoops) {
  run(kUsual);
  ring_.write_descriptor(0, {0x80000, 16, kDescriptorNext, 1});
  ring_.write_descriptor(1, {0x80000, 16, kDescriptorNext, 0});
  ring_.publish_head(0);
  expect_fresh_start();
}

TEST_F(HostileBlk, AvailableIndexThatJumps) {
  run(kUsual);
  ring_.set_avail_index(1000);
  expect_fresh_start();
}

TEST_F(HostileBlk, DataThatIsTheRingItself) {
  run(kUsual);
  store_.bytes.assign(kDiskBytes, '\xff');
  ring_.chain().readable(header(kBlkIn)).add({0x10000, 0x2200, kDescriptorWrite, 0}).writable(1).publish();
  EXPECT_EQ(serve(), 1);
  EXPECT_TRUE(needs_reset()) << "its available index is not one";
}

TEST_F(HostileBlk, StatusInTheMiddleOfItsOwnHeader) {
  run(kUsual);
  ASSERT_TRUE(ram_.memory().write(GuestAddress(0x80000), BlkHeader{.type = kBlkFlushRequest}));
  ring_.chain().add({0x80000, 16, 0, 0}).add({0x80000, 1, kDescriptorWrite, 0}).publish();
  EXPECT_EQ(serve(), 1);
  EXPECT_EQ(ring_.take_used()->bytes, 1U);
}

TEST_F(HostileBlk, ResetsWhileThreadsWorkGetEachTheirOwn) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> workers;
  for (int i = 0; i < 3; ++i) {
    workers.emplace_back([&] {
      while (!stop) {
        (void)blk_->serve();
      }
    });
  }
  for (int round = 0; round < 200; ++round) {
    run(kUsual);
    for (int i = 0; i < 8; ++i) {
      ring_.chain().readable(header(kBlkOut, 1) + std::string(512, 'x')).writable(1).publish();
    }
    driver_->reset();
    // Nobody touches it any more.
    ASSERT_TRUE(ram_.memory().copy_in(GuestAddress(0x10000), std::vector<std::byte>(0x10000)));
    std::this_thread::yield();
    EXPECT_EQ(ring_.used_index(), 0);
  }
  stop = true;
  for (std::thread& worker : workers) {
    worker.join();
  }
}

/// What to do to the page after the access number `when`, counted from 1.
struct PageAttack {
  std::size_t when = 0;
  int fill = 0;
};

void carry_out(testing::HostilePage& page, std::size_t /*offset*/, void* context) {
  const auto& attack = *static_cast<const PageAttack*>(context);
  if (page.accesses() == attack.when) {
    std::memset(page.bytes(), attack.fill, testing::HostilePage::kBytes);
  }
}

// The driver changes all of its memory between any two reads of the device.
TEST(HostileBlkPage, RequestIsWhatWasReadOrAFault) {
  constexpr std::uint16_t kSize = 4;
  testing::HostilePage page;
  for (const int fill : {0x00, 0x01, 0xff}) {
    std::size_t accesses = 1;
    for (std::size_t when = 1; when <= accesses; ++when) {
      GuestMemory& memory = page.driver_memory();
      ASSERT_TRUE(memory.copy_in(GuestAddress(0), std::vector<std::byte>(testing::HostilePage::kBytes)));
      ASSERT_TRUE(memory.write(GuestAddress(0), Descriptor{0x400, 16, kDescriptorNext, 1}));
      ASSERT_TRUE(
          memory.write(GuestAddress(16), Descriptor{0x600, 513, kDescriptorNext | kDescriptorWrite, 2}));
      ASSERT_TRUE(memory.write(GuestAddress(32), Descriptor{0x900, 1, kDescriptorWrite, 0}));
      ASSERT_TRUE(memory.write(GuestAddress(0x100 + kAvailIndex), kSize));
      testing::FakeBlockStore store({.bytes = 8192});
      testing::FakeMsiSink sink;
      auto blk = std::make_unique<Blk>(store, "");
      Blk& device = *blk;
      PciTransport transport(std::move(blk), page.memory(), sink);
      testing::FakeVirtioDriver driver(transport);
      driver.negotiate(kFeatureVersion1 | kBlkFlush);
      driver.write<std::uint16_t>(24, kSize);
      driver.write(40, std::uint32_t{0x100});
      driver.write(48, std::uint32_t{0x200});
      driver.write<std::uint16_t>(28, 1);
      driver.driver_ok();
      PageAttack attack{when, fill};
      ::testing::internal::CaptureStderr();
      page.on_access(carry_out, &attack);
      int served = 0;
      while (device.serve()) {
        ++served;
      }
      accesses = page.accesses();
      page.on_access(nullptr, nullptr);
      (void)::testing::internal::GetCapturedStderr();
      ASSERT_LE(served, kSize) << "attack after access " << when;
      ASSERT_LT(accesses, 500U) << "attack after access " << when;
    }
  }
}

}  // namespace
}  // namespace mayfly::virtio
