// SPDX-License-Identifier: Apache-2.0
#include "control/run_log.hpp"

#include <atomic>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/positioned_io.hpp"
#include "base/temporary_folder.hpp"
#include "control/socket_folder.hpp"

namespace mayfly::control {
namespace {

class RunLogTest : public ::testing::Test {
 protected:
  RunLogTest() { log_.emplace(folder_.make_log("a")); }

  [[nodiscard]] Fd opened() const { return folder_.open_log("a"); }
  [[nodiscard]] std::string file() const { return path_ + "/a.log"; }
  void append(LogStream stream, const std::string& text) {
    ASSERT_EQ(log_->append(stream, std::as_bytes(std::span(text))), static_cast<ssize_t>(text.size()));
  }
  /// All that is there: each piece as `1:text` or `2:text`, by its stream.
  static std::string all(RunLogReader& reader) {
    std::string text;
    while (const auto piece = reader.next()) {
      text += std::to_string(static_cast<int>(piece->stream)) + ":" + piece->bytes + "|";
    }
    return text;
  }
  void overwrite(std::uint64_t at, const std::string& bytes) const {
    const Fd fd(::open(file().c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_EQ(write_at(fd.get(), std::as_bytes(std::span(bytes)), at), static_cast<ssize_t>(bytes.size()));
  }
  std::string refusal() const {
    try {
      RunLogReader reader(opened());
      (void)all(reader);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  mayfly::testing::TemporaryFolder root_;
  std::string path_ = root_.path() / "mayfly";
  SocketFolder folder_{path_, SocketFolder::IfMissing::kMake};
  std::optional<RunLog> log_;
};

TEST_F(RunLogTest, GoesOnAfterItsWriter) {
  append(LogStream::kStdout, "out");
  EXPECT_THROW((void)folder_.reopen_log("a"), Error);  // its writer lives
  log_.reset();
  log_.emplace(folder_.reopen_log("a"), RunLog::Begin::kGoesOn);
  log_->append_all(LogStream::kMayfly, "own");
  RunLogReader reader(opened());
  EXPECT_EQ(all(reader), "1:out|3:own|");
  EXPECT_TRUE(reader.is_written());
}

TEST_F(RunLogTest, HasWhatWasWrittenByStream) {
  RunLogReader reader(opened());
  EXPECT_EQ(all(reader), "");
  append(LogStream::kStdout, "out\n");
  append(LogStream::kStderr, std::string("e\0r", 3));
  append(LogStream::kStdout, "");
  EXPECT_EQ(all(reader), "1:out\n|2:" + std::string("e\0r", 3) + "|1:|");
  append(LogStream::kStdout, "more");
  EXPECT_EQ(all(reader), "1:more|") << "and no more than that";
  struct stat status {};
  ASSERT_EQ(::stat(file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(RunLogTest, APieceKnowsWhenItWasWritten) {
  const auto now = [] { return static_cast<std::uint64_t>(::time(nullptr)) * 1'000'000'000; };
  const std::uint64_t before = now();
  append(LogStream::kStdout, "x");
  RunLogReader reader(opened());
  const auto piece = reader.next();
  ASSERT_TRUE(piece.has_value());
  EXPECT_GE(piece->time_ns + 1'000'000'000, before);
  EXPECT_LE(piece->time_ns, now() + 2'000'000'000);
}

TEST_F(RunLogTest, TakesAPieceOfWhatIsLarge) {
  const std::string large(std::size_t{kLogRecordBytesMax} * 3 + 5, 'x');
  EXPECT_EQ(log_->append(LogStream::kStdout, std::as_bytes(std::span(large))), ssize_t{kLogRecordBytesMax});
  log_->append_all(LogStream::kStderr, large);
  RunLogReader reader(opened());
  std::size_t bytes = 0;
  while (const auto piece = reader.next()) {
    bytes += piece->bytes.size();
  }
  EXPECT_EQ(bytes, large.size() + kLogRecordBytesMax);
}

// Round the ring several times, by records of all lengths: what is there is the last of it, whole.
TEST_F(RunLogTest, KeepsTheLastOfItInAFileOfLimitedSize) {
  std::string written;
  for (std::uint32_t i = 0; written.size() < 3 * kLogBytes; ++i) {
    const std::string text = std::to_string(i) + std::string(i * 37 % 3000, static_cast<char>('a' + i % 26));
    append(LogStream::kStdout, text);
    written += text;
  }
  RunLogReader reader(opened());
  std::string kept;
  while (const auto piece = reader.next()) {
    kept += piece->bytes;
  }
  EXPECT_TRUE(written.ends_with(kept));
  EXPECT_GT(kept.size(), kLogBytes * 9 / 10);
  EXPECT_EQ(reader.lost(), 0U) << "of what was there when it began";
  struct stat status {};
  ASSERT_EQ(::stat(file().c_str(), &status), 0);
  EXPECT_LE(status.st_size, static_cast<off_t>(kLogBytes));
}

TEST_F(RunLogTest, AReaderThatIsTooSlowIsToldHowMuchItMissed) {
  append(LogStream::kStdout, "first");
  RunLogReader reader(opened());
  EXPECT_EQ(all(reader), "1:first|");
  const std::string text(1000, 'x');
  const std::uint64_t count = 2 * kLogBytes / text.size();
  for (std::uint64_t i = 0; i < count; ++i) {
    append(LogStream::kStdout, text);
  }
  std::uint64_t read = 0;
  while (reader.next()) {
    ++read;
  }
  EXPECT_GT(read, 0U);
  EXPECT_EQ(reader.lost(), (count - read) * log_room_of(1000));
}

// Each reader begins at the oldest record, which is the next to be written over.
TEST_F(RunLogTest, IsReadWhileItIsWritten) {
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (std::uint32_t i = 0; i < 40'000; ++i) {
      const std::string text = std::to_string(i) + std::string(i * 31 % 700, static_cast<char>('a' + i % 26));
      (void)log_->append(LogStream::kStdout, std::as_bytes(std::span(text)));
    }
    stop = true;
  });
  std::int64_t last = -1;
  while (!stop || last < 39'999) {
    const bool to_the_end = stop;
    RunLogReader reader(opened());
    last = -1;
    for (int i = 0; to_the_end || i < 3; ++i) {
      const auto piece = reader.next();
      if (!piece) {
        break;
      }
      const std::int64_t number = std::stoll(piece->bytes);
      EXPECT_GT(number, last);
      EXPECT_EQ(piece->bytes,
                std::to_string(number) + std::string(static_cast<std::size_t>(number * 31 % 700),
                                                     static_cast<char>('a' + number % 26)));
      last = number;
    }
  }
  writer.join();
  EXPECT_EQ(last, 39'999);
}

TEST_F(RunLogTest, WhoWritesItIsKnownUntilItEnds) {
  RunLogReader reader(opened());
  EXPECT_TRUE(reader.is_written());
  append(LogStream::kStdout, "last");
  log_.reset();
  EXPECT_FALSE(reader.is_written());
  EXPECT_EQ(all(reader), "1:last|");
}

TEST_F(RunLogTest, ALaterRunOfTheSameIdHasANewOne) {
  append(LogStream::kStdout, "old");
  RunLogReader of_old(opened());
  log_.reset();
  log_.emplace(folder_.make_log("a"));
  append(LogStream::kStdout, "new");
  RunLogReader of_new(opened());
  EXPECT_EQ(all(of_old), "1:old|");
  EXPECT_FALSE(of_old.is_written());
  EXPECT_EQ(all(of_new), "1:new|");
}

TEST_F(RunLogTest, GoesWithWhatIsLeft) {
  (void)folder_.make_log("b");
  std::filesystem::create_directory(path_ + "/c.log");
  EXPECT_EQ(folder_.remove_dead(), std::vector<std::string>{"b"});
  EXPECT_TRUE(std::filesystem::exists(file())) << "a run has it";
  log_.reset();
  EXPECT_EQ(folder_.remove_dead(), std::vector<std::string>{"a"});
  EXPECT_FALSE(std::filesystem::exists(file()));
}

TEST_F(RunLogTest, OneThatIsNotThereIsRefused) {
  try {
    (void)folder_.open_log("b");
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "no log of a VM with the id 'b'; mayfly run --detach keeps one");
  }
}

TEST_F(RunLogTest, OneThatWasChangedIsRefused) {
  append(LogStream::kStdout, "text");
  overwrite(kLogDataAt + 4, "\x09");
  EXPECT_EQ(refusal(), "this is no log of a run, or it was changed by somebody else");
  overwrite(kLogDataAt + 4, "\x01");
  EXPECT_EQ(refusal(), "");
  overwrite(kLogDataAt, "\x10");
  EXPECT_NE(refusal(), "");
  overwrite(kLogDataAt, "\x04");
  overwrite(0, "x");
  EXPECT_NE(refusal(), "");
}

// Whoever spoils it loses what was in it, and not the run that writes it.
TEST_F(RunLogTest, AWriterGoesOnInOneThatWasChanged) {
  const std::string text(1000, 'x');
  append(LogStream::kStdout, text);
  overwrite(kLogDataAt, "\xff\xff\xff\xff");
  for (std::uint64_t i = 0; i < 2 * kLogBytes / text.size(); ++i) {
    append(LogStream::kStdout, text);
  }
  RunLogReader reader(opened());
  std::uint64_t pieces = 0;
  while (const auto piece = reader.next()) {
    EXPECT_EQ(piece->bytes, text);
    ++pieces;
  }
  EXPECT_GT(pieces, 100U);
}

}  // namespace
}  // namespace mayfly::control
