// SPDX-License-Identifier: Apache-2.0
#include "vmm/outcome.hpp"

#include <cerrno>
#include <set>

#include <gtest/gtest.h>

namespace mayfly::vmm {
namespace {

TEST(Outcome, ExitStatusFollowsTheConvention) {
  struct Row {
    OutcomeKind kind;
    std::uint32_t value;
    int status;
  };
  const Row table[] = {{OutcomeKind::kReady, 9, 0},
                       {OutcomeKind::kExited, 0, 0},
                       {OutcomeKind::kExited, 7, 7},
                       {OutcomeKind::kExited, 255, 255},
                       {OutcomeKind::kSignaled, 9, 137},
                       {OutcomeKind::kSignaled, 15, 143},
                       {OutcomeKind::kExecFailed, ENOENT, 127},
                       {OutcomeKind::kExecFailed, ENOTDIR, 127},
                       {OutcomeKind::kExecFailed, EACCES, 126},
                       {OutcomeKind::kExecFailed, ENOEXEC, 126},
                       {OutcomeKind::kSetupFailed, EINVAL, 125},
                       {OutcomeKind::kTimeout, 0, 124},
                       {OutcomeKind::kPoweroff, 0, 125},
                       {OutcomeKind::kReboot, 0, 125},
                       {OutcomeKind::kPanic, 0, 125},
                       {OutcomeKind::kTripleFault, 0, 125},
                       {OutcomeKind::kKilled, 2, 130},
                       {OutcomeKind::kProtocolViolation, 0, 125},
                       {OutcomeKind::kOutputLost, ENOSPC, 125},
                       {OutcomeKind::kDmaMapFailed, 0, 125},
                       {OutcomeKind::kDeviceLost, 0, 125},
                       {OutcomeKind::kInternalError, 17, 125}};
  for (const Row& row : table) {
    EXPECT_EQ(exit_status({row.kind, row.value, {}}), row.status) << name(row.kind) << ' ' << row.value;
  }
}

TEST(Outcome, EachWayDownIsDistinct) {
  std::set<std::string> sentences;
  std::set<std::string_view> names;
  for (const DownReason reason : {DownReason::kPoweroff, DownReason::kReboot, DownReason::kPanic,
                                  DownReason::kTripleFault, DownReason::kDmaMap, DownReason::kInternal}) {
    const Outcome outcome = outcome_of(reason, 9);
    sentences.insert(outcome.sentence);
    names.insert(name(outcome.kind));
    EXPECT_EQ(exit_status(outcome), 125);
  }
  EXPECT_EQ(sentences.size(), 6U);
  EXPECT_EQ(names.size(), 6U);
}

}  // namespace
}  // namespace mayfly::vmm
