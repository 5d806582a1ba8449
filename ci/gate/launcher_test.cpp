// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/launcher.hpp"

#include "base/clock.hpp"
#include "ci/gate/files.hpp"
#include "ci/gate/fixture.hpp"

namespace mayfly::gate {
namespace {

TEST(Launch, GivesStatusOutputAndResidentMemory) {
  const TemporaryDirectory directory;
  const std::string output = directory.path() + "/output";
  const LaunchEnd end = launch(
      {.words = {"/bin/sh", "-c", "read line || echo empty; echo complaint >&2; exit 3"}, .output = output});
  EXPECT_EQ(end.by, EndedBy::kItself);
  EXPECT_EQ(end.status, 3);
  EXPECT_GT(end.resident_bytes, 100'000U);
  EXPECT_EQ(read_file(output), "empty\ncomplaint\n");
}

TEST(Launch, TellsWhenExecWas) {
  const TemporaryDirectory directory;
  const std::string output = directory.path() + "/output";
  const std::uint64_t before = monotonic_ns();
  static_cast<void>(launch({.words = {"/bin/sh", "-c", "echo $MAYFLY_EXEC_NS"}, .output = output}));
  const std::uint64_t told = std::stoull(read_file(output));
  EXPECT_GE(told, before);
  EXPECT_LE(told, monotonic_ns());
}

TEST(Launch, SignalIsAStatusToo) {
  EXPECT_EQ(launch({.words = {"/bin/sh", "-c", "kill -TERM $$"}}).status, 128 + 15);
}

TEST(Launch, TimeLimitEndsTheWholeGroup) {
  const TemporaryDirectory directory;
  const std::string output = directory.path() + "/output";
  const LaunchEnd end = launch({.words = {"/bin/sh", "-c", "sleep 1000 & echo $!; wait"},
                                .output = output,
                                .timeout_ns = 300'000'000});
  EXPECT_EQ(end.by, EndedBy::kTimeLimit);
  const std::string sleeper = read_file(output);
  // Killed, it may be left as a zombie of whoever adopts it.
  for (int tries = 0; tries < 200; ++tries) {
    const std::string state = tail_of("/proc/" + sleeper.substr(0, sleeper.size() - 1) + "/stat", 1);
    if (state.empty() || contains(state, ") Z")) {
      return;
    }
    static_cast<void>(launch({.words = {"/bin/sleep", "0.05"}}));
  }
  FAIL() << "the sleeper lives on";
}

TEST(Launch, ProgramThatIsNotThereIsAnError) {
  EXPECT_EQ(error_of([] { static_cast<void>(launch({.words = {"/nowhere/mayfly"}})); }),
            "cannot start /nowhere/mayfly: No such file or directory");
}

TEST(TailOf, HasTheLastLinesWithoutControlCharacters) {
  const TemporaryDirectory directory;
  const std::string file = directory.path() + "/console";
  write_file(file, "one\ntwo\r\n\x1b[31mthree\n\n");
  EXPECT_EQ(tail_of(file, 2), "two\n[31mthree");
  EXPECT_EQ(tail_of(file, 9), "one\ntwo\n[31mthree");
  EXPECT_EQ(tail_of(directory.path() + "/none", 2), "");
}

}  // namespace
}  // namespace mayfly::gate
