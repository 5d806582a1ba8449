// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/sample.hpp"

#include "ci/gate/fixture.hpp"
#include "ci/gate/metrics.hpp"

namespace mayfly::gate {
namespace {

constexpr const char* kTimeline = R"({
  "version": 1, "outcome": "exited", "exit_status": 0, "clock": "CLOCK_MONOTONIC", "exec_ns": 5,
  "phases": [{"name": "options", "begin_ns": 0, "end_ns": 2000000}],
  "marks": [{"code": 96, "name": "init_started", "at_ns": 3}, {"code": 97, "name": "ready", "at_ns": 4}],
  "marks_dropped": 0, "exits": {"port_in": 7, "mmio_read": 3}, "kvm": {"exits": 20},
  "memory": {"pages": "2m", "bytes_populated": 2097152}, "spans": {"exec_to_ready_ns": 40000000},
  "a_field_of_tomorrow": [1]})";

TEST(Timeline, IsReadByNameAndWithoutAListOfNames) {
  const Sample sample = parse_timeline("t", parse_json("t", kTimeline));
  EXPECT_EQ(sample.spans_ns.at("exec_to_ready"), 40'000'000U);
  EXPECT_EQ(sample.phases.front().name, "options");
  EXPECT_EQ(sample.exits.at("port_in"), 7U);
  EXPECT_EQ(sample.pages, "2m");
  EXPECT_EQ(fault_of(sample), std::nullopt);
}

Sample with_phases(const std::string& phases) {
  std::string text = kTimeline;
  text.replace(text.find(R"([{"name": "opt)"), 0, "[" + phases + "], \"was\": ");
  return parse_timeline("t", parse_json("t", text));
}

TEST(Timeline, GivesTheExitsOfTheBootAlone) {
  const auto exits = [](const std::string& phases) { return with_phases(phases).exits; };
  const std::string kernel =
      R"({"name": "guest_kernel", "begin_ns": 2, "end_ns": 3, "exits": {"port_in": 2, "mmio_read": 3}})";
  const std::string init = R"({"name": "guest_init", "begin_ns": 3, "end_ns": 4, "exits": {"port_in": 1}})";
  const std::string work = R"({"name": "workload", "begin_ns": 4, "end_ns": 5, "exits": {"port_in": 4}})";
  const std::map<std::string, std::uint64_t> of_boot{{"port_in", 3}, {"mmio_read", 3}};
  EXPECT_EQ(exits(kernel + "," + init + "," + work), of_boot);
  // Half a boot is none.
  EXPECT_EQ(exits(kernel + "," + work).at("port_in"), 7U);
}

TEST(Timeline, GivesTheExitsOfAllKindsOfTheBootAloneWhereItTells) {
  const auto exits = [](const std::string& of_kernel, const std::string& of_init) {
    return with_phases(R"({"name": "guest_kernel", "begin_ns": 2, "end_ns": 3, "exits": {"port_in": 2})" +
                       of_kernel +
                       R"(}, {"name": "guest_init", "begin_ns": 3, "end_ns": 4, "exits": {"port_in": 1})" +
                       of_init + "}")
        .kvm.at("exits");
  };
  EXPECT_EQ(exits(R"(, "kvm_exits": 8)", R"(, "kvm_exits": 4)"), 12U);
  EXPECT_EQ(exits(R"(, "kvm_exits": 8)", ""), 20U);
  EXPECT_EQ(exits("", R"(, "kvm_exits": 4)"), 20U);
}

TEST(Timeline, OfAnotherFormIsRefused) {
  const auto refusal = [](const std::string& from, const std::string& to) {
    std::string text = kTimeline;
    text.replace(text.find(from), from.size(), to);
    return error_of([&] { static_cast<void>(parse_timeline("t", parse_json("t", text))); });
  };
  EXPECT_TRUE(contains(refusal("\"version\": 1", "\"version\": 2"), "t: version is not 1"));
  EXPECT_TRUE(contains(refusal("\"end_ns\": 2000000", "\"end_ns\": -2"), "phases.end_ns is negative"));
  EXPECT_TRUE(contains(refusal("\"begin_ns\": 0", "\"begin_ns\": 3000000"), "end_ns lies before begin_ns"));
  EXPECT_TRUE(contains(refusal("\"port_in\": 7", "\"port_in\": 7.5"), "exits.port_in is not a whole number"));
  EXPECT_TRUE(contains(refusal("\"spans\"", "\"spons\""), "t: spans is missing"));
}

TEST(Fault, OfGuestsThatLieIsNamed) {
  const auto fault = [](const auto& change) {
    Sample sample = boot_of(40'000'000);
    change(sample);
    return fault_of(sample).value_or("");
  };
  EXPECT_EQ(fault([](Sample&) {}), "");
  EXPECT_EQ(fault([](Sample& s) {
              s.marks = {0x61, 0x60};
            }),
            "wrote its marks out of order: 0x61 before 0x60");
  EXPECT_EQ(fault([](Sample& s) { s.marks = {0x60}; }), "never wrote the mark 0x61 (ready) to port 0x80");
  EXPECT_TRUE(
      contains(fault([](Sample& s) { s.marks_dropped = 4997; }), "flooded port 0x80 with 5000 marks"));
  EXPECT_EQ(fault([](Sample& s) { s.spans_ns.erase("exec_to_ready"); }),
            "has no span from exec to ready in its timeline");
  EXPECT_EQ(fault([](Sample& s) { s.outcome = "timeout"; }), "ended as 'timeout' with exit status 0");
  EXPECT_EQ(fault([](Sample& s) { s.exit_status = 3; }), "ended as 'exited' with exit status 3");
  // Marks of the kernel between are nothing to complain about.
  EXPECT_EQ(fault([](Sample& s) { s.marks = {0x41, 0x42, 0x60, 0x80, 0x61, 0x60}; }), "");
}

TEST(Metrics, HaveUnitsAndLeaveOutWhatABootLacks) {
  std::vector<Sample> samples = {boot_of(40'000'000), boot_of(50'000'000)};
  samples[1].spans_ns.erase("init_to_ready");
  samples[1].exits["port_in"] = 4;
  const Metrics metrics = metrics_of(samples);
  EXPECT_EQ(metrics.at("span.exec_to_ready"), (std::vector<double>{40, 50}));
  EXPECT_FALSE(metrics.contains("span.init_to_ready"));
  EXPECT_EQ(metrics.at("exits.port_in"), (std::vector<double>{0, 4}));
  EXPECT_EQ(metrics.at("exits.total"), (std::vector<double>{1100, 1104}));
  EXPECT_EQ(metrics.at("phase.guest_kernel"), (std::vector<double>{32.5, 42.5}));
  EXPECT_EQ(metrics.at("memory.resident"), (std::vector<double>{40, 40}));
  EXPECT_EQ(unit_of("span.x", Mode::kWall), "ms");
  EXPECT_EQ(unit_of("phase.x", Mode::kCounted), "Minsn");
  EXPECT_EQ(unit_of("exits.x", Mode::kCounted), "");
}

}  // namespace
}  // namespace mayfly::gate
