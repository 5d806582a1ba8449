// SPDX-License-Identifier: Apache-2.0
#include "broker/client.hpp"

#include <iterator>
#include <utility>

#include "base/error.hpp"

namespace mayfly::broker {

Lease take_devices(const std::string& path, std::span<const vfio::PciAddress> addresses,
                   const MemoryWanted& memory, const lease::Wait& wait) {
  if (addresses.size() > kDevicesMax) {
    throw Error("a broker gives a guest at most " + std::to_string(kDevicesMax) + " devices");
  }
  const WireRequest request = to_wire(Request(addresses, memory));
  lease::Asked asked =
      lease::ask(path, kServer, std::as_bytes(std::span(&request, 1)), sizeof(WireAnswer), kFilesMax, wait);
  const auto answer = parse_answer(asked.answer.bytes);
  if (!answer.has_value()) {
    throw_refusal(path, kServer, "it says " + std::string(describe(answer.error())));
  }
  if (!answer->refusal.empty()) {
    throw_refusal(path, kServer, answer->refusal);
  }
  std::vector<Fd>& files = asked.answer.files;
  const std::size_t of_memory = answer->pages.has_value() ? 1 : 0;
  if (files.size() != 1 + addresses.size() + of_memory) {
    throw_refusal(path, kServer,
                  "it gave " + std::to_string(files.size()) + " descriptors for " +
                      std::to_string(addresses.size()) + " devices" + (of_memory > 0 ? " and memory" : ""));
  }
  Lease lease{std::move(asked.connection), {}, {}};
  if (answer->pages.has_value()) {
    lease.memory = KeptMemory{std::move(files.back()), *answer->pages};
    files.pop_back();
  }
  lease.files.interface = answer->interface;
  lease.files.ioas = answer->ioas;
  lease.files.space = std::move(files.front());
  lease.files.devices.assign(std::make_move_iterator(files.begin() + 1),
                             std::make_move_iterator(files.end()));
  return lease;
}

}  // namespace mayfly::broker
