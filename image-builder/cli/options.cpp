// SPDX-License-Identifier: Apache-2.0
#include "image-builder/cli/options.hpp"

#include <iostream>
#include <map>
#include <vector>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "guest-init/protocol/launch.hpp"
#include "image-builder/io/file_io.hpp"

namespace mayfly::image {
namespace {

constexpr const char* kFooter =
    "Exit status: 0 done; 1 the input or image is wrong; 2 the command line is; 125 this machine is\n"
    "(output not writable, disk full, no init).";

using protocol::LaunchField;

// The launch options of `build` as they were typed.
struct LaunchOptions {
  std::vector<std::string> entrypoint;
  std::vector<std::string> command;
  std::vector<std::string> environment;
  std::string workdir;
  std::string user;
  std::string hostname;
};

// build/bin/mayfly-image finds build/lib/mayfly/mayfly-init, and so does an installed one.
std::string default_init() {
  std::vector<char> path(4096);
  const ssize_t bytes = ::readlink("/proc/self/exe", path.data(), path.size());
  const std::string program(path.data(), bytes < 0 ? 0 : static_cast<std::size_t>(bytes));
  return parent_directory(program) + "/../lib/mayfly/mayfly-init";
}

std::vector<std::byte> encode_launch(const LaunchOptions& options) {
  std::vector<std::byte> bytes;
  protocol::LaunchWriter writer(bytes);
  for (const std::string& argument : options.entrypoint.empty() ? options.command : options.entrypoint) {
    writer.add(LaunchField::kArgument, argument);
  }
  for (const std::string& variable : options.environment) {
    writer.add(LaunchField::kEnvironment, variable);
  }
  const auto add = [&](LaunchField field, const std::string& value) {
    if (!value.empty()) {
      writer.add(field, value);
    }
  };
  add(LaunchField::kWorkdir, options.workdir);
  add(LaunchField::kUser, options.user);
  add(LaunchField::kHostname, options.hostname);
  return bytes;
}

std::string check_environment(const std::string& variable) {
  const std::size_t equals = variable.find('=');
  return equals == 0 || equals == std::string::npos ? "--env takes NAME=VALUE, not \"" + variable + "\""
                                                    : std::string();
}

std::string check_workdir(const std::string& path) {
  return path.starts_with('/') ? std::string() : "--workdir takes an absolute path, not \"" + path + "\"";
}

std::string check_hostname(const std::string& name) {
  return name.empty() || name.size() > 64 ? "--hostname takes 1 to 64 bytes" : std::string();
}

std::string check_user(const std::string& user) {
  return user.empty() ? "--user takes a name or number, not nothing" : std::string();
}

void add_build(CLI::App& app, BuildRequest& request, LaunchOptions& launch) {
  CLI::App* const build = app.add_subcommand("build", "Make an image from a directory or a tar archive");
  const auto text = [&](const char* name, std::string& value, const char* help, const char* type) {
    return build->add_option(name, value, help)->type_name(type);
  };
  const auto list = [&](const char* name, std::vector<std::string>& values, const char* help,
                        const char* type) {
    return build->add_option(name, values, help)->type_name(type)->expected(1)->take_all();
  };
  text("--from", request.from, "Directory, or tar archive (plain, gzip, bzip2, xz, zstd)", "DIR|TAR")
      ->required();
  text("--output,-o", request.output, "Image to write; one that is there is replaced", "FILE")->required();
  const std::map<std::string, FileSystem> file_systems = {{"erofs", FileSystem::kErofs},
                                                          {"ext4", FileSystem::kExt4}};
  build->add_option("--fs", request.file_system, "File system: erofs (default) or ext4")
      ->transform(CLI::Transformer(file_systems))
      ->check(CLI::IsMember({FileSystem::kErofs, FileSystem::kExt4}).description(""))
      ->type_name("FS");
  CLI::Option* const entrypoint =
      list("--entrypoint", launch.entrypoint,
           "Word of the default command, repeated for each; --entrypoint=-x for one that begins with a dash",
           "ARG");
  list("--env", launch.environment, "Environment of the command, repeated", "NAME=VALUE")
      ->check(check_environment);
  text("--workdir", launch.workdir, "Directory the command starts in", "DIR")->check(check_workdir);
  text("--user", launch.user, "User the command runs as: name, name:group, uid or uid:gid", "USER")
      ->check(check_user);
  text("--hostname", launch.hostname, "Host name of the guest", "NAME")->check(check_hostname);
  text("--init", request.init, "Guest's init (default: mayfly-init of this installation)", "FILE");
  build->add_flag_callback(
      "--quiet,-q", [&request] { request.progress = ProgressMode::kQuiet; }, "Do not show progress");
  build->add_option("command", launch.command, "Default command, after --")
      ->type_name("CMD ARG")
      ->excludes(entrypoint);
  build->footer(kFooter);
}

void add_inspect(CLI::App& app, InspectRequest& request) {
  CLI::App* const inspect = app.add_subcommand("inspect", "Print what an image holds");
  inspect->add_option("image", request.image, "Image")->required()->type_name("FILE");
  inspect->add_flag_callback(
      "--json", [&request] { request.form = OutputForm::kJson; }, "Print one JSON object");
  inspect->footer(kFooter);
}

void add_verify(CLI::App& app, VerifyRequest& request) {
  CLI::App* const verify = app.add_subcommand("verify", "Compare an image with its digests");
  verify->add_option("image", request.image, "Image")->required()->type_name("FILE");
  verify->add_flag_callback(
      "--quiet,-q", [&request] { request.progress = ProgressMode::kQuiet; }, "Do not show progress");
  verify->footer(kFooter);
}

Printed refuse_usage(const std::string& sentence) {
  std::cerr << "mayfly-image: " << sentence << "; see mayfly-image --help\n";
  return {ExitStatus::kUsage};
}

Command finish_build(BuildRequest request, const LaunchOptions& launch) {
  request.launch = encode_launch(launch);
  protocol::LaunchFault fault{};
  if (!protocol::LaunchRequest::parse(request.launch, fault).has_value()) {
    return refuse_usage(std::string(protocol::describe(fault)));
  }
  if (request.init.empty()) {
    request.init = default_init();
  }
  return request;
}

}  // namespace

Command parse_command_line(int argc, char** argv) {
  CLI::App app(
      "Builds, shows and checks Mayfly images: a root file system with its launch defaults in one file.",
      "mayfly-image");
  BuildRequest build;
  LaunchOptions launch;
  InspectRequest inspect;
  VerifyRequest verify;
  app.set_version_flag("--version", std::string("mayfly-image ") + MAYFLY_VERSION);
  app.require_subcommand(1);
  app.footer(kFooter);
  app.failure_message([](const CLI::App*, const CLI::Error& error) { return std::string(error.what()); });
  add_build(app, build, launch);
  add_inspect(app, inspect);
  add_verify(app, verify);
  for (CLI::App* const subcommand : app.get_subcommands({})) {
    subcommand->set_version_flag("--version", std::string("mayfly-image ") + MAYFLY_VERSION);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    app.exit(success);
    return Printed{ExitStatus::kOk};
  } catch (const CLI::ParseError& error) {
    return refuse_usage(error.what());
  }
  if (app.got_subcommand("build")) {
    return finish_build(std::move(build), launch);
  }
  if (app.got_subcommand("inspect")) {
    return inspect;
  }
  return verify;
}

}  // namespace mayfly::image
