// SPDX-License-Identifier: Apache-2.0
#include "cli/control_command.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "cli/control_text.hpp"
#include "control/control_fixture.hpp"

namespace mayfly::cli {
namespace {

std::string refusal(ControlVerb verb, const ControlOptions& options) {
  try {
    (void)check_control_options(verb, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(ControlCommand, TakesAnId) {
  for (const ControlVerb verb : {ControlVerb::kStatus, ControlVerb::kStop, ControlVerb::kKill,
                                 ControlVerb::kWait, ControlVerb::kPause, ControlVerb::kResume}) {
    EXPECT_EQ(check_control_options(verb, {.words = {"web-1"}}).id, "web-1");
    EXPECT_EQ(refusal(verb, {}), "no VM given; name one by its id, which mayfly ps lists");
    EXPECT_EQ(refusal(verb, {.words = {"a", "b"}}), "unknown argument 'b'");
    EXPECT_NE(refusal(verb, {.words = {"a/b"}}).find("'a/b' is no id of a VM"), std::string::npos);
  }
}

TEST(ControlCommand, PsAndGcTakeNone) {
  for (const ControlVerb verb : {ControlVerb::kPs, ControlVerb::kGc}) {
    EXPECT_EQ(refusal(verb, {}), "");
    EXPECT_EQ(refusal(verb, {.words = {"a"}}), "unknown argument 'a'");
  }
}

TEST(ControlCommand, MetricsTakesAnyNumberOfIds) {
  EXPECT_TRUE(check_control_options(ControlVerb::kMetrics, {}).ids.empty());
  EXPECT_EQ(check_control_options(ControlVerb::kMetrics, {.words = {"a", "b", "c"}}).ids,
            (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_NE(refusal(ControlVerb::kMetrics, {.words = {"a", "b/c"}}).find("'b/c' is no id of a VM"),
            std::string::npos);
}

TEST(ControlCommand, BalloonTakesASize) {
  EXPECT_EQ(check_control_options(ControlVerb::kBalloon, {.words = {"a", "64M"}}).bytes, 64U << 20U);
  EXPECT_EQ(check_control_options(ControlVerb::kBalloon, {.words = {"a", "0"}}).bytes, 0U);
  EXPECT_EQ(refusal(ControlVerb::kBalloon, {.words = {"a"}}),
            "no size given; write one after the id, such as 256M");
  EXPECT_NE(refusal(ControlVerb::kBalloon, {.words = {"a", "-1"}}).find("'-1' is not a size"),
            std::string::npos);
}

TEST(ControlCommand, StopTakesATime) {
  EXPECT_EQ(check_control_options(ControlVerb::kStop, {.words = {"a"}}).timeout_ns, 10'000'000'000U);
  EXPECT_EQ(check_control_options(ControlVerb::kStop, {.words = {"a"}, .timeout = "2m"}).timeout_ns,
            120'000'000'000U);
  EXPECT_EQ(check_control_options(ControlVerb::kStop, {.words = {"a"}, .timeout = "4000000h"}).timeout_ns,
            31'536'000'000'000'000U);
  EXPECT_NE(refusal(ControlVerb::kStop, {.words = {"a"}, .timeout = "soon"}).find("--timeout 'soon'"),
            std::string::npos);
}

/// As an ordinary VM says it.
control::Status some_status() {
  control::Status status = control::testing::full_status();
  status.state = control::State::kRunning;
  status.balloon.reset();
  status.dma.reset();
  status.prefault.reset();
  status.network.reset();
  status.disks.reset();
  status.sockets.reset();
  status.devices.clear();
  return status;
}

TEST(ControlText, StatusHasALineForEachProperty) {
  EXPECT_EQ(to_text(some_status()),
            "id        web-1\n"
            "state     running, ready after 0.043 s\n"
            "uptime    12.3 s\n"
            "pid       77\n"
            "image     /images/app.img\n"
            "cpus      2\n"
            "memory    1024 MiB of 2m pages, 200 MiB populated\n"
            "exits     port_out 7, mmio_write 9\n");
}

TEST(ControlText, StatusOfAVmWithAllOfItSaysSo) {
  control::Status status = some_status();
  status.ready_ns.reset();
  status.state = control::State::kStarting;
  status.balloon = control::BalloonStatus{.held_bytes = 512ULL << 20U, .target_bytes = 256ULL << 20U};
  status.prefault = control::PrefaultStatus{.populated_bytes = 1ULL << 30U, .mapped_bytes = 1ULL << 20U};
  status.dma = control::DmaStatus{.ram_bytes = 1ULL << 30U,
                                  .populated_bytes = 768ULL << 20U,
                                  .mapped_bytes = 256ULL << 20U,
                                  .held_bytes = 128ULL << 20U};
  status.disks = control::DisksStatus{.reads = 7,
                                      .read_bytes = 3ULL << 20U,
                                      .read_errors = 1,
                                      .writes = 9,
                                      .written_bytes = 5ULL << 20U,
                                      .write_errors = 2,
                                      .flushes = 4,
                                      .flush_errors = 4};
  status.network = control::NetworkStatus{.sent_packets = 5,
                                          .sent_bytes = 2ULL << 20U,
                                          .sent_dropped = 1,
                                          .send_holds = 3,
                                          .send_held_ns = 1'500'000'000,
                                          .received_packets = 6,
                                          .received_bytes = 4ULL << 20U};
  status.sockets = control::SocketsStatus{
      .connections = 2, .opened = 5, .bytes_to_guest = 3ULL << 20U, .bytes_to_host = 7ULL << 20U};
  status.devices = {"0000:01:00.0", "0000:02:00.0"};
  const std::string text = to_text(status);
  for (const char* line : {"state     starting, not ready yet\n", "balloon   512 MiB held, target 256 MiB\n",
                           "dma       256 of 1024 MiB mapped (25 %), 768 MiB populated, 128 MiB held\n",
                           "prefault  1024 MiB populated, 1 MiB mapped before the guest ran\n",
                           "disks     7 reads of 3 MiB, 9 writes of 5 MiB, 4 flushes, 7 failed\n",
                           "network   sent 5 packets of 2 MiB, 3 waits for the limit of 1.5 s in all; "
                           "received 6 of 4 MiB; 1 dropped\n",
                           "sockets   2 open, 5 in all, 3 MiB to the guest, 7 MiB to the host\n",
                           "devices   0000:01:00.0 0000:02:00.0\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
  status.dma->mapped_bytes = status.dma->ram_bytes;
  EXPECT_NE(to_text(status).find("(100 %), 768 MiB populated, 128 MiB held; finished\n"), std::string::npos);
  status.dma->failure = "no memory";
  EXPECT_NE(to_text(status).find("held; failed: no memory\n"), std::string::npos);
}

TEST(ControlText, TableHasAlignedColumns) {
  control::Status other = some_status();
  other.id = "b";
  other.devices = {"0000:01:00.0"};
  EXPECT_EQ(to_table({some_status(), other}),
            "ID     PID  STATE    CPUS  MEMORY  UPTIME  IMAGE            DEVICES\n"
            "web-1  77   running  2     1024M   12.3 s  /images/app.img  -\n"
            "b      77   running  2     1024M   12.3 s  /images/app.img  0000:01:00.0\n");
}

TEST(ControlText, NoControlCharacterReachesTheTerminal) {
  control::Status status = some_status();
  status.image = "a\x1b[2Jb\n";
  EXPECT_NE(to_text(status).find("image     a?[2Jb?\n"), std::string::npos);
  EXPECT_NE(to_table({status}).find("a?[2Jb?"), std::string::npos);
}

}  // namespace
}  // namespace mayfly::cli
