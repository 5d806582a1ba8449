// SPDX-License-Identifier: Apache-2.0
#include "vmm/disk.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/checked.hpp"
#include "base/error.hpp"
#include "base/temporary_folder.hpp"
#include "vmm/signals.hpp"

namespace mayfly::vmm {
namespace {

std::string refusal_of(const DiskDevice& device) {
  try {
    const Disk disk(device);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

class DiskTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kBytes = kMiB;

  DiskTest() {
    for (std::size_t i = 0; i < kBytes; ++i) {
      content_ += static_cast<char>('a' + i / 512 % 26);
    }
    std::ofstream(path_) << content_;
    ::testing::internal::CaptureStderr();
  }
  ~DiskTest() override { told(); }

  std::string told() {
    std::string text;
    if (captures_) {
      captures_ = false;
      text = ::testing::internal::GetCapturedStderr();
    }
    return text;
  }
  [[nodiscard]] std::string on_host() const {
    std::ifstream file(path_);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static iovec piece(std::string& text, std::size_t at, std::size_t bytes) {
    return {text.data() + at, bytes};
  }

  testing::TemporaryFolder temporary_;
  std::string folder_ = temporary_.path();
  std::string path_ = folder_ + "/disk";
  std::string content_;
  bool captures_ = true;
};

TEST_F(DiskTest, HasTheSizeOfItsFile) {
  const Disk disk({.path = path_});
  EXPECT_EQ(disk.shape().bytes, kBytes);
  EXPECT_EQ(disk.shape().unit_bytes, 512U);
  EXPECT_FALSE(disk.shape().is_read_only);
}

TEST_F(DiskTest, ReadsIntoPiecesAndWritesFromThem) {
  Disk disk({.path = path_});
  std::string text(2048, '?');
  const std::array pieces{piece(text, 1000, 1048), piece(text, 0, 1000)};
  ASSERT_EQ(disk.read(pieces, 1024), 0);
  EXPECT_EQ(text, content_.substr(1024 + 1048, 1000) + content_.substr(1024, 1048));
  ASSERT_EQ(disk.write(pieces, 0), 0);
  EXPECT_EQ(on_host().substr(0, 4096), content_.substr(1024, 2048) + content_.substr(2048, 2048));
  EXPECT_EQ(disk.flush(), 0);
}

TEST_F(DiskTest, WhatIsNotADiskIsRefused) {
  EXPECT_NE(refusal_of({.path = folder_ + "/none"}).find("cannot open disk"), std::string::npos);
  EXPECT_FALSE(std::ifstream(folder_ + "/none")) << "none is made";
  EXPECT_NE(refusal_of({.path = folder_, .is_read_only = true}).find("neither a regular file nor"),
            std::string::npos);
  EXPECT_NE(refusal_of({.path = "/dev/null"}).find("neither a regular file nor"), std::string::npos);
  ASSERT_EQ(::mkfifo((folder_ + "/fifo").c_str(), 0600), 0);
  EXPECT_NE(refusal_of({.path = folder_ + "/fifo"}).find("neither a regular file nor"), std::string::npos);
}

TEST_F(DiskTest, AFileOfHalfASectorIsRefused) {
  ASSERT_EQ(::truncate(path_.c_str(), 1000), 0);
  EXPECT_NE(refusal_of({.path = path_}).find("has 1000 bytes; a disk has a multiple of 512"),
            std::string::npos);
  ASSERT_EQ(::truncate(path_.c_str(), 0), 0);
  EXPECT_NE(refusal_of({.path = path_}).find("has 0 bytes"), std::string::npos);
}

TEST_F(DiskTest, OneThatIsWrittenIsNobodyElses) {
  {
    const Disk writer({.path = path_});
    for (const bool is_read_only : {false, true}) {
      EXPECT_NE(
          refusal_of({.path = path_, .is_read_only = is_read_only}).find("is in use by another process"),
          std::string::npos);
    }
  }
  const Disk reader({.path = path_, .is_read_only = true});
  const Disk second({.path = path_, .is_read_only = true});
  EXPECT_NE(refusal_of({.path = path_}).find("is in use by another process"), std::string::npos);
}

TEST_F(DiskTest, OneThatIsReadIsOpenForNothingElse) {
  ASSERT_EQ(::chmod(path_.c_str(), 0400), 0);
  Disk disk({.path = path_, .is_read_only = true});
  EXPECT_TRUE(disk.shape().is_read_only);
  std::string text(512, 'x');
  EXPECT_EQ(disk.write(std::array{piece(text, 0, 512)}, 0), EBADF);
  EXPECT_EQ(disk.flush(), 0);
}

// Never what was there before, and never zeros in its place.
TEST_F(DiskTest, WhatWasCutOffIsAnErrorForEver) {
  Disk disk({.path = path_});
  ASSERT_EQ(::truncate(path_.c_str(), 4096), 0);
  std::string text(1024, '?');
  EXPECT_EQ(disk.read(std::array{piece(text, 0, 512)}, 0), 0);
  EXPECT_EQ(disk.read(std::array{piece(text, 0, 1024)}, 4096 - 512), EIO);
  EXPECT_EQ(disk.write(std::array{piece(text, 0, 512)}, 8192), EIO);
  EXPECT_EQ(disk.zero(8192, 512, io::Unmap::kNo), EIO);
  EXPECT_EQ(on_host().size(), 4096U);
  const std::string said = told();
  EXPECT_NE(said.find("disk " + path_ + ": Input/output error"), std::string::npos) << said;
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << "it is told once";
}

/// From now on this thread's fdatasync fails, and nothing else does.
void lose_writes() {
  std::array<sock_filter, 4> program{{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                                      BPF_JUMP(BPF_JMP | BPF_K | BPF_JEQ, SYS_fdatasync, 0, 1),
                                      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EIO),
                                      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)}};
  const sock_fprog whole{static_cast<unsigned short>(program.size()), program.data()};
  ASSERT_EQ(::prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL), 0);
  ASSERT_EQ(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &whole), 0);
}

