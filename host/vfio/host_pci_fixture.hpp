// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "base/temporary_folder.hpp"
#include "vfio/host_pci.hpp"

namespace mayfly::vfio::testing {

/// A host's /sys and /dev as a folder, gone with the object.
class HostTree {
 public:
  HostTree() {
    std::filesystem::create_directories(root_ / "sys/bus/pci/devices");
    std::filesystem::create_directories(root_ / "sys/bus/pci/drivers");
    std::filesystem::create_directories(root_ / "dev/vfio");
  }

  [[nodiscard]] HostPci pci() const { return HostPci(root_.string()); }
  [[nodiscard]] const std::filesystem::path& root() const { return root_; }
  [[nodiscard]] std::filesystem::path device(const std::string& address) const {
    return root_ / "sys/bus/pci/devices" / address;
  }

  void write(const std::filesystem::path& relative, const std::string& text) const {
    std::filesystem::create_directories((root_ / relative).parent_path());
    std::ofstream(root_ / relative) << text;
  }
  [[nodiscard]] std::string read(const std::filesystem::path& relative) const {
    std::string text;
    std::ifstream file(root_ / relative);
    std::getline(file, text);
    return text;
  }
  /// A function; `driver` may be empty, `group` "" for none.
  void add(const std::string& address, const std::string& driver, const std::string& group,
           const std::string& class_code = "0x010802") const {
    const std::filesystem::path path = "sys/bus/pci/devices/" + address;
    write(path / "vendor", "0x1b36\n");
    write(path / "device", "0x0010\n");
    write(path / "class", class_code + "\n");
    write(path / "driver_override", "(null)\n");
    write(path / "numa_node", "-1\n");
    write(path / "reset_method", "flr bus\n");
    if (!driver.empty()) {
      std::filesystem::create_directories(root_ / "sys/bus/pci/drivers" / driver);
      std::filesystem::create_directory_symlink(root_ / "sys/bus/pci/drivers" / driver,
                                                root_ / path / "driver");
    }
    if (!group.empty()) {
      const std::filesystem::path devices = root_ / "sys/kernel/iommu_groups" / group / "devices";
      std::filesystem::create_directories(devices);
      std::filesystem::create_directory_symlink(root_ / path, devices / address);
      std::filesystem::create_directory_symlink(root_ / "sys/kernel/iommu_groups" / group,
                                                root_ / path / "iommu_group");
    }
  }

 private:
  mayfly::testing::TemporaryFolder folder_;
  std::filesystem::path root_ = folder_.path();
};

}  // namespace mayfly::vfio::testing
