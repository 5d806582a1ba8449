// SPDX-License-Identifier: Apache-2.0
#include "vmm/vhost.hpp"

#include <cerrno>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/ioctl.h>

#include "base/error.hpp"
#include "base/event_fd.hpp"
#include "io/vhost_abi.hpp"
#include "virtio/net_header.hpp"
#include "virtio/served_vsock.hpp"
#include "virtio/spec.hpp"

namespace mayfly::vmm {
namespace {

/// How rings are read: what all devices of ours offer.
constexpr std::uint64_t kRingFeatures =
    virtio::kFeatureVersion1 | virtio::kFeatureIndirectDescriptors | virtio::kFeatureEventIndex;

template <typename Argument>
void require(const Vhost::Kind& kind, const Fd& device, unsigned long request, Argument* argument,
             const char* name) {
  if (::ioctl(device.get(), request, argument) != 0) {
    fail_errno(std::string(kind.option) + ": " + kind.path + ": " + name);
  }
}

Fd new_event(const Vhost::Kind& kind) {
  Fd event = make_event();
  if (!event) {
    fail_errno(std::string(kind.option) + ": eventfd");
  }
  return event;
}

}  // namespace

Fd Vhost::open(const Kind& kind) {
  Fd device(::open(kind.path, O_RDWR | O_CLOEXEC));
  if (device) {
    return device;
  }
  const std::string what = std::string(kind.option) + ": cannot open " + kind.path;
  if (errno == ENOENT || errno == ENODEV || errno == ENXIO) {
    throw Error(what + "; as root: modprobe " + kind.module + ", or do without");
  }
  if (errno == EACCES || errno == EPERM) {
    throw Error(what + ", which is not this user's; as root: usermod -aG kvm $USER, where its group is kvm");
  }
  fail_errno(what);
}

Vhost::Vhost(const Kind& kind, Fd device, const GuestMemory& memory, std::uint64_t required,
             std::uint64_t known)
    : device_(std::move(device)), memory_(memory), features_(0) {
  require(kind, device_, io::kVhostSetOwner, static_cast<void*>(nullptr), "VHOST_SET_OWNER");
  require(kind, device_, io::kVhostGetFeatures, &features_, "VHOST_GET_FEATURES");
  if ((features_ & required) != required) {
    throw Error(std::string(kind.option) + ": " + kind.path +
                " of this host lacks features of virtio 1.0 that mayfly's devices have; do without");
  }
  features_ &= required | known;
  show_memory(kind);
  for (std::uint32_t queue = 0; queue < kQueues; ++queue) {
    Events& events = events_[queue];
    events = {new_event(kind), new_event(kind), new_event(kind)};
    io::VhostRingFile file{.queue = queue, .file = events.interrupt.get()};
    require(kind, device_, io::kVhostSetRingCall, &file, "VHOST_SET_VRING_CALL");
    file.file = events.fault.get();
    require(kind, device_, io::kVhostSetRingError, &file, "VHOST_SET_VRING_ERR");
    file.file = events.bell.get();
    require(kind, device_, io::kVhostSetRingKick, &file, "VHOST_SET_VRING_KICK");
  }
}

void Vhost::show_memory(const Kind& kind) const {
  struct {
    io::VhostMemory head;
    std::array<io::VhostRegion, GuestMemory::kRegionsMax> regions;
  } table{};
  for (const GuestMemory::Region& region : memory_.regions()) {
    table.regions[table.head.regions++] = {.guest = region.guest.start.raw(),
                                           .bytes = region.guest.bytes,
                                           .host = reinterpret_cast<std::uintptr_t>(region.host),
                                           .padding = 0};
  }
  require(kind, device_, io::kVhostSetMemory, &table, "VHOST_SET_MEM_TABLE");
}

bool Vhost::set_up(const std::array<virtio::QueueSetup, kQueues>& queues, std::uint64_t features) noexcept {
  const std::uint64_t its = features & features_;
  if (::ioctl(device_.get(), io::kVhostSetFeatures, &its) != 0) {
    return false;
  }
  for (std::uint32_t queue = 0; queue < kQueues; ++queue) {
    const virtio::QueueSetup& setup = queues[queue];
    const auto host_address = [this](GuestAddress area) {
      const auto there = memory_.host_range({area, 1});
      return there ? reinterpret_cast<std::uintptr_t>(there->iov_base) : 0;
    };
    const io::VhostRingNumber size{.queue = queue, .number = setup.size};
    const io::VhostRingNumber base{.queue = queue, .number = 0};
    const io::VhostRingAreas areas{.queue = queue,
                                   .flags = 0,
                                   .descriptors = host_address(setup.descriptors),
                                   .device_area = host_address(setup.device_area),
                                   .driver_area = host_address(setup.driver_area),
                                   .log = 0};
    if (::ioctl(device_.get(), io::kVhostSetRingSize, &size) != 0 ||
        ::ioctl(device_.get(), io::kVhostSetRingBase, &base) != 0 ||
        ::ioctl(device_.get(), io::kVhostSetRingAreas, &areas) != 0) {
      return false;
    }
  }
  return true;
}

VhostNet::VhostNet(Fd device, const GuestMemory& memory, int tap)
    : Vhost(kNet, std::move(device), memory, kRingFeatures | virtio::kNetMergeable), tap_(tap) {}

bool VhostNet::set_backend(int tap) noexcept {
  bool good = true;
  for (std::uint32_t queue = 0; queue < kQueues; ++queue) {
    const io::VhostRingFile file{.queue = queue, .file = tap};
    good = ::ioctl(device().get(), io::kVhostNetSetBackend, &file) == 0 && good;
  }
  return good;
}

VhostVsock::VhostVsock(Fd device, const GuestMemory& memory, std::uint64_t guest_cid)
    : Vhost(kVsock, std::move(device), memory, kRingFeatures, virtio::ServedVsock::kPackets) {
  if (::ioctl(this->device().get(), io::kVhostVsockSetGuestCid, &guest_cid) != 0) {
    if (errno == EADDRINUSE) {
      throw Error("--vsock vhost: another guest of this host has the address cid=" +
                  std::to_string(guest_cid));
    }
    fail_errno("--vsock vhost: VHOST_VSOCK_SET_GUEST_CID");
  }
}

std::uint64_t VhostVsock::socket_features() const noexcept {
  // Of streams there is no word to those who know nothing else.
  return virtio::ServedVsock::kStreams | (features() & virtio::ServedVsock::kPackets);
}

bool VhostVsock::set_running(int running) noexcept {
  return ::ioctl(device().get(), io::kVhostVsockSetRunning, &running) == 0;
}

}  // namespace mayfly::vmm
