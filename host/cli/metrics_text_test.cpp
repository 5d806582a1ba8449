// SPDX-License-Identifier: Apache-2.0
#include "cli/metrics_text.hpp"

#include <map>
#include <regex>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "control/control_fixture.hpp"

namespace mayfly::cli {
namespace {

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(MetricsText, HasEachNumberOfAStatus) {
  const std::string text = to_metrics({control::testing::full_status()});
  for (const char* line : {
           R"(mayfly_vm_info{id="web-1",image="/images/app.img",pages="2m",pid="77"} 1)",
           R"(mayfly_vm_state{id="web-1",state="running"} 0)",
           R"(mayfly_vm_state{id="web-1",state="paused"} 1)",
           R"(mayfly_vm_uptime_seconds{id="web-1"} 12.345678901)",
           R"(mayfly_vm_ready_seconds{id="web-1"} 0.043000000)",
           R"(mayfly_vm_cpus{id="web-1"} 2)",
           R"(mayfly_vm_memory_bytes{id="web-1"} 1073741824)",
           R"(mayfly_vm_memory_populated_bytes{id="web-1"} 209715200)",
           R"(mayfly_vm_balloon_held_bytes{id="web-1"} 536870912)",
           R"(mayfly_vm_balloon_target_bytes{id="web-1"} 268435456)",
           R"(mayfly_vm_dma_mapped_bytes{id="web-1"} 268435456)",
           R"(mayfly_vm_dma_failed{id="web-1"} 1)",
           R"(mayfly_vm_prefault_populated_bytes{id="web-1"} 1073741824)",
           R"(mayfly_vm_disks_reads_total{id="web-1"} 11)",
           R"(mayfly_vm_disks_flush_errors_total{id="web-1"} 18)",
           R"(mayfly_vm_disks_held_seconds_total{id="web-1"} 0.000000020)",
           R"(mayfly_vm_network_sent_packets_total{id="web-1"} 21)",
           R"(mayfly_vm_network_send_held_seconds_total{id="web-1"} 1.000000022)",
           R"(mayfly_vm_network_receive_holds_total{id="web-1"} 23)",
           R"(mayfly_vm_sockets_connections{id="web-1"} 2)",
           R"(mayfly_vm_sockets_bytes_to_host_total{id="web-1"} 7340032)",
           R"(mayfly_vm_exits_total{id="web-1",reason="port_out"} 7)",
           R"(mayfly_vm_exits_total{id="web-1",reason="mmio_write"} 9)",
           "# TYPE mayfly_vm_exits_total counter",
           "# TYPE mayfly_vm_disks_reads_total counter",
           "# TYPE mayfly_vm_sockets_connections gauge",
           "# HELP mayfly_vm_dma_failed 1 when no more can be mapped for devices.",
       }) {
    EXPECT_TRUE(has_line(text, line)) << line << '\n' << text;
  }
}

TEST(MetricsText, HasNothingOfWhatAVmHasNot) {
  control::Status status = control::testing::full_status();
  status.ready_ns.reset();
  status.balloon.reset();
  status.dma.reset();
  status.disks.reset();
  status.network.reset();
  const std::string text = to_metrics({status});
  for (const char* name : {"ready_seconds", "balloon", "dma", "disks", "network"}) {
    EXPECT_EQ(text.find(name), std::string::npos) << name;
  }
  EXPECT_EQ(to_metrics({}), "");
}

// As the format asks: what is of one metric stands together, after its type, which is said once.
TEST(MetricsText, SamplesOfOneMetricStandTogether) {
  control::Status other = control::testing::full_status();
  other.id = "b";
  other.balloon.reset();
  std::istringstream lines(to_metrics({other, control::testing::full_status()}));
  const std::regex sample(
      R"(([a-z_]+)\{[a-z]+="(?:[^"\\\n]|\\.)*"(?:,[a-z]+="(?:[^"\\\n]|\\.)*")*\} [0-9]+(?:\.[0-9]+)?)");
  const std::regex type("# TYPE ([a-z_]+) (counter|gauge)");
  std::set<std::string> typed;
  std::map<std::string, int> samples;
  std::string now;
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_match(line, match, type)) {
      now = match[1];
      EXPECT_TRUE(typed.insert(now).second) << line;
      EXPECT_EQ(match[2] == "counter", now.ends_with("_total")) << line;
    } else if (!line.starts_with("# HELP ")) {
      ASSERT_TRUE(std::regex_match(line, match, sample)) << line;
      EXPECT_EQ(match[1], now);
      ++samples[now];
    }
  }
  EXPECT_EQ(samples["mayfly_vm_info"], 2);
  EXPECT_EQ(samples["mayfly_vm_state"], 8);
  EXPECT_EQ(samples["mayfly_vm_balloon_held_bytes"], 1);
  EXPECT_EQ(samples["mayfly_vm_exits_total"], 4);
}

TEST(MetricsText, ALabelsValueEndsWhereItEnds) {
  control::Status status = control::testing::full_status();
  status.image = "a\"b\\c\nd";
  EXPECT_NE(to_metrics({status}).find(R"(image="a\"b\\c\nd",pages)"), std::string::npos)
      << to_metrics({status});
}

}  // namespace
}  // namespace mayfly::cli
