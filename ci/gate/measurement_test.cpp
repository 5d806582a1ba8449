// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/measurement.hpp"

#include "ci/gate/fixture.hpp"

namespace mayfly::gate {
namespace {

std::string refusal(const std::string& text) {
  return error_of([&] { static_cast<void>(parse_measurement("m.json", text)); });
}

TEST(Measurement, ComesBackAsItWasWritten) {
  Measurement measurement = measurement_of(Mode::kCounted, {40'000'000, 41'000'000});
  measurement.label = "quote \" and <tag>";
  const std::string text = to_text(measurement);
  const Measurement read = parse_measurement("m.json", text);
  EXPECT_EQ(read.label, measurement.label);
  EXPECT_EQ(read.samples.size(), 2U);
  EXPECT_EQ(to_text(read), text);
}

TEST(Measurement, CutOffAnywhereIsRefused) {
  const std::string text = to_text(measurement_of(Mode::kWall, {40'000'000}));
  for (std::size_t length = 0; length + 2 < text.size(); ++length) {
    EXPECT_NE(refusal(text.substr(0, length)), "") << length;
  }
}

TEST(Measurement, WrongFieldsAreNamed) {
  const std::string text = to_text(measurement_of(Mode::kWall, {40'000'000}));
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string other = text;
    other.replace(other.find(from), from.size(), to);
    return refusal(other);
  };
  EXPECT_EQ(changed("\"wall\"", "\"clock\""), "m.json: mode is neither \"wall\" nor \"counted\"");
  EXPECT_TRUE(contains(changed("\"resident_bytes\":41943040", "\"resident_bytes\":-1"),
                       "m.json: samples[0].resident_bytes is negative"));
  EXPECT_TRUE(
      contains(changed("\"run\":0,", "\"run\":0,\"more\":1,"), "samples[0].more is no key that is known"));
  EXPECT_TRUE(
      contains(changed("[96,97,98]", "[97,96]"), "the guest of samples[0] wrote its marks out of order"));
  EXPECT_TRUE(contains(changed("\"session\"", "\"sessio\""), "m.json: session is missing"));
}

TEST(Measurement, WithoutSamplesIsRefused) {
  EXPECT_EQ(refusal(to_text(measurement_of(Mode::kWall, {}))),
            "m.json: samples is empty; measure at least one boot");
}

}  // namespace
}  // namespace mayfly::gate
