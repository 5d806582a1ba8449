// SPDX-License-Identifier: Apache-2.0
#include "cli/disk_option.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "cli/quantity.hpp"
#include "cli/rate_option.hpp"
#include "cli/refuse.hpp"
#include "virtio/blk_request.hpp"

namespace mayfly::cli {
namespace {

bool is_serial(std::string_view text) noexcept {
  return !text.empty() && text.size() <= virtio::kBlkIdBytes &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

void set_disk_setting(vmm::DiskDevice& disk, std::string_view text, std::string_view key,
                      std::string_view value) {
  if (key == "serial") {
    if (!is_serial(value)) {
      refuse("--disk", text,
             "serial is what the guest knows the disk by, up to 20 letters and signs of ASCII");
    }
    disk.serial = value;
  } else if (key == "mount") {
    if (!value.starts_with('/') || value.size() > protocol::kMountPathMax) {
      refuse("--disk", text, "mount is an absolute path of the guest, such as /data");
    }
    disk.mount = value;
  } else if (key == "fs") {
    if (value != "ext4" && value != "erofs") {
      refuse("--disk", text, "fs is ext4 or erofs");
    }
    disk.file_system = value == "ext4" ? protocol::FileSystem::kExt4 : protocol::FileSystem::kErofs;
  } else if (key == "rate") {
    disk.limits.bytes = check_rate("--disk", text, key, value, RateOf::kBytes);
  } else if (key == "iops") {
    disk.limits.operations = check_rate("--disk", text, key, value, RateOf::kThings);
  } else {
    refuse("--disk", text,
           "after the file there may be readonly, direct, serial=NAME, mount=PATH and fs=ext4|erofs, "
           "rate=BYTES and iops=N");
  }
}

void set_part(vmm::DiskDevice& disk, std::string_view text, std::string_view part) {
  if (part == "readonly") {
    disk.is_read_only = true;
  } else if (part == "direct") {
    disk.is_direct = true;
  } else {
    const auto [key, value] = take_setting(part);
    set_disk_setting(disk, text, key, value);
  }
}

vmm::DiskDevice check_disk(std::string_view text) {
  vmm::DiskDevice disk;
  std::string_view rest = text;
  disk.path = take_part(rest);
  if (disk.path.empty()) {
    refuse("--disk", text, "write the path of a file or a block device, such as data.img");
  }
  while (!rest.empty()) {
    set_part(disk, text, take_part(rest));
  }
  if (disk.mount.empty() && disk.file_system != protocol::FileSystem::kExt4) {
    refuse("--disk", text, "fs= needs mount=");
  }
  return disk;
}

}  // namespace

std::vector<vmm::DiskDevice> check_disks(const std::vector<std::string>& texts) {
  std::vector<vmm::DiskDevice> disks;
  for (const std::string& text : texts) {
    vmm::DiskDevice disk = check_disk(text);
    for (const vmm::DiskDevice& other : disks) {
      if (other.path == disk.path && !(other.is_read_only && disk.is_read_only)) {
        refuse("--disk", text, "another --disk has this file; only where none writes it may several");
      }
      if (!disk.mount.empty() && other.mount == disk.mount) {
        refuse("--disk", text, "another --disk is mounted there");
      }
      if (!disk.serial.empty() && other.serial == disk.serial) {
        refuse("--disk", text, "another --disk has this serial");
      }
    }
    disks.push_back(std::move(disk));
    if (disks.size() > vmm::kDisksMax) {
      refuse("--disk", text, "a guest has at most " + std::to_string(vmm::kDisksMax) + " disks");
    }
  }
  return disks;
}

}  // namespace mayfly::cli
