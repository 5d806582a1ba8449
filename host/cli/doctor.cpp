// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor.hpp"

#include <algorithm>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.hpp"

namespace mayfly::cli {
namespace {

constexpr std::size_t kTextBytesMax = 64U << 10U;

std::string_view word(Level level) noexcept {
  switch (level) {
    case Level::kOk:
      return "ok";
    case Level::kWarn:
      return "warn";
    case Level::kFail:
      return "fail";
  }
  return "";
}

std::string padded(std::string_view text, std::size_t width) {
  std::string field(text);
  field.resize(std::max(width, text.size()), ' ');
  return field;
}

}  // namespace

std::optional<std::string> HostView::text(std::string_view absolute) const {
  const Fd file(::open(path(absolute).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) {
    return std::nullopt;
  }
  std::string text(kTextBytesMax, '\0');
  std::size_t filled = 0;
  ssize_t count = 0;
  while ((count = ::read(file.get(), text.data() + filled, text.size() - filled)) > 0) {
    filled += static_cast<std::size_t>(count);
  }
  if (count < 0) {
    return std::nullopt;
  }
  text.resize(filled);
  if (text.ends_with('\n')) {
    text.pop_back();
  }
  return text;
}

bool HostView::exists(std::string_view absolute) const noexcept {
  return ::access(path(absolute).c_str(), F_OK) == 0;
}

std::size_t HostView::entries(std::string_view absolute) const {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path(absolute).c_str()), ::closedir);
  if (directory == nullptr) {
    return 0;
  }
  std::size_t count = 0;
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    count += name == "." || name == ".." ? 0U : 1U;
  }
  return count;
}

std::vector<Finding> check_host(const HostView& host) {
  const CpuFlags cpu = read_cpu_flags(host);
  std::vector<Finding> findings;
  findings.push_back(check_cpu(cpu));
  findings.push_back(check_kvm(host, cpu));
  findings.push_back(check_host_kernel(host));
  findings.push_back(check_huge_pages(host, "pages-2m", "2048kB"));
  findings.push_back(check_huge_pages(host, "pages-1g", "1048576kB"));
  findings.push_back(check_transparent_pages(host));
  findings.push_back(check_locked_memory(host));
  findings.push_back(check_passthrough(host));
  return findings;
}

std::string to_text(std::span<const Finding> findings) {
  std::string text;
  for (const Finding& finding : findings) {
    text += padded(word(finding.level), 6) + padded(finding.name, 13) + finding.what;
    if (!finding.mend.empty()) {
      text += " — " + finding.mend;
    }
    text += '\n';
  }
  return text;
}

bool can_run(std::span<const Finding> findings) noexcept {
  return std::ranges::none_of(findings, [](const Finding& finding) { return finding.level == Level::kFail; });
}

}  // namespace mayfly::cli