// The kernel tells of lost writes once, and the next fdatasync is well again.
TEST_F(DiskTest, AFlushThatFailedFailsForEver) {
  Disk disk({.path = path_});
  EXPECT_EQ(disk.flush(), 0);
  std::thread([&disk] {
    lose_writes();
    EXPECT_EQ(disk.flush(), EIO);
  }).join();
  EXPECT_EQ(disk.flush(), EIO);
  std::string text(512, 'x');
  EXPECT_EQ(disk.read(std::array{piece(text, 0, 512)}, 0), 0) << "reading goes on";
}

TEST_F(DiskTest, ALimitOfTheHostIsAnErrorOfTheDisk) {
  Disk disk({.path = path_});
  const Signals signals;
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  const rlimit low{4096, old.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &low), 0);
  std::string text(512, 'x');
  const int error = disk.write(std::array{piece(text, 0, 512)}, 8192);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
  EXPECT_EQ(error, EFBIG);
}

TEST_F(DiskTest, WhatIsDiscardedIsGivenBackToTheHost) {
  Disk disk({.path = path_});
  ASSERT_EQ(disk.flush(), 0);
  struct stat before {};
  struct stat after {};
  ASSERT_EQ(::stat(path_.c_str(), &before), 0);
  ASSERT_EQ(disk.discard(0, kBytes / 2), 0);
  ASSERT_EQ(::stat(path_.c_str(), &after), 0);
  EXPECT_LT(after.st_blocks, before.st_blocks);
  EXPECT_EQ(after.st_size, before.st_size);
  EXPECT_EQ(on_host().substr(kBytes / 2), content_.substr(kBytes / 2));
}

TEST_F(DiskTest, ZerosAreZerosWhicheverWay) {
  Disk disk({.path = path_});
  ASSERT_EQ(disk.zero(512, 1024, io::Unmap::kNo), 0);
  ASSERT_EQ(disk.zero(kBytes - 512, 512, io::Unmap::kMay), 0);
  ASSERT_EQ(disk.zero(0, 0, io::Unmap::kMay), 0);
  EXPECT_EQ(on_host(), content_.substr(0, 512) + std::string(1024, '\0') +
                           content_.substr(1536, kBytes - 2048) + std::string(512, '\0'));
}

