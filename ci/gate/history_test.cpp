// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/history.hpp"

#include "ci/gate/fixture.hpp"

namespace mayfly::gate {
namespace {

std::string refusal(const std::string& text) {
  return error_of([&] { static_cast<void>(parse_history("h.jsonl", text)); });
}

std::string line(Mode mode = Mode::kWall) {
  return to_line(entry_of(measurement_of(mode, {40'123'456, 41'000'000})));
}

TEST(History, LineComesBackInThousandths) {
  const auto history = parse_history("h.jsonl", line() + line());
  ASSERT_EQ(history.size(), 2U);
  EXPECT_EQ(history[1].metrics.at("span.exec_to_ready"), (std::vector<double>{40.123, 41}));
  EXPECT_EQ(history[1].label, "commit");
  EXPECT_TRUE(history[1].metrics.contains("kvm.exits"));
}

TEST(History, EmptyOrCutOffIsRefusedWithItsLine) {
  EXPECT_TRUE(contains(refusal(""), "h.jsonl holds no history; begin one with"));
  EXPECT_TRUE(contains(refusal("\n\n"), "holds no history"));
  EXPECT_EQ(refusal(line() + line().substr(0, 50)),
            "h.jsonl, line 2 is not JSON, or is cut off; make it anew or mend it with a JSON checker");
  EXPECT_TRUE(contains(refusal(line() + "{\"version\": 7}\n"), "h.jsonl, line 2: version is not 1"));
}

TEST(History, OnlyEntriesOfLikeHostModeAndShapeCount) {
  const Measurement now = measurement_of(Mode::kWall, {40'000'000});
  Measurement other_host = now;
  other_host.fingerprint.host["cpu"] = "B";
  Measurement other_shape = now;
  other_shape.fingerprint.guest["memory"] = "1G";
  Measurement other_kernel = now;
  other_kernel.fingerprint.guest["kernel"] = "k2";
  std::vector<HistoryEntry> history;
  for (const Measurement& each :
       {other_host, other_shape, other_kernel, measurement_of(Mode::kCounted, {40'000'000})}) {
    history.push_back(entry_of(each));
  }
  const auto alike = like(history, Mode::kWall, now.fingerprint);
  ASSERT_EQ(alike.size(), 1U);
  EXPECT_EQ(alike[0].fingerprint.guest.at("kernel"), "k2");
}

}  // namespace
}  // namespace mayfly::gate
