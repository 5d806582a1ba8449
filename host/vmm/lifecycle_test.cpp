// SPDX-License-Identifier: Apache-2.0
#include "vmm/lifecycle.hpp"

#include <array>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.hpp"

namespace mayfly::vmm {
namespace {

using Json = nlohmann::json;

class LifecycleTest : public ::testing::Test {
 protected:
  LifecycleTest() {
    static_cast<void>(::signal(SIGPIPE, SIG_IGN));
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    reader_ = Fd(ends[0]);
    writer_ = Fd(ends[1]);
    lifecycle_.emplace(std::vector<int>{writer_.get()}, id_, timeline_);
  }

  /// What has come, a line each.
  [[nodiscard]] std::vector<Json> told() const {
    std::string text(std::size_t{1} << 20U, '\0');
    const ssize_t got = ::fcntl(reader_.get(), F_SETFL, O_NONBLOCK) == 0
                            ? ::read(reader_.get(), text.data(), text.size())
                            : -1;
    text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    std::vector<Json> lines;
    std::size_t begin = 0;
    for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
      lines.push_back(Json::parse(text.substr(begin, end - begin)));
      begin = end + 1;
    }
    EXPECT_EQ(begin, text.size());
    return lines;
  }

  Fd reader_;
  Fd writer_;
  std::string id_ = "web-1";
  boot::BootTimeline timeline_{{.at_ns = 5}};
  std::optional<Lifecycle> lifecycle_;
};

TEST_F(LifecycleTest, EachEventIsALine) {
  lifecycle_->starting();
  lifecycle_->on_ready();
  lifecycle_->paused();
  lifecycle_->resumed();
  lifecycle_->ended({OutcomeKind::kExited, 7, ""});
  const std::vector<Json> lines = told();
  ASSERT_EQ(lines.size(), 5U);
  const std::array events{"starting", "ready", "paused", "resumed", "ended"};
  for (std::size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(lines[i]["version"], 1);
    EXPECT_EQ(lines[i]["event"], events[i]);
    EXPECT_EQ(lines[i]["id"], "web-1");
    EXPECT_EQ(lines[i]["pid"], ::getpid());
    EXPECT_GT(lines[i]["time_ns"], 1'700'000'000'000'000'000U);
    EXPECT_TRUE(i == 0 || lines[i]["since_exec_ns"] >= lines[i - 1]["since_exec_ns"]);
  }
  EXPECT_EQ(lines[4]["exit_status"], 7);
  EXPECT_EQ(lines[4]["outcome"], "exited");
  EXPECT_FALSE(lines[4].contains("message"));
}

TEST_F(LifecycleTest, TheEndSaysWhatFailed) {
  lifecycle_->ended({OutcomeKind::kPanic, 0, "the guest's \"kernel\"\n\xff panicked"});
  const std::vector<Json> lines = told();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["exit_status"], 125);
  EXPECT_EQ(lines[0]["outcome"], "panic");
  EXPECT_EQ(lines[0]["message"], "the guest's \"kernel\"\n\xef\xbf\xbd panicked");
}

TEST_F(LifecycleTest, ARunThatCameToNoOutcomeHasFailed) {
  lifecycle_->failed("cannot open 'vmlinux'");
  const std::vector<Json> lines = told();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["event"], "ended");
  EXPECT_EQ(lines[0]["exit_status"], 125);
  EXPECT_EQ(lines[0]["outcome"], "failed");
  EXPECT_EQ(lines[0]["message"], "cannot open 'vmlinux'");
}

TEST_F(LifecycleTest, AGuestIsReadyOnce) {
  lifecycle_->on_ready();
  lifecycle_->on_ready();
  EXPECT_EQ(told().size(), 1U);
}

TEST_F(LifecycleTest, AReaderThatIsTooSlowIsNotWaitedFor) {
  for (int i = 0; i < 10'000; ++i) {
    lifecycle_->paused();
  }
  const std::size_t heard = told().size();
  EXPECT_GT(heard, 100U);
  lifecycle_->resumed();
  lifecycle_->paused();
  const std::vector<Json> later = told();
  ASSERT_EQ(later.size(), 2U);
  EXPECT_EQ(later[0]["dropped"], 10'000 - heard);
  EXPECT_FALSE(later[1].contains("dropped"));
}

TEST_F(LifecycleTest, ALineInPartsIsTheLast) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
  reader_ = Fd(ends[0]);
  writer_ = Fd(ends[1]);
  const int small = 1;
  ASSERT_EQ(::setsockopt(writer_.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
  lifecycle_.emplace(std::vector<int>{writer_.get()}, id_, timeline_);
  lifecycle_->ended({OutcomeKind::kPanic, 0, std::string(100'000, 'x')});
  std::string part(1'000'000, '\0');
  const ssize_t got = ::recv(reader_.get(), part.data(), part.size(), 0);
  ASSERT_GT(got, 0);
  ASSERT_LT(got, 100'000);
  lifecycle_->starting();
  EXPECT_LT(::recv(reader_.get(), part.data(), part.size(), 0), 0);
}

TEST_F(LifecycleTest, AReaderThatIsGoneIsNoneOfOurs) {
  reader_ = Fd();
  lifecycle_->starting();
  lifecycle_->ended({});
}

TEST_F(LifecycleTest, AllWhoListenAreTold) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const Fd other_reader(ends[0]);
  const Fd other_writer(ends[1]);
  lifecycle_.emplace(std::vector<int>{other_writer.get(), writer_.get()}, id_, timeline_);
  lifecycle_->starting();
  EXPECT_EQ(told().size(), 1U);
  reader_ = Fd(::fcntl(other_reader.get(), F_DUPFD_CLOEXEC, 0));
  EXPECT_EQ(told().size(), 1U);
}

}  // namespace
}  // namespace mayfly::vmm
