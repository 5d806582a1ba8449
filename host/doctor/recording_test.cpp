// SPDX-License-Identifier: Apache-2.0
#include "doctor/recording.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace mayfly::doctor {
namespace {

std::string refusal(std::string_view json) {
  try {
    static_cast<void>(parse_recording("host.json", json));
    return "taken";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(Recording, IsReadBackAsWritten) {
  Recording recording;
  recording.files["/proc/a"] = "one\ntwo \"three\" \\ \t";
  recording.folders["/sys/b"] = {"1", "x"};
  recording.folders["/sys/empty"] = {};
  recording.answers["open"] = -13;
  recording.cpuid[0x40000000] = {1, 2, 3, 0xffffffff};
  EXPECT_EQ(parse_recording("host.json", to_json(recording)), recording);
  EXPECT_EQ(recording.text("/proc/a"), "one\ntwo \"three\" \\ \t");
  EXPECT_EQ(recording.text("/proc/b"), std::nullopt);
  EXPECT_EQ(recording.names("/sys/b").size(), 2U);
  EXPECT_TRUE(recording.names("/sys/c").empty());
  EXPECT_EQ(recording.answer("open"), -13);
}

TEST(Recording, BytesThatAreNoTextAreWrittenAsJsonAllTheSame) {
  Recording recording;
  recording.files["/sys/a"] = "\xff\xfe";
  EXPECT_EQ(parse_recording("host.json", to_json(recording)).files.size(), 1U);
}

TEST(Recording, WhatIsNoneIsRefusedInOneSentence) {
  const std::string begin = "host.json is not a recording of a host: ";
  EXPECT_EQ(refusal(""), begin + "it is no JSON, or cut off");
  EXPECT_EQ(refusal("{\"mayfly_host\": 1, "), begin + "it is no JSON, or cut off");
  EXPECT_EQ(refusal("[]"), begin + "it does not begin with \"mayfly_host\"");
  EXPECT_EQ(refusal("{}"), begin + "it does not begin with \"mayfly_host\"");
  EXPECT_EQ(refusal(R"({"mayfly_host": 2})"), begin + "this mayfly reads \"mayfly_host\": 1 only");
  EXPECT_EQ(refusal(R"({"mayfly_host": 1, "files": []})"), begin + "\"files\" is no object");
  EXPECT_EQ(refusal(std::string(kRecordingBytesMax + 1, ' ')), begin + "it has over 1048576 bytes");
  EXPECT_EQ(refusal(R"({"mayfly_host": 1})"), "taken");
}

TEST(Recording, ValuesOfTheWrongKindAreNamed) {
  for (const char* part :
       {R"("files": {"/a": 1})", R"("folders": {"/a": "b"})", R"("folders": {"/a": [1]})",
        R"("answers": {"/a": "0"})", R"("answers": {"/a": 0.5})", R"("cpuid": {"/a": [1, 2, 3, 4]})",
        R"("cpuid": {"0x/a": [1, 2, 3, 4]})", R"("cpuid": {"0x1/a": [1, 2, 3, 4]})"}) {
    EXPECT_NE(refusal("{\"mayfly_host\": 1, " + std::string(part) + "}")
                  .find("has a value of the wrong kind at \""),
              std::string::npos)
        << part;
  }
  for (const char* registers :
       {"[1, 2, 3]", "[1, 2, 3, -4]", "[1, 2, 3, 4294967296]", "[1, 2, 3, \"4\"]", "4"}) {
    EXPECT_EQ(refusal("{\"mayfly_host\": 1, \"cpuid\": {\"0x1\": " + std::string(registers) + "}}"),
              "host.json is not a recording of a host: \"cpuid\" has a value of the wrong kind at \"0x1\"");
  }
}

TEST(Recording, DepthCostsNothing) {
  EXPECT_EQ(refusal(std::string(500000, '[')),
            "host.json is not a recording of a host: it is no JSON, or cut off");
  EXPECT_NE(refusal("{\"mayfly_host\": 1, \"files\": {\"/a\": " + std::string(100000, '[') +
                    std::string(100000, ']') + "}}")
                .find("wrong kind"),
            std::string::npos);
}

}  // namespace
}  // namespace mayfly::doctor
