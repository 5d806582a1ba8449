// SPDX-License-Identifier: Apache-2.0
#include "vfio/device_watch.hpp"

#include <array>
#include <utility>

#include <sys/epoll.h>

#include "base/error.hpp"
#include "base/event_fd.hpp"

namespace mayfly::vfio {

DeviceWatch::DeviceWatch() : poll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (!poll_) {
    fail_errno("cannot watch passed-through devices");
  }
}

void DeviceWatch::add(const std::string& name, DeviceAccess& device) {
  Watched& watched = devices_.emplace_back(Watched{name, make_event(), make_event()});
  add_event(Interrupts::kRequest, watched.requested, device);
  add_event(Interrupts::kError, watched.failed, device);
}

void DeviceWatch::add_event(Interrupts kind, const Fd& event, DeviceAccess& device) {
  epoll_event wanted{};
  wanted.events = EPOLLIN;
  if (!event || ::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, event.get(), &wanted) < 0) {
    fail_errno("cannot watch passed-through devices");
  }
  (void)device.set_events(kind, 0, std::array{event.get()});
}

std::string DeviceWatch::describe() const {
  for (const Watched& device : devices_) {
    if (has_event(device.failed.get())) {
      return "device " + device.name + " has failed: the host met a PCI error that cannot be corrected; " +
             "see its kernel log";
    }
    if (has_event(device.requested.get())) {
      return "the host takes device " + device.name + " back: it is unbound from vfio-pci, or removed";
    }
  }
  return "a passed-through device is gone";
}

}  // namespace mayfly::vfio
