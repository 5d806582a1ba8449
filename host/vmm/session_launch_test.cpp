// SPDX-License-Identifier: Apache-2.0
#include "vmm/session_launch.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace mayfly::vmm {
namespace {

using protocol::LaunchField;
using protocol::LaunchRequest;
using protocol::LaunchWriter;

using Bytes = std::vector<std::byte>;
using Strings = std::vector<std::string>;

LaunchRequest parsed(const Bytes& bytes) {
  protocol::LaunchFault fault{};
  const std::optional<LaunchRequest> request = LaunchRequest::parse(bytes, fault);
  if (!request.has_value()) {
    throw std::runtime_error(std::string(describe(fault)));
  }
  return *request;
}

Strings all(const LaunchRequest& request, LaunchField field) {
  Strings values;
  request.for_each([&](const protocol::LaunchRecord& record) {
    if (record.field == field) {
      values.emplace_back(record.value);
    }
  });
  return values;
}

class Launch : public ::testing::Test {
 protected:
  Launch() {
    LaunchWriter writer(image_);
    writer.add(LaunchField::kArgument, "python3");
    writer.add(LaunchField::kArgument, "-i");
    writer.add(LaunchField::kEnvironment, "PATH=/bin");
    writer.add(LaunchField::kEnvironment, "LANG=C");
    writer.add(LaunchField::kWorkdir, "/srv");
    writer.add(LaunchField::kUser, "app");
    writer.add(LaunchField::kHostname, "guest");
  }
  [[nodiscard]] Bytes make(const std::optional<LaunchTerminal>& terminal = std::nullopt) const {
    return make_launch(config_, parsed(image_), terminal);
  }

