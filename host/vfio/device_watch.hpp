// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/fd.hpp"
#include "vfio/device_access.hpp"

namespace mayfly::vfio {

/// Hears when the host wants a device back, or says that it has failed. One thread.
class DeviceWatch {
 public:
  /// Throws Error when there are no more descriptors; the same for add().
  DeviceWatch();

  /// Hears of one more device from now on. A host that does not tell of it is no error.
  void add(const std::string& name, DeviceAccess& device);

  /// Readable, and stays so, once a device is lost: it is to be closed then.
  [[nodiscard]] int fd() const noexcept { return poll_.get(); }
  /// What was lost and what to do: a sentence without a final stop.
  [[nodiscard]] std::string describe() const;

 private:
  struct Watched {
    std::string name;
    Fd requested;
    Fd failed;
  };

  void add_event(Interrupts kind, const Fd& event, DeviceAccess& device);

  Fd poll_;
  std::vector<Watched> devices_;
};

}  // namespace mayfly::vfio
