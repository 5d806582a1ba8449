// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <exception>

#include "ci/gate/commands.hpp"
#include "ci/gate/launcher.hpp"

int main(int argc, char** argv) {
  using mayfly::gate::ExitStatus;
  try {
    mayfly::gate::catch_interrupts();
    return static_cast<int>(mayfly::gate::run_command(mayfly::gate::parse_command_line(argc, argv)));
  } catch (const std::exception& error) {
    static_cast<void>(std::fprintf(stderr, "mayfly-gate: %s\n", error.what()));
    return static_cast<int>(ExitStatus::kOwnFailure);
  }
}
