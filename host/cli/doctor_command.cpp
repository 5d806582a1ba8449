// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor_command.hpp"

#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/text_file.hpp"
#include "doctor/advise.hpp"
#include "doctor/record_host.hpp"

namespace mayfly::cli {
namespace {

std::string read_recording(const std::string& path) {
  std::optional<std::string> text = read_text_file(path, doctor::kRecordingBytesMax);
  if (!text.has_value()) {
    fail_errno("cannot read recording " + path);
  }
  return *std::move(text);
}

void write_recording(const std::string& path, const std::string& text) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!file) {
    fail_errno("cannot write recording " + path);
  }
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t bytes = ::write(file.get(), text.data() + done, text.size() - done);
    if (bytes < 0 && errno != EINTR) {
      fail_errno("cannot write recording " + path);
    }
    done += bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
  }
}

}  // namespace

Diagnosis run_doctor(const DoctorCommand& command) {
  const doctor::Recording recording =
      command.host.empty() ? doctor::record_host("")
                           : doctor::parse_recording(command.host, read_recording(command.host));
  if (!command.record.empty()) {
    write_recording(command.record, doctor::to_json(recording));
  }
  const std::vector<doctor::Finding> findings = doctor::advise(doctor::read_capabilities(recording));
  return {command.form == DoctorForm::kJson ? doctor::to_json(findings) : doctor::to_text(findings),
          doctor::can_run(findings)};
}

}  // namespace mayfly::cli
