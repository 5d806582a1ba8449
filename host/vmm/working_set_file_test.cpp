// SPDX-License-Identifier: Apache-2.0
#include "vmm/working_set_file.hpp"

#include <filesystem>
#include <fstream>
#include <optional>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/temporary_folder.hpp"

namespace mayfly::vmm {
namespace {

const WorkingSetKey kKey{{1, 2, 255}, 1000, 2000, 64 * kMiB, 2};
const WorkingSet kSet{{0, 4096}, {kMiB, 2 * kMiB}};

std::string why_not(const std::string& image) {
  try {
    const WorkingSetFile file(image, kKey);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

class WorkingSetFileTest : public ::testing::Test {
 protected:
  void put(const std::string& text) const { std::ofstream(path_) << text; }

  mayfly::testing::TemporaryFolder folder_;
  std::string image_ = folder_.path().string() + "/app.img";
  std::string path_ = image_ + ".working-set";
};

void expect_set(const std::optional<WorkingSet>& set) {
  ASSERT_TRUE(set.has_value());
  ASSERT_EQ(set->size(), kSet.size());
  for (std::size_t i = 0; i < kSet.size(); ++i) {
    EXPECT_EQ((*set)[i].offset, kSet[i].offset);
    EXPECT_EQ((*set)[i].bytes, kSet[i].bytes);
  }
}

TEST_F(WorkingSetFileTest, WhatOneBootWritesTheNextHas) {
  {
    WorkingSetFile first(image_, kKey);
    EXPECT_FALSE(first.known().has_value());
    ASSERT_TRUE(first.wanted());
    first.write(kSet);
    EXPECT_FALSE(first.wanted());
  }
  const WorkingSetFile second(image_, kKey);
  EXPECT_FALSE(second.wanted());
  expect_set(second.known());
}

TEST_F(WorkingSetFileTest, AnotherBootIsRecordedAnew) {
  WorkingSetFile(image_, kKey).write(kSet);
  for (const auto change :
       {+[](WorkingSetKey& key) { key.image[31] = 1; }, +[](WorkingSetKey& key) { ++key.kernel_bytes; },
        +[](WorkingSetKey& key) { ++key.kernel_modified_ns; },
        +[](WorkingSetKey& key) { key.memory_bytes *= 2; }, +[](WorkingSetKey& key) { ++key.cpus; }}) {
    WorkingSetKey other = kKey;
    change(other);
    const WorkingSetFile file(image_, other);
    EXPECT_FALSE(file.known().has_value());
    EXPECT_TRUE(file.wanted());
  }
}

TEST_F(WorkingSetFileTest, OneRunAtATimeRecords) {
  WorkingSetFile first(image_, kKey);
  const WorkingSetFile second(image_, kKey);
  EXPECT_FALSE(second.known().has_value());
  EXPECT_FALSE(second.wanted());
  first.write(kSet);
}

TEST_F(WorkingSetFileTest, ManyReadAtATime) {
  WorkingSetFile(image_, kKey).write(kSet);
  const WorkingSetFile first(image_, kKey);
  const WorkingSetFile second(image_, kKey);
  expect_set(first.known());
  expect_set(second.known());
}

TEST_F(WorkingSetFileTest, WhatWasCutOffIsRecordedAnew) {
  const std::string whole = write_working_set(kKey, kSet);
  for (std::size_t bytes = 0; bytes + 1 < whole.size(); ++bytes) {
    put(whole.substr(0, bytes));
    WorkingSetFile file(image_, kKey);
    EXPECT_FALSE(file.known().has_value()) << bytes;
    EXPECT_TRUE(file.wanted()) << bytes;
  }
}

TEST_F(WorkingSetFileTest, SomebodyElsesFileIsLeftAlone) {
  put("precious\n");
  EXPECT_EQ(why_not(image_),
            path_ + " is no working set, so --prefault boot leaves it as it is; move it away");
  std::string line;
  std::getline(std::ifstream(path_) >> std::ws, line);
  EXPECT_EQ(line, "precious");
}

TEST_F(WorkingSetFileTest, PathsThatAreNoFilesAreNamed) {
  EXPECT_NE(why_not(folder_.path().string() + "/none/app.img").find("none/app.img.working-set"),
            std::string::npos);
  std::filesystem::create_directory(path_);
  EXPECT_NE(why_not(image_).find(path_), std::string::npos);
  std::filesystem::remove(path_);
  std::filesystem::create_symlink("/dev/null", path_);
  EXPECT_NE(why_not(image_).find(path_), std::string::npos);
}

TEST_F(WorkingSetFileTest, WithoutAPlaceToWriteItIsReadOnly) {
  WorkingSetFile(image_, kKey).write(kSet);
  // To root all files are writable.
  const uid_t user = ::geteuid();
  std::filesystem::permissions(folder_.path(), static_cast<std::filesystem::perms>(0555));
  std::filesystem::permissions(path_, static_cast<std::filesystem::perms>(0444));
  ASSERT_EQ(::seteuid(user == 0 ? 65534 : user), 0);
  const WorkingSetFile file(image_, kKey);
  const std::string why = why_not(folder_.path().string() + "/other.img");
  WorkingSetKey other = kKey;
  ++other.cpus;
  EXPECT_THROW(WorkingSetFile(image_, other), Error);
  ASSERT_EQ(::seteuid(user), 0);
  std::filesystem::permissions(folder_.path(), std::filesystem::perms::owner_all);
  expect_set(file.known());
  EXPECT_NE(why.find("/other.img.working-set"), std::string::npos) << why;
}

TEST(WorkingSetText, OtherJsonIsNone) {
  const std::string whole = write_working_set(kKey, kSet);
  expect_set(read_working_set(whole, kKey));
  for (const auto& [from, to] :
       {std::pair("[0,4096]", "[4096,0]"), std::pair("[0,4096]", "[0,4096,1]"),
        std::pair("[0,4096]", "[0.5,4096]"), std::pair("[0,4096]", "[-1,4096]"), std::pair("[0,4096]", "0"),
        std::pair("\"cpus\"", "\"cpu\""), std::pair("\"parts\":[", "\"more\":[["),
        std::pair("[0,4096]", "[0,99999999999]")}) {
    std::string text = whole;
    text.replace(text.find(from), std::string_view(from).size(), to);
    EXPECT_FALSE(read_working_set(text, kKey).has_value()) << text;
  }
  EXPECT_FALSE(read_working_set("[]", kKey).has_value());
}

TEST(WorkingSetKeyTest, KernelThatIsNotThereIsNamed) {
  EXPECT_THROW((void)WorkingSetKey::of({}, "/nonexistent/vmlinux", kMiB, 1), Error);
}

}  // namespace
}  // namespace mayfly::vmm
