// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/fingerprint.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/hex.hpp"
#include "image-builder/format/sha256.hpp"

namespace mayfly::gate {
namespace {

constexpr const char* kUnknown = "unknown";
constexpr std::size_t kDigestDigits = 16;  // of 64: enough to tell two builds apart

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line.empty() ? kUnknown : line;
}

// The value of the first line of /proc/cpuinfo that begins with `key`.
std::string cpuinfo(const std::string& root, const std::string& key) {
  std::ifstream file(root + "/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with(key) && colon != std::string::npos) {
      return line.substr(colon + 2);
    }
  }
  return kUnknown;
}

// The word in brackets of a file such as "always [madvise] never".
std::string chosen(const std::string& path) {
  const std::string line = first_line(path);
  const std::size_t begin = line.find('[');
  const std::size_t end = line.find(']');
  return begin == std::string::npos || end == std::string::npos ? line
                                                                : line.substr(begin + 1, end - begin - 1);
}

std::string digest_of(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    fail_errno("cannot read " + path);
  }
  image::Sha256 hash;
  std::array<std::byte, 1 << 17> piece{};
  ssize_t bytes = 0;
  while ((bytes = ::read(fd.get(), piece.data(), piece.size())) > 0) {
    hash.update(std::span(piece).first(static_cast<std::size_t>(bytes)));
  }
  if (bytes < 0) {
    fail_errno("cannot read " + path);
  }
  return to_hex(hash.finish()).substr(0, kDigestDigits);
}

std::string joined(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) {
    line += (line.empty() ? "" : " ") + word;
  }
  return line;
}

// Takes `--name VALUE` or `--name=VALUE` out of the options.
std::string take_option(std::vector<std::string>& options, const std::string& name,
                        const std::string& otherwise) {
  std::string value = otherwise;
  for (std::size_t i = 0; i < options.size();) {
    const auto at = options.begin() + static_cast<std::ptrdiff_t>(i);
    if (options[i] == name && i + 1 < options.size()) {
      value = options[i + 1];
      options.erase(at, at + 2);
    } else if (options[i].starts_with(name + "=")) {
      value = options[i].substr(name.size() + 1);
      options.erase(at);
    } else {
      ++i;
    }
  }
  return value;
}

}  // namespace

std::map<std::string, std::string> host_facts(const std::string& root) {
  const std::string cpu0 = root + "/sys/devices/system/cpu";
  const std::string mm = root + "/sys/kernel/mm/";
  return {{"cpu", cpuinfo(root, "model name")},
          {"microcode", cpuinfo(root, "microcode")},
          {"kernel", first_line(root + "/proc/sys/kernel/osrelease")},
          {"cpus_online", first_line(cpu0 + "/online")},
          {"governor", first_line(cpu0 + "/cpu0/cpufreq/scaling_governor")},
          {"thp", chosen(mm + "transparent_hugepage/enabled")},
          {"thp_shmem", chosen(mm + "transparent_hugepage/shmem_enabled")},
          {"hugepages_2m", first_line(mm + "hugepages/hugepages-2048kB/nr_hugepages")},
          {"hugepages_1g", first_line(mm + "hugepages/hugepages-1048576kB/nr_hugepages")}};
}

std::map<std::string, std::string> guest_facts(const Variant& variant) {
  std::map<std::string, std::string> facts;
  const auto add_file = [&](const std::string& name, const std::string& path) {
    facts[name] = digest_of(path);
    std::error_code error;
    facts[name + "_bytes"] = std::to_string(std::filesystem::file_size(path, error));
  };
  add_file("mayfly", variant.mayfly);
  add_file("kernel", variant.kernel);
  add_file("image", variant.image);
  // Beside a kernel that guest-kernel-config/build has in its cache lies the configuration it came from.
  const std::string config = (std::filesystem::path(variant.kernel).parent_path() / "config").string();
  if (::access(config.c_str(), R_OK) == 0) {
    facts["kernel_config"] = digest_of(config);
  }
  std::vector<std::string> options = variant.options;
  facts["memory"] = take_option(options, "--memory", "512M");
  facts["cpus"] = take_option(options, "--cpus", "1");
  facts["pages_option"] = take_option(options, "--pages", "auto");
  facts["options"] = joined(options);
  facts["command"] = joined(variant.command);
  return facts;
}

std::vector<Difference> differences(const Fingerprint& base, const Fingerprint& now) {
  std::vector<Difference> result;
  const auto compare = [&](const std::string& prefix, const auto& one, const auto& other) {
    std::set<std::string> keys;
    for (const auto& [key, value] : one) {
      keys.insert(key);
    }
    for (const auto& [key, value] : other) {
      keys.insert(key);
    }
    for (const std::string& key : keys) {
      const auto value = [&](const auto& facts) {
        return facts.contains(key) ? facts.at(key) : std::string();
      };
      if (value(one) != value(other)) {
        result.push_back({prefix + key, value(one), value(other)});
      }
    }
  };
  compare("host.", base.host, now.host);
  compare("guest.", base.guest, now.guest);
  return result;
}

std::vector<Difference> unlike(const std::vector<Difference>& differences,
                               const std::set<std::string>& accepted) {
  constexpr std::array<std::string_view, 3> kShape = {"guest.memory", "guest.cpus", "guest.command"};
  std::vector<Difference> result;
  for (const Difference& difference : differences) {
    const bool forbids =
        difference.key.starts_with("host.") || std::ranges::find(kShape, difference.key) != kShape.end();
    if (forbids && !accepted.contains(difference.key)) {
      result.push_back(difference);
    }
  }
  return result;
}

}  // namespace mayfly::gate