  Bytes image_;
  RunConfig config_;
};

TEST_F(Launch, ImagesDefaultsStandWhenNothingIsAsked) { EXPECT_EQ(make(), image_); }

TEST_F(Launch, CommandReplacesTheImagesWhole) {
  config_.command = {"sh", "-c", "exit 7"};
  EXPECT_EQ(all(parsed(make()), LaunchField::kArgument), config_.command);
}

TEST_F(Launch, VariableReplacesTheOneOfItsName) {
  config_.environment = {"LANG=de", "LANGUAGE=x", "LANG=fr"};
  EXPECT_EQ(all(parsed(make()), LaunchField::kEnvironment), (Strings{"PATH=/bin", "LANGUAGE=x", "LANG=fr"}));
}

TEST_F(Launch, WorkdirAndUserReplaceTheImages) {
  config_.workdir = "/tmp";
  config_.user = "0:0";
  const Bytes bytes = make();
  EXPECT_EQ(parsed(bytes).find(LaunchField::kWorkdir), "/tmp");
  EXPECT_EQ(parsed(bytes).find(LaunchField::kUser), "0:0");
  EXPECT_EQ(parsed(bytes).find(LaunchField::kHostname), "guest");
}

TEST_F(Launch, ModulesAreInTheirOrder) {
  config_.modules = {"nvme-core multipath=0", "edu"};
  EXPECT_EQ(all(parsed(make()), LaunchField::kModule), (Strings{"nvme-core multipath=0", "edu"}));
}

TEST_F(Launch, DisksThatAreMountedAreNamedByTheirPlace) {
  config_.disks = {{.path = "a"}, {.path = "b", .is_read_only = true, .mount = "/data"}};
  EXPECT_EQ(all(parsed(make()), LaunchField::kMount), Strings{std::string("\1\1\0\0/data", 9)});
}

TEST_F(Launch, TerminalBringsItsType) {
  const Bytes bytes = make(LaunchTerminal{{24, 80}, "xterm"});
  EXPECT_EQ(parsed(bytes).terminal(), (protocol::TerminalSize{24, 80}));
  EXPECT_EQ(all(parsed(bytes), LaunchField::kEnvironment).back(), "TERM=xterm");
}

TEST_F(Launch, NamedTypeOfTerminalStays) {
  config_.environment = {"TERM=dumb"};
  const Bytes bytes = make(LaunchTerminal{{24, 80}, "xterm"});
  EXPECT_EQ(all(parsed(bytes), LaunchField::kEnvironment), (Strings{"PATH=/bin", "LANG=C", "TERM=dumb"}));
}

TEST_F(Launch, LargeCommandAndEnvironmentPass) {
  const std::string large(64U << 10U, '\xff');
  config_.command = {"echo", large};
  config_.environment = {"BIG=" + large};
  const Bytes bytes = make();
  EXPECT_EQ(all(parsed(bytes), LaunchField::kArgument).back(), large);
  EXPECT_EQ(all(parsed(bytes), LaunchField::kEnvironment).back(), "BIG=" + large);
}

TEST_F(Launch, NoCommandIsAnError) {
  Bytes empty;
  const LaunchWriter writer(empty);
  EXPECT_THROW(static_cast<void>(make_launch(config_, parsed(empty), std::nullopt)), Error);
}

TEST_F(Launch, MoreThanTheGuestTakesIsAnError) {
  config_.command = {"echo", std::string(protocol::kLaunchBytesMax, 'x')};
  EXPECT_THROW(static_cast<void>(make()), Error);
}

TEST_F(Launch, GuestWithSocketsHasAnAgent) {
  EXPECT_TRUE(all(parsed(make()), LaunchField::kAgentPort).empty());
  config_.sockets.emplace();
  const Bytes request = make();
  const Strings ports = all(parsed(request), LaunchField::kAgentPort);
  ASSERT_EQ(ports.size(), 1U);
  EXPECT_EQ(protocol::load_from<std::uint32_t>(ports.front()), protocol::kAgentListensAt);
}

TEST_F(Launch, ImageCannotHaveAnAgentMade) {
  image_.clear();
  LaunchWriter writer(image_);
  writer.add(LaunchField::kArgument, "sh");
  writer.add_fixed(LaunchField::kAgentPort, std::uint32_t{77});
  EXPECT_TRUE(all(parsed(make()), LaunchField::kAgentPort).empty());
}

TEST(ExecLaunch, SaysWhatIsGivenAndNothingElse) {
  ExecConfig config;
  config.command = {"sh", "-c", ""};
  config.environment = {"A=1", "B=2", "A=3"};
  const Bytes plain = make_exec_launch(config, std::nullopt);
  EXPECT_EQ(all(parsed(plain), LaunchField::kArgument), (Strings{"sh", "-c", ""}));
  EXPECT_EQ(all(parsed(plain), LaunchField::kEnvironment), (Strings{"B=2", "A=3"}));
  EXPECT_FALSE(parsed(plain).find(LaunchField::kWorkdir).has_value());
  EXPECT_FALSE(parsed(plain).find(LaunchField::kUser).has_value());
  EXPECT_FALSE(parsed(plain).terminal().has_value());
  config.workdir = "/w";
  config.user = "u:g";
  const Bytes full = make_exec_launch(config, LaunchTerminal{{.rows = 3, .columns = 4}, "vt100"});
  EXPECT_EQ(parsed(full).find(LaunchField::kWorkdir), "/w");
  EXPECT_EQ(parsed(full).find(LaunchField::kUser), "u:g");
  EXPECT_EQ(parsed(full).terminal(), (protocol::TerminalSize{.rows = 3, .columns = 4}));
  EXPECT_EQ(all(parsed(full), LaunchField::kEnvironment), (Strings{"B=2", "A=3", "TERM=vt100"}));
}

TEST(ExecLaunch, TermOfTheCommandLineGoesFirst) {
  ExecConfig config;
  config.command = {"sh"};
  config.environment = {"TERM=dumb"};
  const Bytes request = make_exec_launch(config, LaunchTerminal{{.rows = 3, .columns = 4}, "vt100"});
  EXPECT_EQ(all(parsed(request), LaunchField::kEnvironment), Strings{"TERM=dumb"});
}

TEST(ExecLaunch, MoreThanTheGuestTakesIsRefused) {
  ExecConfig config;
  config.command = {"echo", std::string(protocol::kLaunchBytesMax, 'x')};
  EXPECT_THROW((void)make_exec_launch(config, std::nullopt), Error);
}

}  // namespace
}  // namespace mayfly::vmm
