// SPDX-License-Identifier: Apache-2.0
#include "kvm/stats.hpp"

#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>

#include <sys/ioctl.h>

#include "base/checked.hpp"
#include "base/positioned_io.hpp"
#include "kvm/abi.hpp"

namespace mayfly::kvm {
namespace {

/// False when the file ends early or cannot be read; statistics are then left out.
bool read_fully(const Fd& fd, std::uint64_t offset, std::span<std::byte> out) {
  return read_at(fd.get(), out, offset) == static_cast<ssize_t>(out.size());
}

template <typename T>
T load(const std::byte* at) {
  T value{};
  std::memcpy(&value, at, sizeof(value));
  return value;
}

bool is_single_value(const kvm_stats_desc& descriptor) {
  const std::uint32_t type = descriptor.flags & KVM_STATS_TYPE_MASK;
  return descriptor.size == 1 && type <= KVM_STATS_TYPE_PEAK;
}

struct Statistic {
  std::string name;
  std::uint64_t offset;
};

/// The single values that a statistics file has, and where in it.
std::vector<Statistic> single_values(const Fd& fd) {
  std::vector<Statistic> found;
  std::vector<std::byte> head_bytes(sizeof(kvm_stats_header));
  if (!fd || !read_fully(fd, 0, head_bytes)) {
    return found;
  }
  const auto head = load<kvm_stats_header>(head_bytes.data());
  const std::size_t stride = sizeof(kvm_stats_desc) + head.name_size;
  std::vector<std::byte> descriptors(stride * head.num_desc);
  if (!read_fully(fd, head.desc_offset, descriptors)) {
    return found;
  }
  for (std::size_t at = 0; at < descriptors.size(); at += stride) {
    const auto descriptor = load<kvm_stats_desc>(descriptors.data() + at);
    if (is_single_value(descriptor)) {
      // Safe: KVM ends the name with a NUL within name_size.
      const char* name = reinterpret_cast<const char*>(descriptors.data() + at + sizeof(kvm_stats_desc));
      found.push_back({std::string(name, ::strnlen(name, head.name_size)),
                       std::uint64_t{head.data_offset} + descriptor.offset});
    }
  }
  return found;
}

std::optional<std::uint64_t> value_at(const Fd& fd, std::uint64_t offset) noexcept {
  std::array<std::byte, sizeof(std::uint64_t)> value{};
  return read_fully(fd, offset, value) ? std::optional(load<std::uint64_t>(value.data())) : std::nullopt;
}

}  // namespace

std::vector<std::pair<std::string, std::uint64_t>> read_stats(int vm_or_vcpu_fd) {
  std::vector<std::pair<std::string, std::uint64_t>> stats;
  const Fd fd(::ioctl(vm_or_vcpu_fd, KVM_GET_STATS_FD, nullptr));
  for (Statistic& each : single_values(fd)) {
    if (const auto value = value_at(fd, each.offset)) {
      stats.emplace_back(std::move(each.name), *value);
    }
  }
  return stats;
}

MappedBytes::MappedBytes(int vm_fd) : fd_(::ioctl(vm_fd, KVM_GET_STATS_FD, nullptr)) {
  constexpr std::pair<std::string_view, std::uint64_t> kCounters[] = {
      {"pages_4k", 4 * kKiB}, {"pages_2m", 2 * kMiB}, {"pages_1g", kGiB}};
  for (const Statistic& each : single_values(fd_)) {
    for (const auto& [name, bytes] : kCounters) {
      if (each.name == name) {
        counters_.push_back({each.offset, bytes});
      }
    }
  }
}

std::optional<std::uint64_t> MappedBytes::read() const noexcept {
  std::uint64_t bytes = 0;
  for (const Counter& counter : counters_) {
    const auto pages = value_at(fd_, counter.offset);
    if (!pages.has_value()) {
      return std::nullopt;
    }
    bytes += *pages * counter.page_bytes;
  }
  return counters_.empty() ? std::nullopt : std::optional(bytes);
}

VcpuExits::VcpuExits(int vcpu_fd) : fd_(::ioctl(vcpu_fd, KVM_GET_STATS_FD, nullptr)) {
  for (const Statistic& each : single_values(fd_)) {
    if (each.name == "exits") {
      offset_ = each.offset;
    }
  }
}

std::optional<std::uint64_t> VcpuExits::read() const noexcept {
  return offset_.has_value() ? value_at(fd_, *offset_) : std::nullopt;
}

}  // namespace mayfly::kvm
