// SPDX-License-Identifier: Apache-2.0
#include "base/say.hpp"

#include <regex>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/time_text.hpp"

namespace mayfly {
namespace {

constexpr std::uint64_t kTime = 1'700'000'000'123'456'789;

/// Leaves mayfly's voice as it was.
class SayTest : public ::testing::Test {
 protected:
  ~SayTest() override {
    speak_in(LogFormat::kText);
    speak_of("");
    speak_to(nullptr);
  }
  static std::string json(std::string_view sentence, Severity severity = Severity::kError) {
    return line_of(LogFormat::kJson, severity, sentence, kTime);
  }
};

/// Remembers.
class Ear final : public Hearer {
 public:
  void heard(std::string_view lines) noexcept override { lines_ += lines; }
  [[nodiscard]] const std::string& lines() const noexcept { return lines_; }

 private:
  std::string lines_;
};

TEST_F(SayTest, TextIsTheSentenceAsItIs) {
  speak_of("web");
  EXPECT_EQ(line_of(LogFormat::kText, Severity::kInfo, "a\x1b\xff \"b\"", kTime),
            "mayfly: a\x1b\xff \"b\"\n");
}

TEST_F(SayTest, JsonHasTimeLevelMessageAndId) {
  EXPECT_EQ(json("no \"room\""),
            R"({"time":"2023-11-14T22:13:20.123Z","level":"error","message":"no \"room\""})"
            "\n");
  speak_of("web-1");
  EXPECT_EQ(json("a", Severity::kWarning),
            R"({"time":"2023-11-14T22:13:20.123Z","level":"warning","message":"a","id":"web-1"})"
            "\n");
  EXPECT_NE(json("a", Severity::kInfo).find(R"("level":"info")"), std::string::npos);
}

TEST_F(SayTest, JsonIsOneLineOfPrintableAscii) {
  const std::string line =
      json(std::string_view("a\nb\r\t\0\x1b[2J\x7f\xc2\x9b \xc3\xa4 \xe2\x80\xa8 \xff\\", 23));
  EXPECT_NE(line.find(R"("a\nb\r\t\u0000\u001b[2J\u007f\u009b \u00e4 \u2028 \ufffd\\")"), std::string::npos)
      << line;
  EXPECT_EQ(line.find_first_not_of("\n", line.find('\n')), std::string::npos);
}

TEST_F(SayTest, GoesToStderrAndToWhoHears) {
  Ear ear;
  ::testing::internal::CaptureStderr();
  say(Severity::kInfo, "one");
  speak_to(&ear);
  warn("two");
  tell_hearer(Severity::kError, "three");
  speak_in(LogFormat::kJson);
  warn("four");
  speak_to(nullptr);
  speak_in(LogFormat::kText);
  warn("five");
  const std::string err = ::testing::internal::GetCapturedStderr();
  EXPECT_TRUE(std::regex_match(err, std::regex("mayfly: one\nmayfly: two\n\\{.*\"four\"\\}\nmayfly: five\n")))
      << err;
  EXPECT_TRUE(std::regex_match(ear.lines(), std::regex("mayfly: two\nmayfly: three\n\\{.*\"four\"\\}\n")))
      << ear.lines();
}

TEST(TimeTextTest, IsRfc3339InUtc) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  EXPECT_EQ(time_text(0, 3), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(time_text(951'782'400 * kSecond - 1, 6), "2000-02-28T23:59:59.999999Z");
  EXPECT_EQ(time_text(951'782'400 * kSecond + 1, 9), "2000-02-29T00:00:00.000000001Z");
  EXPECT_EQ(time_text(4'102'444'799 * kSecond + 7'000'000, 3), "2099-12-31T23:59:59.007Z");
}

}  // namespace
}  // namespace mayfly
