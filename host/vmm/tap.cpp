// SPDX-License-Identifier: Apache-2.0
#include "vmm/tap.hpp"

#include <cerrno>
#include <cstring>
#include <net/if.h>

#include <fcntl.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/error.hpp"
#include "base/positioned_io.hpp"

namespace mayfly::vmm {
namespace {

// TUN_F_USO4 and TUN_F_USO6 (Linux 6.2): not in the oldest headers.
constexpr unsigned long kUdpSegments = 0x20 | 0x40;
constexpr int kTapFlags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
constexpr int kHeaderBytes = 12;
// 5.1.4.1: no less is allowed.
constexpr int kMtuMin = 68;

ifreq request_for(const std::string& name) noexcept {
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  return request;
}

std::string how_to_make(const std::string& name) {
  return "; as root: ip tuntap add dev " + name + " mode tap user $USER";
}

/// What becomes of `fd`: 0, or what is wrong.
int join_as(const Fd& fd, const std::string& name, int flags) noexcept {
  ifreq request = request_for(name);
  request.ifr_flags = static_cast<short>(flags);
  return ::ioctl(fd.get(), TUNSETIFF, &request) == 0 ? 0 : errno;
}

/// The socket is for questions about interfaces.
Fd any_socket() {
  Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) {
    fail_errno("--net: cannot open a socket to ask about interfaces");
  }
  return socket;
}

/// TUNSETIFF would make a tap that is not there.
void require_there(const std::string& name) {
  ifreq request = request_for(name);
  if (::ioctl(any_socket().get(), SIOCGIFINDEX, &request) != 0) {
    throw Error("--net: the host has no interface '" + name + "'" + how_to_make(name));
  }
}

Fd join(const std::string& name, TapQueue queue) {
  Fd fd(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd) {
    fail_errno("--net: cannot open /dev/net/tun; as root: modprobe tun");
  }
  // One that was made for several queues must be joined as such, and no other can be.
  const bool is_only = queue == TapQueue::kOnly;
  int error = join_as(fd, name, is_only ? kTapFlags : kTapFlags | IFF_MULTI_QUEUE);
  if (error == EINVAL) {
    error = join_as(fd, name, is_only ? kTapFlags | IFF_MULTI_QUEUE : kTapFlags);
    if (!is_only && error != EINVAL) {
      throw Error("--net: the tap '" + name + "' has one queue; as root: ip link delete " + name +
                  " && ip tuntap add dev " + name + " mode tap multi_queue user $USER");
    }
  }
  switch (error) {
    case 0:
      return fd;
    case EINVAL:
      throw Error("--net: '" + name + "' is not a tap" + how_to_make(name));
    case EBUSY:
      throw Error("--net: the tap '" + name + "' is in use by another process");
    case EPERM:
      throw Error("--net: the tap '" + name + "' is not this user's" + how_to_make(name));
    case E2BIG:
      throw Error("--net: the tap '" + name + "' has no queue left");
    default:
      throw Error(error, "--net: cannot join the tap '" + name + "'");
  }
}

unsigned long to_tun(io::Offloads offloads) noexcept {
  return ((offloads & io::kChecksum) != 0 ? TUN_F_CSUM : 0UL) |
         ((offloads & io::kSegmentTcp4) != 0 ? TUN_F_TSO4 : 0UL) |
         ((offloads & io::kSegmentTcp6) != 0 ? TUN_F_TSO6 : 0UL) |
         ((offloads & io::kSegmentTcpEcn) != 0 ? TUN_F_TSO_ECN : 0UL) |
         ((offloads & io::kSegmentUdp) != 0 ? kUdpSegments : 0UL);
}

}  // namespace

Tap::Tap(const std::string& name, TapQueue queue) : name_(name) {
  require_there(name);
  fd_ = join(name, queue);
  set_up(queue);
}

Tap::Tap(int descriptor, TapQueue queue) : name_("descriptor " + std::to_string(descriptor)) {
  ifreq request{};
  if (::ioctl(descriptor, TUNGETIFF, &request) != 0 || (request.ifr_flags & kTapFlags) != kTapFlags) {
    throw Error("--net: descriptor " + std::to_string(descriptor) +
                " is not joined to a tap with IFF_NO_PI and IFF_VNET_HDR (TUNSETIFF)");
  }
  if (queue != TapQueue::kOnly && (request.ifr_flags & IFF_MULTI_QUEUE) == 0) {
    throw Error("--net: descriptor " + std::to_string(descriptor) + " is of a tap with one queue, '" +
                request.ifr_name + "'; join it with IFF_MULTI_QUEUE");
  }
  fd_ = Fd(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
  const int flags = ::fcntl(descriptor, F_GETFL);
  if (!fd_ || flags < 0 || ::fcntl(fd_.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
    fail_errno("--net: cannot take descriptor " + std::to_string(descriptor));
  }
  ::close(descriptor);
  name_ = request.ifr_name;
  set_up(queue);
}

bool Tap::attach(bool attached) noexcept {
  ifreq request{};
  request.ifr_flags = attached ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE;
  return ::ioctl(fd_.get(), TUNSETQUEUE, &request) == 0;
}

void Tap::set_up(TapQueue queue) {
  // EINVAL: it is so already, such as a descriptor that an earlier run has had.
  if (queue != TapQueue::kOnly && !attach(queue == TapQueue::kFirst) && errno != EINVAL) {
    fail_errno("--net: cannot attach or detach a queue of '" + name_ + "'");
  }
  const int header_bytes = kHeaderBytes;
  if (::ioctl(fd_.get(), TUNSETVNETHDRSZ, &header_bytes) != 0) {
    fail_errno("--net: TUNSETVNETHDRSZ of '" + name_ + "'");
  }
  constexpr io::Offloads kWithoutUdp = io::kAllOffloads & ~io::kSegmentUdp;
  for (const io::Offloads offloads : {io::kAllOffloads, kWithoutUdp}) {
    if (::ioctl(fd_.get(), TUNSETOFFLOAD, to_tun(offloads)) == 0) {
      offered_ = offloads;
      break;
    }
  }
  set_offloads(0);
  // A descriptor may be of another network namespace, where we cannot ask.
  ifreq request = request_for(name_);
  if (::ioctl(any_socket().get(), SIOCGIFMTU, &request) == 0 && request.ifr_mtu >= kMtuMin) {
    mtu_ = static_cast<std::uint16_t>(request.ifr_mtu);
  }
}

void Tap::set_offloads(io::Offloads accepted) noexcept {
  // Of what was accepted before it cannot refuse a part.
  (void)::ioctl(fd_.get(), TUNSETOFFLOAD, to_tun(accepted & offered_));
}

ssize_t Tap::receive(std::span<const iovec> buffers) noexcept {
  const ssize_t got = read_at(fd_.get(), buffers, kAtStream);
  return got < 0 ? -errno : got;
}

ssize_t Tap::send(std::span<const iovec> buffers) noexcept {
  const ssize_t sent = write_at(fd_.get(), buffers, kAtStream);
  return sent < 0 ? -errno : sent;
}

}  // namespace mayfly::vmm
