// SPDX-License-Identifier: Apache-2.0
#include "exits/trace_events.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/temporary_folder.hpp"

namespace mayfly::exits {
namespace {

class TraceEvents : public ::testing::Test {
 protected:
  std::filesystem::path tracing() const { return root_.path() / "sys/kernel/tracing"; }

  // An event with its fields from offset 8 on, 4 bytes each.
  void put(const EventShape& shape, unsigned id) const {
    const std::filesystem::path folder = tracing() / "events/kvm" / shape.name;
    std::filesystem::create_directories(folder);
    std::ofstream format(folder / "format");
    format << "name: " << shape.name << "\nID: " << id << "\nformat:\n";
    unsigned offset = 8;
    for (const std::string_view field : shape.fields) {
      format << "\tfield:u32 " << field << ";\toffset:" << offset << ";\tsize:4;\tsigned:0;\n";
      offset += 4;
    }
  }
  void put_all() const {
    unsigned id = 500;
    for (const EventShape& shape : kEventShapes) {
      put(shape, id++);
    }
  }
  std::string refusal() const {
    try {
      static_cast<void>(read_events(root_.path()));
      return "";
    } catch (const Error& error) {
      return error.what();
    }
  }

  mayfly::testing::TemporaryFolder root_;
};

TEST_F(TraceEvents, AllAreReadWithTheirFields) {
  put_all();
  const std::vector<TraceEvent> events = read_events(root_.path());
  ASSERT_EQ(events.size(), kEventShapes.size());
  EXPECT_EQ(events[0].kind, EventKind::kExit);
  EXPECT_EQ(events[0].id, 500);
  EXPECT_EQ(events[0].fields, (std::array<TraceField, 3>{{{8, 4}, {12, 4}, {16, 4}}}));
  EXPECT_EQ(events[7].kind, EventKind::kMsi);
  EXPECT_EQ(events[7].fields, (std::array<TraceField, 3>{{{8, 4}, {}, {}}}));
}

TEST_F(TraceEvents, TracefsBelowDebugfsIsFound) {
  put_all();
  std::filesystem::create_directories(root_.path() / "sys/kernel/debug");
  std::filesystem::rename(tracing(), root_.path() / "sys/kernel/debug/tracing");
  EXPECT_EQ(read_events(root_.path()).size(), kEventShapes.size());
}

TEST_F(TraceEvents, WhatIsMissingIsNamedWithItsMend) {
  EXPECT_EQ(refusal(), "this kernel has no trace events (CONFIG_FTRACE), of which exits are counted");
  std::filesystem::create_directories(tracing());
  EXPECT_NE(refusal().find("mount -t tracefs"), std::string::npos) << refusal();
  std::filesystem::create_directories(tracing() / "events");
  EXPECT_NE(refusal().find("modprobe kvm_intel"), std::string::npos) << refusal();
  put_all();
  std::filesystem::remove(tracing() / "events/kvm/kvm_msr/format");
  EXPECT_NE(refusal().find("kvm_msr/format: No such file"), std::string::npos) << refusal();
}

TEST_F(TraceEvents, ForeignFormatsAreRefused) {
  put_all();
  put({EventKind::kPio, "kvm_pio", {"port", "direction"}}, 9);
  EXPECT_NE(refusal().find("kvm_pio has no field rw"), std::string::npos) << refusal();
  std::ofstream(tracing() / "events/kvm/kvm_exit/format") << "nonsense";
  EXPECT_NE(refusal().find("kvm_exit/format describes no trace event"), std::string::npos) << refusal();
}

}  // namespace
}  // namespace mayfly::exits
