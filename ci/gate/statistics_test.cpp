// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/statistics.hpp"

#include <gtest/gtest.h>

namespace mayfly::gate {
namespace {

TEST(Quantile, LiesBetweenNeighbours) {
  EXPECT_DOUBLE_EQ(quantile({4, 1, 3, 2}, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(quantile({10, 20, 30, 40, 50}, 0.95), 48);
  EXPECT_DOUBLE_EQ(quantile({3, 1, 2}, 0), 1);
  EXPECT_DOUBLE_EQ(quantile({3, 1, 2}, 1), 3);
  EXPECT_DOUBLE_EQ(quantile({7}, 0.99), 7);
}

// Values of R's pbinom().
TEST(Binomial, TailsAreThoseOfTables) {
  EXPECT_NEAR(binomial_at_most(3, 10, 0.5), 0.171875, 1e-12);
  EXPECT_NEAR(binomial_at_most(0, 299, 0.01), 0.04953625, 1e-7);
  EXPECT_NEAR(binomial_at_most(2, 20, 0.05), 0.9245163, 1e-7);
  EXPECT_NEAR(binomial_at_least(8, 10, 0.5), 0.0546875, 1e-12);
  EXPECT_DOUBLE_EQ(binomial_at_least(0, 10, 0.5), 1);
  EXPECT_NEAR(binomial_at_most(10, 10, 0.5), 1, 1e-12);
}

TEST(RelativeChange, ByTurnsWhatBothFeelDoesNotCount) {
  // The machine gets slower and slower; in each turn the new one takes 1 % more.
  const std::vector<double> base = {100, 120, 140, 160, 180};
  const std::vector<double> now = {101, 121.2, 141.4, 161.6, 181.8};
  EXPECT_NEAR(relative_change(base, now, Pairing::kTurns), 0.01, 1e-12);
  const std::vector<double> changes = bootstrap_changes(base, now, Pairing::kTurns);
  EXPECT_NEAR(changes.front(), 0.01, 1e-12);
  EXPECT_NEAR(changes.back(), 0.01, 1e-12);
  EXPECT_GT(bootstrap_changes(base, now, Pairing::kApart).back(), 0.2);
}

TEST(RelativeChange, OfNothingIsNoneAndFromNothingIsLarge) {
  const std::vector<double> none = {0, 0, 0};
  const std::vector<double> some = {3, 3, 3};
  EXPECT_EQ(relative_change(none, none, Pairing::kApart), 0);
  EXPECT_GT(relative_change(none, some, Pairing::kApart), 1000);
}

TEST(Bootstrap, IsTheSameOnEveryMachine) {
  const std::vector<double> values = {5, 1, 4, 2, 3, 9, 8, 7, 6, 10, 11};
  const std::vector<double> medians = bootstrap_quantiles(values, 0.5);
  EXPECT_EQ(medians, bootstrap_quantiles(values, 0.5));
  // Written down from std::mt19937_64, which the standard defines to the bit.
  EXPECT_DOUBLE_EQ(quantile(medians, 0.1), 4);
  EXPECT_DOUBLE_EQ(quantile(medians, 0.5), 6);
  EXPECT_DOUBLE_EQ(quantile(medians, 0.9), 8);
}

}  // namespace
}  // namespace mayfly::gate
