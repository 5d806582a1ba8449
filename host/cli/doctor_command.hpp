// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace mayfly::cli {

enum class DoctorForm : std::uint8_t { kText, kJson };

/// `mayfly doctor`.
struct DoctorCommand {
  DoctorForm form = DoctorForm::kText;
  std::string host{};    ///< File of the recorded host to judge; empty: this one.
  std::string record{};  ///< File that this host is recorded in; empty: none.
};

/// What doctor has to say.
struct Diagnosis {
  std::string text;
  bool run_works;
};

/// Records or reads what is asked for, and judges it. Throws Error when a file cannot be read or written, or
/// is no recording.
[[nodiscard]] Diagnosis run_doctor(const DoctorCommand& command);

}  // namespace mayfly::cli