// tmpfs has no FALLOC_FL_ZERO_RANGE.
TEST_F(DiskTest, ZerosAreWrittenWhereTheHostHasNoOtherWay) {
  const Fd probe(::open("/dev/shm", O_TMPFILE | O_RDWR, 0600));
  if (!probe || ::ftruncate(probe.get(), 16 * kMiB) != 0) {
    GTEST_SKIP() << "no /dev/shm";
  }
  Disk disk({.path = "/proc/self/fd/" + std::to_string(probe.get())});
  std::string text(16 * kMiB, 'x');
  const std::array whole{piece(text, 0, text.size())};
  ASSERT_EQ(disk.write(whole, 0), 0);
  ASSERT_EQ(disk.zero(512, text.size() - 1024, io::Unmap::kNo), 0);
  ASSERT_EQ(disk.read(whole, 0), 0);
  EXPECT_EQ(text, std::string(512, 'x') + std::string(16 * kMiB - 1024, '\0') + std::string(512, 'x'));
}

/// A disk past the page cache; its units depend on the host.
class DirectDisk : public DiskTest {
 protected:
  void SetUp() override {
    const std::string refusal = refusal_of(device_);
    if (refusal.find("no direct I/O") != std::string::npos) {
      GTEST_SKIP() << refusal;
    }
  }
  DiskDevice device_{.path = path_, .is_direct = true};
};

TEST_F(DirectDisk, TakesBuffersAtAnyAddress) {
  Disk disk(device_);
  const std::uint64_t unit = disk.shape().unit_bytes;
  constexpr std::size_t kHalf = 300 * kKiB;
  for (const std::size_t at : {std::size_t{0}, std::size_t{1}}) {
    std::string first(kHalf + 100 + at, '?');
    std::string second(kHalf - 100 + at, '?');
    const std::array pieces{piece(first, at, 100), piece(first, at + 100, kHalf),
                            piece(second, at, kHalf - 100)};
    ASSERT_EQ(disk.read(pieces, unit), 0);
    EXPECT_EQ(first.substr(at) + second.substr(at), content_.substr(unit, 2 * kHalf));
    std::fill(first.begin(), first.end(), 'F');
    std::fill(second.begin(), second.end(), 'S');
    ASSERT_EQ(disk.write(pieces, 2 * unit), 0);
    EXPECT_EQ(on_host(), content_.substr(0, 2 * unit) + std::string(kHalf + 100, 'F') +
                             std::string(kHalf - 100, 'S') + content_.substr(2 * unit + 2 * kHalf));
    ASSERT_EQ(disk.write(std::array{piece(content_, 0, kBytes)}, 0), 0);
  }
}

TEST_F(DirectDisk, TakesAlignedBuffersAsTheyAre) {
  Disk disk(device_);
  alignas(4096) static std::array<char, 8192> buffer;
  const iovec piece{buffer.data(), buffer.size()};
  ASSERT_EQ(disk.read(std::span(&piece, 1), 4096), 0);
  EXPECT_EQ(std::string(buffer.data(), buffer.size()), content_.substr(4096, 8192));
  ASSERT_EQ(disk.zero(4096, 4096, io::Unmap::kNo), 0);
  EXPECT_EQ(disk.flush(), 0);
}

TEST_F(DiskTest, AllDisksComeInOrderOrNone) {
  const std::string other = folder_ + "/other";
  std::ofstream(other) << std::string(512, 'x');
  const auto disks = open_disks({{.path = other, .is_read_only = true}, {.path = path_}});
  ASSERT_EQ(disks.size(), 2U);
  EXPECT_EQ(disks[0]->shape().bytes, 512U);
  EXPECT_EQ(disks[1]->shape().bytes, kBytes);
  EXPECT_THROW((void)open_disks({{.path = other, .is_read_only = true}, {.path = path_}}), Error);
}

}  // namespace
}  // namespace mayfly::vmm
