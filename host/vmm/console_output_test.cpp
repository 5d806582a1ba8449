// SPDX-License-Identifier: Apache-2.0
#include "vmm/console_output.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/error.hpp"

namespace mayfly::vmm {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

class Console : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "mayfly-console-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  [[nodiscard]] ConsoleSpec file(const std::string& name) const {
    return {ConsoleTarget::kFile, (directory_ / name).string()};
  }
  [[nodiscard]] std::string content(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(directory_ / name).rdbuf();
    return text.str();
  }
  std::filesystem::path directory_;
};

TEST_F(Console, FileHoldsWhatTheGuestSaid) {
  std::ofstream(directory_ / "log") << "from an earlier run";
  {
    ConsoleOutput console(file("log"));
    console.from_guest(bytes_of("Linux version 6.12\r\n"));
    console.from_guest(bytes_of("done\r\n"));
  }
  EXPECT_EQ(content("log"), "Linux version 6.12\r\ndone\r\n");
}

TEST_F(Console, NowhereTakesEverything) {
  ConsoleOutput console(ConsoleSpec{});
  console.from_guest(bytes_of(std::string(10U << 20U, 'x')));
}

TEST_F(Console, NothingIsTypedIntoTheGuest) {
  ConsoleOutput console(file("log"));
  std::vector<std::byte> buffer(100);
  EXPECT_EQ(console.to_guest(buffer), 0U);
}

TEST_F(Console, FileThatCannotBeWrittenIsNamed) {
  try {
    const ConsoleOutput console(file("missing/log"));
    FAIL() << "taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.what(), "cannot write the console to '" + (directory_ / "missing/log").string() +
                                "': No such file or directory");
  }
}

TEST_F(Console, SlowReaderGetsANoteOfWhatWasDropped) {
  const std::string path = (directory_ / "fifo").string();
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const Fd reader(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ASSERT_EQ(::fcntl(reader.get(), F_SETFL, 0), 0);
  auto console = std::make_unique<ConsoleOutput>(file("fifo"));
  const std::string flood(3 * ConsoleOutput::kBufferBytes, 'x');
  console->from_guest(bytes_of(flood));

  std::string text(ConsoleOutput::kBufferBytes, '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    done += static_cast<std::size_t>(::read(reader.get(), text.data() + done, text.size() - done));
  }
  console->from_guest(bytes_of("afterwards"));
  std::jthread close([&] { console.reset(); });
  char buffer[4096];
  for (ssize_t count = 0; (count = ::read(reader.get(), buffer, sizeof(buffer))) > 0;) {
    text.append(buffer, static_cast<std::size_t>(count));
  }

  const std::size_t kept = text.find('\r');
  ASSERT_NE(kept, std::string::npos);
  EXPECT_EQ(text.substr(kept),
            "\r\n[mayfly: " + std::to_string(flood.size() - kept) + " bytes dropped]\r\nafterwards");
}

}  // namespace
}  // namespace mayfly::vmm
