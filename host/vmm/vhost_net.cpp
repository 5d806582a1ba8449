// SPDX-License-Identifier: Apache-2.0
#include "vmm/vhost_net.hpp"

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "base/error.hpp"
#include "io/vhost_abi.hpp"
#include "virtio/net_header.hpp"
#include "virtio/spec.hpp"

namespace mayfly::vmm {
namespace {

constexpr const char* kDevice = "/dev/vhost-net";
/// What is the server's of that which a driver negotiates: all that says how rings and headers are read.
constexpr std::uint64_t kItsFeatures = virtio::kFeatureVersion1 | virtio::kFeatureIndirectDescriptors |
                                       virtio::kFeatureEventIndex | virtio::kNetMergeable;
/// No backend: the server stands still.
constexpr int kNone = -1;

template <typename Argument>
void require(const Fd& device, unsigned long request, Argument* argument, const char* name) {
  if (::ioctl(device.get(), request, argument) != 0) {
    fail_errno(std::string("--net: ") + kDevice + ": " + name);
  }
}

Fd new_event() {
  Fd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event) {
    fail_errno("--net: eventfd");
  }
  return event;
}

void show_memory(const Fd& device, const GuestMemory& memory) {
  struct {
    io::VhostMemory head;
    std::array<io::VhostRegion, GuestMemory::kRegionsMax> regions;
  } table{};
  for (const GuestMemory::Region& region : memory.regions()) {
    table.regions[table.head.regions++] = {.guest = region.guest.start.raw(),
                                           .bytes = region.guest.bytes,
                                           .host = reinterpret_cast<std::uintptr_t>(region.host),
                                           .padding = 0};
  }
  require(device, io::kVhostSetMemory, &table, "VHOST_SET_MEM_TABLE");
}

}  // namespace

Fd VhostNet::open() {
  Fd device(::open(kDevice, O_RDWR | O_CLOEXEC));
  if (device) {
    return device;
  }
  const std::string what = std::string("--net: vhost=on: cannot open ") + kDevice;
  if (errno == ENOENT || errno == ENODEV || errno == ENXIO) {
    throw Error(what + "; as root: modprobe vhost_net, or leave vhost=on out");
  }
  if (errno == EACCES || errno == EPERM) {
    throw Error(what +
                ": it is not this user's; as root: usermod -aG kvm $USER, where its group is kvm, or leave "
                "vhost=on out");
  }
  fail_errno(what);
}

VhostNet::VhostNet(Fd device, const GuestMemory& memory, int tap)
    : device_(std::move(device)), memory_(memory), tap_(tap) {
  std::uint64_t offered = 0;
  require(device_, io::kVhostSetOwner, static_cast<void*>(nullptr), "VHOST_SET_OWNER");
  require(device_, io::kVhostGetFeatures, &offered, "VHOST_GET_FEATURES");
  if ((offered & kItsFeatures) != kItsFeatures) {
    throw Error(
        std::string("--net: vhost=on: ") + kDevice +
        " of this host does not know virtio 1.0 with indirect descriptors, event indices and mergeable "
        "buffers; leave vhost=on out");
  }
  show_memory(device_, memory);
  for (std::uint32_t queue = 0; queue < kQueues; ++queue) {
    Events& events = events_[queue];
    events = {new_event(), new_event(), new_event()};
    io::VhostRingFile file{.queue = queue, .file = events.interrupt.get()};
    require(device_, io::kVhostSetRingCall, &file, "VHOST_SET_VRING_CALL");
    file.file = events.fault.get();
    require(device_, io::kVhostSetRingError, &file, "VHOST_SET_VRING_ERR");
    file.file = events.bell.get();
    require(device_, io::kVhostSetRingKick, &file, "VHOST_SET_VRING_KICK");
  }
}

bool VhostNet::set_up(const std::array<virtio::QueueSetup, kQueues>& queues,
                      std::uint64_t features) noexcept {
  const std::uint64_t its = features & kItsFeatures;
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

bool VhostNet::run() noexcept { return set_backend(tap_); }

void VhostNet::stop() noexcept { (void)set_backend(kNone); }

bool VhostNet::set_backend(int tap) noexcept {
  bool good = true;
  for (std::uint32_t queue = 0; queue < kQueues; ++queue) {
    const io::VhostRingFile file{.queue = queue, .file = tap};
    good = ::ioctl(device_.get(), io::kVhostNetSetBackend, &file) == 0 && good;
  }
  return good;
}

}  // namespace mayfly::vmm
