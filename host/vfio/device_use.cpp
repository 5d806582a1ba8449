// SPDX-License-Identifier: Apache-2.0
#include "vfio/device_use.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

#include "base/text_file.hpp"

namespace mayfly::vfio {
namespace {

namespace fs = std::filesystem;

constexpr int kDepthMax = 12;
constexpr unsigned long kInterfaceUp = 1;  // IFF_UP

std::string class_of(const fs::path& folder) {
  std::error_code error;
  return fs::read_symlink(folder / "subsystem", error).filename().string();
}

/// All folders below `top` that stand for a device of the class, links not followed.
std::vector<fs::path> devices_below(const fs::path& top, std::string_view of_class) {
  std::vector<fs::path> found;
  std::error_code error;
  const fs::path real = fs::canonical(top, error);
  if (error) {
    return found;
  }
  for (fs::recursive_directory_iterator entry(real, fs::directory_options::skip_permission_denied, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    std::error_code unknown;
    if (!entry->is_symlink(unknown) && entry->is_directory(unknown) && class_of(entry->path()) == of_class) {
      found.push_back(entry->path());
    }
    if (entry.depth() >= kDepthMax) {
      entry.disable_recursion_pending();
    }
  }
  return found;
}

/// Where the disks of a function are: below it, and for NVMe with several paths below its subsystem.
std::vector<fs::path> disks_of(const HostPci& host, const fs::path& device) {
  std::vector<fs::path> disks = devices_below(device, "block");
  std::error_code error;
  for (const fs::path& controller : devices_below(device, "nvme")) {
    for (fs::directory_iterator entry(host.root() + "/sys/class/nvme-subsystem", error);
         !error && entry != fs::directory_iterator(); entry.increment(error)) {
      if (fs::exists(entry->path() / controller.filename())) {
        const std::vector<fs::path> more = devices_below(entry->path(), "block");
        disks.insert(disks.end(), more.begin(), more.end());
      }
    }
  }
  return disks;
}

/// Where the disk with that "major:minor" is mounted (proc_pid_mountinfo(5)); empty when nowhere.
std::string mount_of(const HostPci& host, const std::string& number) {
  std::ifstream mounts(host.root() + "/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string id;
    std::string parent;
    std::string device;
    std::string top;
    std::string place;
    if (words >> id >> parent >> device >> top >> place && device == number) {
      return place;
    }
  }
  return "";
}

bool is_swap(const HostPci& host, const std::string& name) {
  const std::string path = "/dev/" + name;
  std::ifstream swaps(host.root() + "/proc/swaps");
  for (std::string line; std::getline(swaps, line);) {
    if (std::string swap; std::istringstream(line) >> swap && swap == path) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::vector<std::string> uses_of(const HostPci& host, const PciAddress& address) {
  std::vector<std::string> uses;
  const fs::path device = host.path_of(address);
  for (const fs::path& disk : disks_of(host, device)) {
    const std::string name = disk.filename().string();
    const auto note = [&](std::string_view how, const std::string& where) {
      std::string use = name;
      uses.push_back(std::move(use.append(how).append(where)));
    };
    std::error_code error;
    if (const std::string place = mount_of(host, first_line_of(disk / "dev")); !place.empty()) {
      note(" is mounted on ", place);
    } else if (is_swap(host, name)) {
      note(" is swap", "");
    } else if (const fs::directory_iterator holder(disk / "holders", error);
               !error && holder != fs::directory_iterator()) {
      note(" is part of ", holder->path().filename().string());
    }
  }
  for (const fs::path& interface : devices_below(device, "net")) {
    if ((std::strtoul(first_line_of(interface / "flags").c_str(), nullptr, 16) & kInterfaceUp) != 0) {
      std::string use = "network interface ";
      uses.push_back(std::move(use.append(interface.filename().string()).append(" is up")));
    }
  }
  return uses;
}

}  // namespace mayfly::vfio
