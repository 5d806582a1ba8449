// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor_command.hpp"

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/temporary_folder.hpp"

namespace mayfly::cli {
namespace {

std::string refusal(const DoctorCommand& command) {
  try {
    static_cast<void>(run_doctor(command));
    return "done";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(DoctorCommand, RecordedHostIsJudgedAsTheHostItself) {
  const mayfly::testing::TemporaryFolder folder;
  const std::string file = folder.path() / "host.json";
  for (const DoctorForm form : {DoctorForm::kText, DoctorForm::kJson}) {
    const Diagnosis here = run_doctor({.form = form, .record = file});
    const Diagnosis there = run_doctor({.form = form, .host = file});
    EXPECT_EQ(here.text, there.text);
    EXPECT_EQ(here.run_works, there.run_works);
    EXPECT_EQ(here.text.starts_with("{"), form == DoctorForm::kJson);
  }
}

TEST(DoctorCommand, FilesThatCannotBeUsedAreOneSentence) {
  const mayfly::testing::TemporaryFolder folder;
  const std::string file = folder.path() / "host.json";
  EXPECT_EQ(refusal({.host = file}), "cannot read recording " + file + ": No such file or directory");
  EXPECT_EQ(refusal({.host = folder.path()}),
            "cannot read recording " + folder.path().string() + ": Is a directory");
  std::ofstream(file) << "nonsense";
  EXPECT_EQ(refusal({.host = file}), file + " is not a recording of a host: it is no JSON, or cut off");
  EXPECT_EQ(
      refusal({.record = folder.path() / "no" / "where"}),
      "cannot write recording " + (folder.path() / "no" / "where").string() + ": No such file or directory");
  EXPECT_NE(refusal({.host = "/dev/zero"}).find("it has over 1048576 bytes"), std::string::npos);
}

}  // namespace
}  // namespace mayfly::cli
