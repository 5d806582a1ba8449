// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/temporary_folder.hpp"
#include "broker/broker.hpp"
#include "broker/client.hpp"

namespace mayfly::broker::testing {

inline constexpr vfio::PciAddress kDisk{0, 1, 0, 0};
inline constexpr vfio::PciAddress kCard{0, 2, 0, 0};
inline constexpr vfio::PciAddress kSound{0, 2, 0, 1};
inline constexpr MemoryWanted kGuest{64 * kMiB, Pages::kAuto};

/// A broker of a disk, and of a card with sound, on a thread. Its files are write ends of pipes, so that
/// devices are busy, as VFIO's would be, as long as somebody has one of the files.
class BrokerTest : public ::testing::Test {
 protected:
  BrokerTest() : stop_(::eventfd(0, EFD_CLOEXEC)) {
    parts_.lots = {{{kDisk}}, {{kCard, kSound}}};
    for (const LotSpec& lot : parts_.lots) {
      readers_[lot.addresses];
    }
    parts_.retries = {
        .first = std::chrono::milliseconds(1), .longest = std::chrono::milliseconds(2), .failures_max = 3};
    parts_.open = [this](const LotSpec& lot, const std::stop_token& /*stop*/) { return open(lot); };
    parts_.on_ready = [this](const Lot& lot) { note("ready " + to_string(lot.addresses())); };
    parts_.on_trouble = [this](std::string_view sentence) { note(std::string(sentence)); };
  }
  ~BrokerTest() override { stop(); }

  void start() {
    thread_ = std::thread([this] {
      try {
        Broker broker(parts_, path_);
        note("listening");
        broker.run(stop_.get());
      } catch (const Error& error) {
        note(std::string("ended: ") + error.what());
      }
    });
    await("listening");
  }
  void stop() {
    if (thread_.joinable()) {
      (void)::eventfd_write(stop_.get(), 1);
      thread_.join();
    }
  }

  /// Waits until the broker has said a line that begins so, `times` of them.
  void await(const std::string& begin, std::size_t times = 1) {
    std::unique_lock lock(mutex_);
    said_more_.wait(lock, [&] { return count(begin) >= times; });
  }
  [[nodiscard]] bool has_said(const std::string& begin) {
    const std::lock_guard lock(mutex_);
    return count(begin) > 0;
  }
  /// How often the devices were opened, successfully.
  [[nodiscard]] std::size_t opened(const vfio::PciAddress& address) {
    const std::lock_guard lock(mutex_);
    return count("opened " + to_string(address));
  }

  [[nodiscard]] Lease take(const std::vector<vfio::PciAddress>& addresses,
                           const MemoryWanted& memory = kGuest) const {
    return take_devices(path_, addresses, memory);
  }
  [[nodiscard]] std::string refusal(const std::vector<vfio::PciAddress>& addresses,
                                    const MemoryWanted& memory = kGuest) const {
    try {
      (void)take(addresses, memory);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  /// Tells one file from another.
  [[nodiscard]] static ino_t file_number(const Fd& file) {
    struct stat status {};
    return ::fstat(file.get(), &status) == 0 ? status.st_ino : 0;
  }
  /// Of the device's file that was made last.
  [[nodiscard]] ino_t file_of(const vfio::PciAddress& address) {
    const std::lock_guard lock(mutex_);
    return files_[address];
  }

  BrokerParts parts_;
  mayfly::testing::TemporaryFolder folder_;
  std::string path_ = folder_.path() / "socket";

 private:
  [[nodiscard]] std::size_t count(const std::string& begin) const {
    const auto found =
        std::ranges::count_if(said_, [&](const std::string& line) { return line.starts_with(begin); });
    return static_cast<std::size_t>(found);
  }
  void note(std::string line) {
    const std::lock_guard lock(mutex_);
    said_.push_back(std::move(line));
    said_more_.notify_all();
  }
  Kept open(const LotSpec& lot) {
    const std::vector<vfio::PciAddress>& addresses = lot.addresses;
    for (const Fd& reader : readers_.at(addresses)) {
      pollfd look{reader.get(), 0, 0};
      if (::poll(&look, 1, 0) != 1) {
        note("busy " + to_string(addresses));
        throw Error(EBUSY, "device " + to_string(addresses.front()) + " is in use by another process");
      }
    }
    readers_.at(addresses).clear();
    Kept kept;
    vfio::HeldDevices& held = kept.devices;
    held.files.space = make_file(addresses);
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      held.files.devices.push_back(make_file(addresses));
      const std::lock_guard lock(mutex_);
      files_[addresses[i]] = file_number(held.files.devices.back());
    }
    if (lot.memory.has_value()) {
      kept.memory = make_lendable(*lot.memory).take_file();
    }
    note("opened " + to_string(addresses));
    return kept;
  }
  Fd make_file(const std::vector<vfio::PciAddress>& addresses) {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
      std::abort();
    }
    readers_.at(addresses).emplace_back(ends[0]);
    return Fd(ends[1]);
  }

  Fd stop_;
  std::mutex mutex_;
  std::condition_variable said_more_;
  std::vector<std::string> said_;
  std::map<vfio::PciAddress, ino_t> files_;
  /// Of a lot's last files, the other ends. Each lot has its own, since lots are opened at the same time.
  std::map<std::vector<vfio::PciAddress>, std::vector<Fd>> readers_;
  std::thread thread_;
};

}  // namespace mayfly::broker::testing
