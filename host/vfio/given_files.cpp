// SPDX-License-Identifier: Apache-2.0
#include "vfio/given_files.hpp"

#include <filesystem>
#include <fstream>
#include <set>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/error.hpp"
#include "vfio/iommufd.hpp"

namespace mayfly::vfio {
namespace {

std::string describe(int number, const char* key) {
  return "descriptor " + std::to_string(number) + " (" + key + "=)";
}

void require_open(int number, const std::string& name) {
  if (::fcntl(number, F_GETFD) < 0) {
    throw Error(name + " is not open");
  }
}

Fd duplicate(int number) {
  Fd copy(::fcntl(number, F_DUPFD_CLOEXEC, 0));
  if (!copy) {
    fail_errno("cannot duplicate descriptor " + std::to_string(number));
  }
  return copy;
}

/// The "major:minor" of a device file; empty for any other.
std::string number_of(const Fd& file) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0 || !S_ISCHR(status.st_mode)) {
    return "";
  }
  return std::to_string(::major(status.st_rdev)) + ":" + std::to_string(::minor(status.st_rdev));
}

/// Throws Error unless `file` is the device file of that folder of /sys; `what` is that in words.
void require_node(const Fd& file, const std::string& folder, const std::string& name,
                  const std::string& what) {
  std::string wanted;
  std::ifstream(folder + "/dev") >> wanted;
  if (wanted.empty() || number_of(file) != wanted) {
    throw Error(name + " is not " + what);
  }
}

std::string character_device_folder(const HostPci& host, const PciAddress& address) {
  return host.path_of(address) + "/vfio-dev/" +
         std::filesystem::path(character_device(host, address)).filename().string();
}

}  // namespace

void require_open(BackendChoice interface, std::span<const GivenFiles> given) {
  const FileNames names = names_of(interface, given);
  require_open(given.front().space, names.space);
  for (std::size_t i = 0; i < given.size(); ++i) {
    require_open(given[i].device, names.devices[i]);
  }
}

OpenedFiles take_files(BackendChoice interface, std::span<const GivenFiles> given) {
  OpenedFiles files{interface, duplicate(given.front().space), {}};
  std::set<int> numbers{given.front().space};
  for (const GivenFiles& each : given) {
    files.devices.push_back(duplicate(each.device));
    numbers.insert(each.device);
  }
  for (const int number : numbers) {
    ::close(number);
  }
  return files;
}

FileNames names_of(BackendChoice interface, std::span<const GivenFiles> given) {
  const bool has_groups = interface == BackendChoice::kType1;
  FileNames names{describe(given.front().space, has_groups ? "container" : "iommufd"), {}};
  for (const GivenFiles& files : given) {
    names.devices.push_back(describe(files.device, has_groups ? "group" : "device"));
  }
  return names;
}

void require_files(const OpenedFiles& files, const FileNames& names, const HostPci& host,
                   std::span<const HostDevice> devices) {
  const bool has_groups = files.interface == BackendChoice::kType1;
  require_node(files.space, host.root() + "/sys/class/misc/" + (has_groups ? "vfio" : "iommu"), names.space,
               has_groups ? "VFIO's container, /dev/vfio/vfio" : "/dev/iommu");
  if (has_groups && is_compatibility_container(files.space.get())) {
    throw Error(names.space + " is iommufd's compatibility layer, which maps memory too slowly");
  }
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const std::string address = to_string(devices[i].address);
    if (has_groups) {
      const std::string group = std::to_string(devices[i].group.value());
      std::string what = "the IOMMU group of device ";
      what.append(address).append(", /dev/vfio/").append(group);
      require_node(files.devices[i], host.root() + "/sys/class/vfio/" + group, names.devices[i], what);
    } else {
      require_node(files.devices[i], character_device_folder(host, devices[i].address), names.devices[i],
                   "VFIO's character device of " + address);
    }
  }
}

}  // namespace mayfly::vfio
