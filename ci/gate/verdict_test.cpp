// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/verdict.hpp"

#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace mayfly::gate {
namespace {

constexpr Levels kLevels;

// A boot of some 40 ms on a busy machine: one in ten is far off, all drift together.
class NoisyMachine {
 public:
  explicit NoisyMachine(std::uint64_t seed) : generator_(seed) {}
  double boot(double turn) {
    const double size = std::abs(normal()) * (unit() < 0.1 ? 0.2 : 0.01);
    return 40 * (1 + 0.1 * std::sin(turn / 7)) * (1 + size);
  }

 private:
  double unit() { return static_cast<double>(generator_() >> 11U) / 9007199254740992.0; }
  double normal() { return std::sqrt(-2 * std::log(1 - unit())) * std::cos(6.283185307179586 * unit()); }
  std::mt19937_64 generator_;
};

struct Tally {
  int pass = 0;
  int fail = 0;
  int unsure = 0;
};

// 200 comparisons of 20 boots each by turns, of which the new one takes `factor` times as long; 3 % are
// allowed.
Tally compare_often(double factor) {
  Tally tally;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    NoisyMachine machine(seed);
    std::vector<double> base;
    std::vector<double> now;
    for (int turn = 0; turn < 20; ++turn) {
      base.push_back(machine.boot(turn));
      now.push_back(machine.boot(turn) * factor);
    }
    const auto verdict = judge_change(base, now, Pairing::kTurns, 0.03, levels_for(Mode::kWall, 3)).verdict;
    ++(verdict == Verdict::kPass ? tally.pass : verdict == Verdict::kFail ? tally.fail : tally.unsure);
  }
  return tally;
}

TEST(JudgeChange, UnchangedBootsNeverFailOnANoisyMachine) {
  const Tally tally = compare_often(1);
  EXPECT_EQ(tally.fail, 0);
  EXPECT_GE(tally.pass, 180);
}

TEST(JudgeChange, ChangeAtTheLimitSeldomDecidesEitherWay) {
  const Tally tally = compare_often(1.03);
  EXPECT_LE(tally.fail, 2) << "1 % shared by 3 checks, of 200";
  EXPECT_LE(tally.pass, 20) << "5 % of 200, and twice that for luck";
}

TEST(JudgeChange, LargerChangeIsFound) {
  const Tally tally = compare_often(1.08);
  EXPECT_EQ(tally.pass, 0);
  EXPECT_GE(tally.fail, 180);
}

TEST(JudgeChange, FiveCountedBootsTellHalfAPercent) {
  const std::vector<double> base = {41.571, 41.569, 41.559, 41.555, 41.580};
  std::vector<double> now = {41.571, 41.561, 41.554, 41.560, 41.589};
  const Levels levels = levels_for(Mode::kCounted, 5);
  EXPECT_EQ(judge_change(base, now, Pairing::kTurns, 0.0025, levels).verdict, Verdict::kPass);
  for (double& value : now) {
    value *= 1.005;
  }
  const Judgement judgement = judge_change(base, now, Pairing::kTurns, 0.0025, levels);
  EXPECT_EQ(judgement.verdict, Verdict::kFail);
  EXPECT_NEAR(judgement.value, 0.005, 0.0005);
}

TEST(JudgeChange, OneOutlierOfSevenCountedBootsDoesNotMatter) {
  const std::vector<double> base(7, 41.5);
  std::vector<double> now(7, 41.5);
  const Levels levels = levels_for(Mode::kCounted, 1);
  now[3] = 43;
  EXPECT_EQ(judge_change(base, now, Pairing::kTurns, 0.003, levels).verdict, Verdict::kPass);
  now[5] = 43;
  EXPECT_EQ(judge_change(base, now, Pairing::kTurns, 0.003, levels).verdict, Verdict::kNotEnoughEvidence);
  now.assign(7, 41.72);
  now[0] = 41.4;
  EXPECT_EQ(judge_change(base, now, Pairing::kTurns, 0.003, levels).verdict, Verdict::kFail);
}

