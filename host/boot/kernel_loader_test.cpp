// SPDX-License-Identifier: Apache-2.0
#include "boot/kernel_loader.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/checked.hpp"
#include "base/error.hpp"
#include "base/mapping.hpp"
#include "boot/elf_fixture.hpp"
#include "boot/kernel_image.hpp"

namespace mayfly::boot {
namespace {

using testing::Bytes;
using testing::ElfFixture;

class KernelLoaderTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kRamBytes = 32 * kMiB;

  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "kernel_loader_XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::string file_with(const Bytes& bytes) const {
    std::string path = directory_ / "vmlinux";
    std::ofstream out(path, std::ios::binary);
    for (const std::byte byte : bytes) {
      out.put(static_cast<char>(byte));
    }
    return path;
  }

  // The sentence with which a file is refused; empty when it is not.
  [[nodiscard]] std::string refusal(const std::string& path) {
    try {
      KernelLoader loader(path, timeline_);
      loader.read_into(memory_, reserved_);
      static_cast<void>(loader.wait());
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  std::filesystem::path directory_;
  Mapping mapping_{::mmap(nullptr, kRamBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
                   kRamBytes};
  const GuestMemory::Region region_{{GuestAddress(0), kRamBytes}, mapping_.data()};
  GuestMemory memory_{std::span(&region_, 1)};
  const GuestRange reserved_[1] = {{GuestAddress(0x6000), 0x2000}};
  BootTimeline timeline_{exec_time(nullptr)};
};

TEST_F(KernelLoaderTest, SegmentsLandInGuestMemory) {
  ElfFixture elf;
  for (std::size_t i = 0; i < elf.text.size(); ++i) {
    elf.text[i] = static_cast<std::byte>(i * 7);
  }
  elf.add_segment(2 * kMiB + 1, elf.text.size());
  KernelLoader loader(file_with(elf.build()), timeline_);
  loader.read_into(memory_, reserved_);
  EXPECT_EQ(loader.wait(), GuestAddress(ElfFixture::kBase));
  for (const std::uint64_t at : {ElfFixture::kBase, 2 * kMiB + 1}) {
    Bytes loaded(elf.text.size());
    ASSERT_TRUE(memory_.copy_out(GuestAddress(at), loaded));
    EXPECT_EQ(loaded, elf.text);
    EXPECT_EQ(memory_.read<std::uint8_t>(GuestAddress(at + elf.text.size())), 0);
  }
}

TEST_F(KernelLoaderTest, FileIsOpenBeforeWhatComesThen) {
  const std::string path = file_with(ElfFixture().build());
  KernelLoader loader(path, timeline_, [&] { std::filesystem::remove(path); });
  loader.read_into(memory_, reserved_);
  EXPECT_EQ(loader.wait(), GuestAddress(ElfFixture::kBase));
}

TEST_F(KernelLoaderTest, WhatComesThenIsDoneForAFileThatIsRefusedToo) {
  bool done = false;
  KernelLoader loader("/nonexistent/vmlinux", timeline_, [&] { done = true; });
  loader.read_into(memory_, reserved_);
  EXPECT_THROW(static_cast<void>(loader.wait()), Error);
  EXPECT_TRUE(done);
}

TEST_F(KernelLoaderTest, PageOfReservedMemoryIsMadeAndStaysZero) {
  constexpr GuestRange kReserved{GuestAddress(0x6000), 0x2000};
  KernelLoader loader(file_with(ElfFixture().build()), timeline_);
  loader.read_into(memory_, std::span(&kReserved, 1));
  static_cast<void>(loader.wait());
  unsigned char resident = 0;
  ASSERT_EQ(::mincore(mapping_.data() + 0x7000, 1, &resident), 0);
  EXPECT_EQ(resident & 1U, 1U);
  for (std::uint64_t at = 0x6000; at < 0x8000; at += 8) {
    ASSERT_EQ(memory_.read<std::uint64_t>(GuestAddress(at)), 0U);
  }
}

TEST_F(KernelLoaderTest, SegmentsOfSeveralHugePagesLandWhole) {
  ElfFixture elf;
  elf.text.resize(5 * kMiB + 3);
  elf.segments.clear();
  elf.add_segment(ElfFixture::kBase, elf.text.size() + 1);
  for (std::size_t i = 0; i < elf.text.size(); ++i) {
    elf.text[i] = static_cast<std::byte>(i * 7 + i / 4096);
  }
  const std::string path = file_with(elf.build());
  for (int i = 0; i < 10; ++i) {
    std::memset(mapping_.data(), 0, kRamBytes);
    KernelLoader loader(path, timeline_);
    loader.read_into(memory_, reserved_);
    static_cast<void>(loader.wait());
    Bytes loaded(elf.text.size());
    ASSERT_TRUE(memory_.copy_out(GuestAddress(ElfFixture::kBase), loaded));
    const auto differs = std::mismatch(loaded.begin(), loaded.end(), elf.text.begin());
    ASSERT_TRUE(differs.first == loaded.end()) << "at byte " << differs.first - loaded.begin();
    ASSERT_EQ(memory_.read<std::uint8_t>(GuestAddress(ElfFixture::kBase + elf.text.size())), 0);
  }
}

TEST_F(KernelLoaderTest, FileIsClosedOnceTheKernelIsInPlace) {
  const auto open_files = [] {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
  };
  const auto before = open_files();
  KernelLoader loader(file_with(ElfFixture().build()), timeline_);
  loader.read_into(memory_, reserved_);
  static_cast<void>(loader.wait());
  EXPECT_EQ(open_files(), before);
}

TEST_F(KernelLoaderTest, FileThatIsCutOffWhileItIsReadIsRefused) {
  ElfFixture elf;
  elf.text.resize(7 * kMiB);
  elf.segments.clear();
  elf.add_segment(ElfFixture::kBase, elf.text.size());
  const std::string path = file_with(elf.build());
  for (int i = 0; i < 20; ++i) {
    std::filesystem::resize_file(path, 7 * kMiB + 4096);
    KernelLoader loader(path, timeline_);
    loader.read_into(memory_, reserved_);
    std::filesystem::resize_file(path, 4096);
    try {
      static_cast<void>(loader.wait());
    } catch (const Error& error) {
      EXPECT_EQ(error.what(), "cannot boot " + path + ": " + std::string(describe(KernelFault::kTruncated)));
    }
  }
}

TEST_F(KernelLoaderTest, ReadingIsOnTheTimeline) {
  KernelLoader loader(file_with(ElfFixture().build()), timeline_);
  loader.read_into(memory_, reserved_);
  static_cast<void>(loader.wait());
  const Report report = timeline_.report({});
  ASSERT_FALSE(report.phases.empty());
  EXPECT_EQ(report.phases.back().name, "kernel_read");
  EXPECT_LE(report.phases.back().begin_ns, report.phases.back().end_ns);
}

TEST_F(KernelLoaderTest, AbandonedLoaderJoins) {
  const std::string path = file_with(ElfFixture().build());
  for (int i = 0; i < 50; ++i) {
    const KernelLoader without_memory(path, timeline_);
    KernelLoader loader(path, timeline_);
    loader.read_into(memory_, reserved_);
  }
}

TEST_F(KernelLoaderTest, MissingFileIsNamed) {
  EXPECT_EQ(refusal("/nonexistent/vmlinux"),
            "cannot open kernel /nonexistent/vmlinux: No such file or directory");
}

TEST_F(KernelLoaderTest, WhatIsNotARegularFileIsRefused) {
  const std::string sentence = ": it is not a regular file; give an uncompressed vmlinux";
  EXPECT_EQ(refusal(directory_), "cannot boot " + directory_.string() + sentence);
  const std::string pipe = directory_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(refusal(pipe), "cannot boot " + pipe + sentence);
}

TEST_F(KernelLoaderTest, FaultOfTheFileIsTold) {
  const std::string path = file_with(Bytes(100));
  EXPECT_EQ(refusal(path), "cannot boot " + path + ": " + std::string(describe(KernelFault::kNotElf)));
}

TEST_F(KernelLoaderTest, KernelThatDoesNotFitLeavesMemoryAlone) {
  ElfFixture elf;
  elf.add_segment(kRamBytes - 1, 8192);
  const std::string path = file_with(elf.build());
  EXPECT_EQ(refusal(path), "cannot boot " + path + ": " + std::string(describe(KernelFault::kBeyondMemory)));
  EXPECT_EQ(memory_.read<std::uint8_t>(GuestAddress(ElfFixture::kBase)), 0);
}

TEST_F(KernelLoaderTest, BootDataIsNotOverwritten) {
  ElfFixture elf;
  elf.add_segment(0x7000, 8192);
  const std::string path = file_with(elf.build());
  EXPECT_EQ(refusal(path),
            "cannot boot " + path + ": " + std::string(describe(KernelFault::kOverlapsBootData)));
}

}  // namespace
}  // namespace mayfly::boot
