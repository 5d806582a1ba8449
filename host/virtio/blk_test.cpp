// SPDX-License-Identifier: Apache-2.0
#include "virtio/blk.hpp"

#include <atomic>
#include <cerrno>
#include <thread>

#include <poll.h>
#include <unistd.h>

#include "testing/blk_fixture.hpp"

namespace mayfly::virtio {
namespace {

class BlkTest : public testing::BlkFixture {};

std::string sectors(std::size_t count, char first = 'a') {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text += std::string(kSectorBytes, static_cast<char>(first + static_cast<char>(i)));
  }
  return text;
}

TEST_F(BlkTest, TellsItsSizeAndWhatBoundsARequest) {
  const auto config = driver_->read<BlkConfig>(testing::FakeVirtioDriver::kDeviceConfig);
  EXPECT_EQ(config.capacity, kSectors);
  EXPECT_EQ(config.blk_size, 512U);
  EXPECT_EQ(config.blk_size << config.physical_block_exp, 4096U);
  EXPECT_EQ(config.size_max, Blk::kPieceBytesMax);
  EXPECT_EQ(config.seg_max, 62U);
  EXPECT_EQ(config.max_write_zeroes_sectors, 32768U);
  EXPECT_EQ(config.max_discard_seg, 1U);
}

TEST_F(BlkTest, ReadsWhatTheDiskHolds) {
  run(kUsual);
  store_.bytes.replace(kSectorBytes, 2 * kSectorBytes, sectors(2));
  EXPECT_EQ(read(1, 1024), sectors(2) + kOk);
  EXPECT_EQ(blk_->counts().reads, 1U);
  EXPECT_EQ(blk_->counts().read_bytes, 1024U);
}

TEST_F(BlkTest, WritesWhatTheDriverGives) {
  run(kUsual);
  EXPECT_EQ(ask(header(kBlkOut, 3) + sectors(2, 'x')), kOk);
  EXPECT_EQ(store_.bytes.substr(3 * kSectorBytes, 2 * kSectorBytes), sectors(2, 'x'));
  EXPECT_EQ(store_.log, "write 1536+1024, ");
  EXPECT_EQ(blk_->counts().writes, 1U);
  EXPECT_EQ(blk_->counts().written_bytes, 1024U);
}

// 2.7.4: how a request is cut into buffers means nothing.
TEST_F(BlkTest, TakesRequestsInAnyPieces) {
  run(kUsual);
  const std::string request = header(kBlkOut, 1) + sectors(1, 'p');
  auto chain = ring_.chain();
  chain.readable(request.substr(0, 3)).readable(request.substr(3, 14)).readable(request.substr(17, 300));
  chain.readable(request.substr(317)).writable(1).publish();
  EXPECT_EQ(serve(), 1);
  EXPECT_EQ(answer(), kOk);
  EXPECT_EQ(store_.bytes.substr(kSectorBytes, kSectorBytes), sectors(1, 'p'));

  ring_.chain()
      .readable(header(kBlkIn, 1))
      .add({0x80000, 7, kDescriptorWrite, 0})
      .add({0x90000, 1, kDescriptorWrite, 0})
      .add({0x80007, 505, kDescriptorWrite, 0})
      .publish();
  EXPECT_EQ(serve(), 1);
  EXPECT_EQ(ring_.take_used()->bytes, 513U);
  std::string most(512, '?');
  ASSERT_TRUE(ram_.memory().copy_out(GuestAddress(0x80000), std::as_writable_bytes(std::span(most))));
  EXPECT_EQ(most, std::string(511, 'p') + kOk);
  EXPECT_EQ(ram_.memory().read<char>(GuestAddress(0x90000)), 'p');
}

TEST_F(BlkTest, ReadsAndWritesNothingWhereNothingIsAskedFor) {
  run(kUsual);
  EXPECT_EQ(read(0, 0), kOk);
  EXPECT_EQ(ask(header(kBlkOut, kSectors)), kOk);
  EXPECT_EQ(ask(header(kBlkOut, kSectors + 1)), kIoError);
}

TEST_F(BlkTest, RefusesWhatLiesBeyondTheEnd) {
  run(kUsual);
  constexpr std::uint64_t kLast = ~std::uint64_t{0};
  EXPECT_EQ(read(kSectors - 1, 512).back(), '\0');
  for (const std::uint64_t sector :
       {kSectors, kSectors - 1, kLast, kLast / 512, kLast / 512 + 1, kLast - 1}) {
    EXPECT_EQ(read(sector, 1024), "") << sector;
    EXPECT_EQ(ask(header(kBlkOut, sector) + sectors(2)), kIoError) << sector;
  }
  EXPECT_EQ(store_.log, "read 65024+512, ");
  EXPECT_EQ(blk_->counts().read_errors, 6U);
  EXPECT_EQ(blk_->counts().write_errors, 6U);
  EXPECT_EQ(blk_->counts().written_bytes, 0U);
}

TEST_F(BlkTest, RefusesHalfSectors) {
  run(kUsual);
  for (const std::uint32_t bytes : {1U, 511U, 513U, 1023U}) {
    EXPECT_EQ(read(0, bytes), "") << bytes;
    EXPECT_EQ(ask(header(kBlkOut) + std::string(bytes, 'x')), kIoError) << bytes;
  }
  EXPECT_EQ(store_.log, "");
}

/// A disk that holds more than a request may.
class BlkLarge : public testing::BlkFixture {
 protected:
  BlkLarge() : BlkFixture({.bytes = 8 * kMiB}) {}
  /// Asks for so many pieces of 128 KiB to be written.
  std::string write(std::uint32_t pieces) {
    auto chain = ring_.chain();
    chain.readable(header(kBlkOut));
    for (std::uint32_t i = 0; i < pieces; ++i) {
      chain.add({0x20000, 0x20000, 0, 0});
    }
    chain.writable(1).publish();
    EXPECT_EQ(serve(), 1);
    return answer();
  }
};

TEST_F(BlkLarge, RefusesRequestsLongerThanItTold) {
  run(kUsual);
  static_assert(Blk::kDataBytesMax == 31 * 0x20000);
  EXPECT_EQ(write(32), kIoError);
  EXPECT_EQ(store_.log, "");
  EXPECT_EQ(write(31), kOk);
}

TEST_F(BlkTest, TellsTheDriverWhatTheHostRefuses) {
  run(kUsual);
  store_.error = ENOSPC;
  EXPECT_EQ(ask(header(kBlkOut) + sectors(1)), kIoError);
  EXPECT_EQ(ask(header(kBlkFlushRequest)), kIoError);
  EXPECT_EQ(ask(header(kBlkDiscardRequest) + range(0, 8)), kIoError);
  ring_.chain().readable(header(kBlkIn)).writable(512).writable(1).publish();
  EXPECT_EQ(serve(), 1);
  EXPECT_EQ(answer(), "") << "nothing of what it had room for was filled";
  store_.error = 0;
  EXPECT_EQ(ask(header(kBlkOut) + sectors(1)), kOk) << "and goes on";
  const BlkCounts counts = blk_->counts();
  EXPECT_EQ(counts.write_errors + counts.flush_errors + counts.erasure_errors + counts.read_errors, 4U);
  EXPECT_EQ(counts.written_bytes, 512U);
}

TEST_F(BlkTest, StatusIsTheLastByteEvenWhereAReadFailed) {
  run(kUsual);
  store_.error = EIO;
  ring_.chain().readable(header(kBlkIn)).add({0x80000, 513, kDescriptorWrite, 0}).publish();
  ASSERT_TRUE(ram_.memory().write(GuestAddress(0x80000 + 512), std::uint8_t{0xff}));
  EXPECT_EQ(serve(), 1);
  EXPECT_EQ(ram_.memory().read<std::uint8_t>(GuestAddress(0x80000 + 512)), 1);
}

TEST_F(BlkTest, FlushesWhenAsked) {
  run(kUsual);
  EXPECT_EQ(ask(header(kBlkOut) + sectors(1)), kOk);
  EXPECT_EQ(ask(header(kBlkFlushRequest, 77)), kOk);
  EXPECT_EQ(store_.log, "write 0+512, flush 0+0, ");
  EXPECT_EQ(blk_->counts().flushes, 1U);
}

TEST_F(BlkTest, FlushesEachWriteOfADriverThatNeverWill) {
  run(kPlain);
  EXPECT_EQ(ask(header(kBlkOut) + sectors(1)), kOk);
  EXPECT_EQ(store_.log, "write 0+512, flush 0+0, ");
}

TEST_F(BlkTest, GivesItsName) {
  run(kUsual);
  ring_.chain().readable(header(kBlkGetId)).writable(20).writable(1).publish();
  ring_.chain().readable(header(kBlkGetId)).writable(5).publish();
  ring_.chain().readable(header(kBlkGetId)).writable(4096).publish();
  EXPECT_EQ(serve(), 3);
  EXPECT_EQ(ring_.take_used()->text.substr(0, 20), "the disk" + std::string(12, '\0'));
  EXPECT_EQ(answer(), "the " + kOk);
  EXPECT_EQ(ring_.take_used()->bytes, 20U);
}

TEST_F(BlkTest, DiscardsAndMakesZero) {
  run(kUsual);
  store_.bytes.assign(kDiskBytes, 'x');
  EXPECT_EQ(ask(header(kBlkDiscardRequest, 99) + range(8, 16)), kOk);
  EXPECT_EQ(ask(header(kBlkWriteZeroesRequest) + range(2, 1)), kOk);
  EXPECT_EQ(ask(header(kBlkWriteZeroesRequest) + range(kSectors - 1, 1, kBlkUnmap)), kOk);
  EXPECT_EQ(store_.log, "discard 4096+8192, zero 1024+512, unmap 65024+512, ");
  EXPECT_EQ(blk_->counts().erasures, 3U);
}

TEST_F(BlkTest, RefusesRangesThatAreNone) {
  run(kUsual);
  for (const std::uint32_t type : {kBlkDiscardRequest, kBlkWriteZeroesRequest}) {
    EXPECT_EQ(ask(header(type) + range(kSectors, 1)), kIoError);
    EXPECT_EQ(ask(header(type) + range(~std::uint64_t{0}, 2)), kIoError);
    EXPECT_EQ(ask(header(type) + range(0, ~0U)), kIoError);
    EXPECT_EQ(ask(header(type) + range(0, 1).substr(1)), kIoError);
    EXPECT_EQ(ask(header(type) + range(0, 1) + range(2, 1)), kIoError) << "one is what it told";
    EXPECT_EQ(ask(header(type) + range(0, 1, 2)), kUnsupported);
  }
  EXPECT_EQ(ask(header(kBlkDiscardRequest) + range(0, 1, kBlkUnmap)), kUnsupported);
  EXPECT_EQ(store_.log, "");
}

TEST_F(BlkTest, KnowsNothingElse) {
  run(kPlain | kBlkFlush);
  for (const std::uint32_t type : {2U, 3U, 10U, 14U, 0x80000000U}) {
    EXPECT_EQ(ask(header(type)), kUnsupported) << type;
  }
  EXPECT_EQ(ask(header(kBlkDiscardRequest) + range(0, 1)), kUnsupported) << "not negotiated";
  EXPECT_EQ(ask(header(kBlkWriteZeroesRequest) + range(0, 1)), kUnsupported);
  EXPECT_EQ(store_.log, "");
}

TEST_F(BlkTest, InterruptsForWhatItGivesBack) {
  run(kUsual);
  (void)sink_.take();
  EXPECT_EQ(read(0, 512).size(), 513U);
  EXPECT_EQ(sink_.take().size(), 1U);
  EXPECT_EQ(serve(), 0);
  EXPECT_EQ(sink_.take().size(), 0U);
}

// 2.7.7: the driver says from which request on it wants to hear.
TEST_F(BlkTest, InterruptsOnceForWhatADriverWaitsForTogether) {
  run(kUsual | kFeatureEventIndex);
  (void)sink_.take();
  ring_.set_used_event(3);
  for (int i = 0; i < 4; ++i) {
    ring_.chain().readable(header(kBlkFlushRequest)).writable(1).publish();
  }
  EXPECT_EQ(serve(), 4);
  EXPECT_EQ(sink_.take().size(), 1U);
}

TEST_F(BlkTest, AsksToBeRungForWhateverComesNext) {
  run(kUsual | kFeatureEventIndex);
  EXPECT_EQ(serve(), 0);
  EXPECT_EQ(ring_.avail_event(), 0);
  (void)ask(header(kBlkFlushRequest));
  EXPECT_EQ(ring_.avail_event(), 1) << "the request that is added next";
}

// One thread that is woken takes all rings; another one must hear of what it leaves.
TEST_F(BlkTest, RingsForWhatIsLeftHoweverItCame) {
  run(kUsual | kFeatureEventIndex);
  const auto ask_for = [this](int requests) {
    for (int i = 0; i < requests; ++i) {
      ring_.chain().readable(header(kBlkFlushRequest)).writable(1).publish();
    }
    driver_->notify(0);
  };
  const auto take_rings = [this] {
    pollfd bell{blk_->doorbell(0), POLLIN, 0};
    std::uint64_t count = 0;
    return ::poll(&bell, 1, 0) == 1 && ::read(blk_->doorbell(0), &count, sizeof(count)) == sizeof(count);
  };
  ask_for(2);
  EXPECT_TRUE(take_rings());
  EXPECT_TRUE(blk_->serve());
  ask_for(2);
  EXPECT_TRUE(take_rings());
  EXPECT_TRUE(blk_->serve());
  EXPECT_TRUE(take_rings()) << "of the first two none is left, of the others both";
  EXPECT_TRUE(blk_->serve());
  EXPECT_TRUE(take_rings());
  EXPECT_TRUE(blk_->serve());
  EXPECT_FALSE(take_rings());
}

/// A disk with units of 4 KiB, as direct I/O may have.
class BlkLargeUnits : public testing::BlkFixture {
 protected:
  BlkLargeUnits() : BlkFixture({.bytes = kDiskBytes, .unit_bytes = 4096}) {}
};

TEST_F(BlkLargeUnits, TellsAndKeepsThem) {
  const auto config = driver_->read<BlkConfig>(testing::FakeVirtioDriver::kDeviceConfig);
  EXPECT_EQ(config.blk_size, 4096U);
  EXPECT_EQ(config.physical_block_exp, 0U);
  run(kUsual);
  EXPECT_EQ(read(8, 4096).size(), 4097U);
  EXPECT_EQ(read(8, 512), "");
  EXPECT_EQ(read(4, 4096), "");
}

class BlkReadOnly : public testing::BlkFixture {
 protected:
  BlkReadOnly() : BlkFixture({.bytes = kDiskBytes, .is_read_only = true}) {}
};

TEST_F(BlkReadOnly, IsNotWritten) {
  EXPECT_NE(driver_->offered() & kBlkReadOnly, 0U);
  EXPECT_EQ(driver_->offered() & (kBlkDiscard | kBlkWriteZeroes), 0U);
  run(kPlain | kBlkReadOnly | kBlkFlush);
  EXPECT_EQ(ask(header(kBlkOut) + sectors(1)), kIoError);
  EXPECT_EQ(ask(header(kBlkDiscardRequest) + range(0, 1)), kUnsupported);
  EXPECT_EQ(ask(header(kBlkWriteZeroesRequest) + range(0, 1)), kUnsupported);
  EXPECT_EQ(read(0, 512).size(), 513U);
}

// A driver that takes its memory back has it, whatever was under way.
TEST_F(BlkTest, AResetWaitsForWhatIsUnderWay) {
  run(kUsual);
  std::atomic<bool> has_begun{false};
  std::atomic<bool> may_end{false};
  std::atomic<bool> has_ended{false};
  store_.on_call = [&](std::string_view) {
    has_begun = true;
    while (!may_end) {
      std::this_thread::yield();
    }
    has_ended = true;
  };
  ring_.chain().readable(header(kBlkIn)).writable(513).publish();
  std::thread worker([this] { EXPECT_TRUE(blk_->serve()); });
  while (!has_begun) {
    std::this_thread::yield();
  }
  std::thread driver([&] {
    driver_->reset();
    EXPECT_TRUE(has_ended);
  });
  // The reset has the device locked.
  while (blk_->mutex().try_lock()) {
    blk_->mutex().unlock();
    std::this_thread::yield();
  }
  may_end = true;
  driver.join();
  worker.join();
  store_.on_call = nullptr;
  EXPECT_EQ(ring_.used_index(), 0) << "the ring is nobody's";
  run(kUsual);
  EXPECT_EQ(read(0, 512).size(), 513U) << "the next driver has a device";
}

TEST_F(BlkTest, IsNotLockedWhileTheDiskWorks) {
  run(kUsual);
  int calls = 0;
  store_.on_call = [&](std::string_view) {
    ++calls;
    EXPECT_EQ(blk_->counts().reads, 0U);
  };
  EXPECT_EQ(read(0, 512).size(), 513U);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(blk_->counts().reads, 1U);
}

}  // namespace
}  // namespace mayfly::virtio