TEST(JudgeChange, TooFewRunsAreNotEnoughEvidenceHoweverClear) {
  const std::vector<double> base = {10, 10, 10, 10};
  const std::vector<double> now = {20, 20, 20, 20};
  for (const auto* values : {&base, &now}) {
    const Judgement judgement = judge_change(base, *values, Pairing::kTurns, 0.05, kLevels);
    EXPECT_EQ(judgement.verdict, Verdict::kNotEnoughEvidence);
    EXPECT_EQ(judgement.runs_needed, 5U);
  }
}

TEST(JudgeChange, RunsNeededShrinkTheIntervalToTheMargin) {
  // Interval of some +-10 % around 4 %, 5 % are allowed.
  std::vector<double> base(20, 100);
  std::vector<double> now;
  for (int i = 0; i < 20; ++i) {
    now.push_back(94 + i);
  }
  const Judgement judgement = judge_change(base, now, Pairing::kTurns, 0.05, kLevels);
  ASSERT_EQ(judgement.verdict, Verdict::kNotEnoughEvidence);
  const double half = std::max(judgement.high - judgement.value, judgement.value - judgement.low);
  const double margin = std::abs(judgement.value - 0.05);
  EXPECT_EQ(judgement.runs_needed,
            static_cast<std::uint64_t>(std::ceil(20 * half * half / (margin * margin))));
}

TEST(JudgeChange, ExactlyAtTheLimitNoNumberOfRunsDecides) {
  const std::vector<double> base(8, 100);
  const std::vector<double> now = {103, 107, 103, 107, 103, 107, 105, 105};
  const Judgement judgement = judge_change(base, now, Pairing::kTurns, 0.05, kLevels);
  EXPECT_EQ(judgement.verdict, Verdict::kNotEnoughEvidence);
  EXPECT_FALSE(judgement.runs_needed.has_value());
}

TEST(JudgeLimit, MedianTakesFiveRuns) {
  EXPECT_EQ(judge_limit(std::vector<double>(5, 1), 0.5, 2, kLevels).verdict, Verdict::kPass);
  EXPECT_EQ(judge_limit(std::vector<double>(5, 3), 0.5, 2, kLevels).verdict, Verdict::kFail);
  const Judgement judgement = judge_limit(std::vector<double>(4, 1), 0.5, 2, kLevels);
  EXPECT_EQ(judgement.verdict, Verdict::kNotEnoughEvidence);
  EXPECT_EQ(judgement.runs_needed, 5U);
}

TEST(JudgeLimit, EqualToTheLimitIsWithinIt) {
  EXPECT_EQ(judge_limit(std::vector<double>(5, 2), 0.5, 2, kLevels).verdict, Verdict::kPass);
}

TEST(JudgeLimit, NinetyNinthPercentileTakes299RunsToPass) {
  const Judgement judgement = judge_limit(std::vector<double>(20, 1), 0.99, 2, kLevels);
  EXPECT_EQ(judgement.verdict, Verdict::kNotEnoughEvidence);
  EXPECT_EQ(judgement.runs_needed, 299U);
  EXPECT_EQ(judge_limit(std::vector<double>(298, 1), 0.99, 2, kLevels).verdict, Verdict::kNotEnoughEvidence);
  EXPECT_EQ(judge_limit(std::vector<double>(299, 1), 0.99, 2, kLevels).verdict, Verdict::kPass);
}

TEST(JudgeLimit, SomeSlowBootsOfManyFailANinetyFifthPercentile) {
  std::vector<double> values(60, 1);
  EXPECT_EQ(judge_limit(values, 0.95, 2, kLevels).verdict, Verdict::kPass);
  std::fill_n(values.begin(), 8, 3);
  EXPECT_EQ(judge_limit(values, 0.95, 2, kLevels).verdict, Verdict::kFail);
  std::fill_n(values.begin(), 6, 1);
  const Judgement judgement = judge_limit(values, 0.95, 2, kLevels);
  EXPECT_EQ(judgement.verdict, Verdict::kNotEnoughEvidence);
  ASSERT_TRUE(judgement.runs_needed.has_value());
  EXPECT_GT(*judgement.runs_needed, 60U);
}

TEST(LevelsFor, WallModeSharesTheChanceOfAFalseFail) {
  EXPECT_DOUBLE_EQ(levels_for(Mode::kWall, 10).fail, 0.001);
  EXPECT_DOUBLE_EQ(levels_for(Mode::kCounted, 10).fail, 0.1);
}

}  // namespace
}  // namespace mayfly::gate
