// SPDX-License-Identifier: Apache-2.0
#include "broker/broker.hpp"

#include "broker/broker_fixture.hpp"

namespace mayfly::broker {
namespace {

using testing::BrokerTest;
using testing::kCard;
using testing::kDisk;
using testing::kSound;

TEST_F(BrokerTest, LendsWhatItHasOpened) {
  start();
  const Lease lease = take({kDisk});
  EXPECT_EQ(lease.files.interface, vfio::BackendChoice::kType1);
  ASSERT_EQ(lease.files.devices.size(), 1U);
  EXPECT_EQ(file_number(lease.files.devices[0]), file_of(kDisk));
  EXPECT_EQ(::fcntl(lease.files.space.get(), F_GETFD), FD_CLOEXEC);
}

TEST_F(BrokerTest, SaysTheInterfaceToo) {
  parts_.open = [open = parts_.open](const LotSpec& lot, const std::stop_token& stop) {
    Kept kept = open(lot, stop);
    kept.devices.files.interface = vfio::BackendChoice::kIommufd;
    return kept;
  };
  start();
  EXPECT_EQ(take({kDisk}).files.interface, vfio::BackendChoice::kIommufd);
}

TEST_F(BrokerTest, FilesComeInTheOrderOfTheRequest) {
  start();
  const Lease lease = take({kSound, kCard});
  ASSERT_EQ(lease.files.devices.size(), 2U);
  EXPECT_EQ(file_number(lease.files.devices[0]), file_of(kSound));
  EXPECT_EQ(file_number(lease.files.devices[1]), file_of(kCard));
}

TEST_F(BrokerTest, EachTenantGetsFilesThatAreOpenedAnew) {
  start();
  ino_t space = 0;
  for (std::size_t tenant = 1; tenant <= 3; ++tenant) {
    // Waits while they are reset: opening ahead of time is all that makes it quick.
    const Lease lease = take({kDisk});
    EXPECT_NE(file_number(lease.files.space), space);
    space = file_number(lease.files.space);
    EXPECT_EQ(opened(kDisk), tenant);
  }
}

TEST_F(BrokerTest, LentDeviceIsRefusedAndTheOthersAreNot) {
  start();
  const Lease disk = take({kDisk});
  EXPECT_EQ(refusal({kDisk}), "the broker at " + path_ + ": device 0000:01:00.0 is lent to process " +
                                  std::to_string(::getpid()));
  const Lease card = take({kCard});
  EXPECT_NE(refusal({kSound}).find("is lent"), std::string::npos);
}

TEST_F(BrokerTest, UnknownDeviceIsRefusedWithThoseThatAreThere) {
  start();
  EXPECT_NE(refusal({{0, 9, 0, 0}})
                .find("does not have device 0000:09:00.0; it has 0000:01:00.0, 0000:02:00.0, 0000:02:00.1"),
            std::string::npos);
}

TEST_F(BrokerTest, DevicesOfTwoLotsAreNotLentTogether) {
  start();
  EXPECT_NE(refusal({kDisk, kCard}).find("0000:01:00.0 and 0000:02:00.0 are not for one guest"),
            std::string::npos);
  EXPECT_EQ(refusal({kDisk}), "");
}

TEST_F(BrokerTest, DeviceThatATenantKeepsIsQuarantinedAndReadyWhenItLetsGo) {
  start();
  Lease lease = take({kDisk});
  lease.connection = Fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
  await("quarantined: 0000:01:00.0: device 0000:01:00.0 is in use by another process");
  EXPECT_NE(refusal({kDisk}).find("device 0000:01:00.0 is quarantined: device 0000:01:00.0 is in use"),
            std::string::npos);
  EXPECT_EQ(refusal({kCard}), "");
  lease.files = {};
  await("ready 0000:01:00.0", 2);
  EXPECT_EQ(refusal({kDisk}), "");
}

TEST_F(BrokerTest, OneFileThatIsKeptIsEnoughForQuarantine) {
  start();
  Fd kept;
  {
    Lease lease = take({kCard});
    kept = std::move(lease.files.devices[0]);
  }
  await("quarantined: 0000:02:00.0, 0000:02:00.1");
}

TEST_F(BrokerTest, RequestWaitsWhileFilesOfTheLastTenantAreClosing) {
  parts_.retries.failures_max = 1'000'000;
  start();
  Lease first = take({kDisk});
  first.connection = Fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
  await("busy 0000:01:00.0", 3);
  std::string second = "waits";
  std::thread asks([&] { second = refusal({kDisk}); });
  first.files = {};
  asks.join();
  EXPECT_EQ(second, "");
  EXPECT_FALSE(has_said("quarantined"));
}

TEST_F(BrokerTest, DeviceThatCannotBeOpenedAtTheStartEndsIt) {
  parts_.open = [](const auto&, const auto&) -> Kept { throw Error("no such device"); };
  start();
  await("ended: no such device");
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(BrokerTest, LotsAreOpenedAtTheSameTime) {
  const OpenLot open = parts_.open;
  std::mutex mutex;
  std::condition_variable both;
  int inside = 0;
  parts_.open = [&](const LotSpec& lot, const std::stop_token& stop) {
    // Each waits for the other one to be opened as well.
    std::unique_lock lock(mutex);
    ++inside;
    both.notify_all();
    both.wait(lock, [&] { return inside == 2; });
    return open(lot, stop);
  };
  start();
  await("ready", 2);
  stop();
}

TEST_F(BrokerTest, EndLeavesTenantsTheirFilesAndNoSocket) {
  start();
  const Lease lease = take({kDisk});
  stop();
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_EQ(file_number(lease.files.devices[0]), file_of(kDisk));
}

/// A broker that keeps memory with its disk.
class BrokerMemory : public BrokerTest {
 protected:
  static constexpr MemoryKind kKept{64 * kMiB, Pages::k4k, {}};
  BrokerMemory() { parts_.lots.front().memory = kKept; }

  static std::uint64_t pages_there(const Fd& file) {
    struct stat status {};
    return ::fstat(file.get(), &status) == 0 ? static_cast<std::uint64_t>(status.st_blocks) : ~0ULL;
  }
};

TEST_F(BrokerMemory, ComesWithTheDevicesItIsKeptFor) {
  start();
  const Lease disk = take({kDisk}, {64 * kMiB, Pages::k4k});
  ASSERT_TRUE(disk.memory.has_value());
  EXPECT_EQ(disk.memory->pages, Pages::k4k);
  EXPECT_EQ(::fcntl(disk.memory->file.get(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(disk.files.devices.size(), 1U);
  EXPECT_FALSE(take({kCard}).memory.has_value());
}

TEST_F(BrokerMemory, OfAnotherSizeOrPagesIsRefused) {
  start();
  const std::string begin =
      "the broker at " + path_ + ": it keeps device 0000:01:00.0 with 64 MiB of 4k pages";
  EXPECT_TRUE(refusal({kDisk}, {128 * kMiB, Pages::kAuto}).starts_with(begin));
  EXPECT_TRUE(refusal({kDisk}, {64 * kMiB, Pages::k2m}).starts_with(begin));
  EXPECT_EQ(refusal({kDisk}, {64 * kMiB, Pages::kAuto}), "");
}

TEST_F(BrokerMemory, NoTwoTenantsHaveOneFileAndWhatIsLeftInItIsGone) {
  start();
  Fd kept;
  {
    Lease first = take({kDisk});
    ASSERT_EQ(::pwrite(first.memory->file.get(), "secret", 6, 0), 6);
    kept = std::move(first.memory->file);
    EXPECT_GT(pages_there(kept), 0U);
  }
  await("ready 0000:01:00.0", 2);
  EXPECT_EQ(pages_there(kept), 0U);
  const Lease second = take({kDisk});
  EXPECT_NE(file_number(second.memory->file), file_number(kept));
}

TEST_F(BrokerMemory, BrokerThatEndsWaitsForNoMemoryThatIsBeingMade) {
  parts_.open = [](const LotSpec& /*lot*/, const std::stop_token& stop) -> Kept {
    while (!stop.stop_requested()) {
      std::this_thread::yield();
    }
    throw Error("ended");
  };
  start();
  stop();
}

}  // namespace
}  // namespace mayfly::broker
