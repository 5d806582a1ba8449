// SPDX-License-Identifier: Apache-2.0
// When the threads of a machine begin, hold still and end.
#include <chrono>
#include <cstddef>

#include "vmm/machine.hpp"

namespace mayfly::vmm {

/// A vCPU that waits for the map, or is paused, is not kept waiting.
void Machine::end_waits() noexcept {
  if (passthrough_ != nullptr) {
    passthrough_->request_stop();
  }
  if (lazy_memory_ != nullptr) {
    lazy_memory_->request_stop();
  }
  gate_.open();
}

void Machine::start() {
  if (passthrough_ != nullptr) {
    passthrough_->guest_starts();
  }
  timeline_.mark(boot::Milestone::kFirstEntry);
  for (const auto& vcpu : vcpus_) {
    vcpu->start();
  }
}

void Machine::start_devices() {
  if (io_ != nullptr) {
    io_->start();
  }
  for (const auto& thread : queue_threads_) {
    thread->start();
  }
  for (const auto& workers : disk_workers_) {
    workers->start();
  }
}

void Machine::interrupt_device_threads() noexcept {
  if (io_ != nullptr) {
    io_->interrupt();
  }
  for (const auto& thread : queue_threads_) {
    thread->interrupt();
  }
  for (const auto& workers : disk_workers_) {
    workers->interrupt();
  }
}

void Machine::stop_device_threads() noexcept {
  if (io_ != nullptr) {
    io_->stop();
  }
  for (const auto& thread : queue_threads_) {
    thread->stop();
  }
  for (const auto& workers : disk_workers_) {
    workers->stop();
  }
}

std::size_t Machine::device_threads() const noexcept {
  std::size_t count = (io_ == nullptr ? 0U : 1U) + queue_threads_.size();
  for (const auto& workers : disk_workers_) {
    count += workers->count();
  }
  return count;
}

bool Machine::pause() noexcept {
  constexpr std::chrono::seconds kPatience{5};
  gate_.close();
  for (const auto& vcpu : vcpus_) {
    vcpu->interrupt();
  }
  interrupt_device_threads();
  // One that waits for the host, such as for memory to be mapped for a device, or for a disk, comes after
  // that.
  const bool all_out = gate_.wait_for(vcpus_.size() + device_threads(), kPatience);
  if (!all_out) {
    gate_.open();
    return false;
  }
  for (virtio::PciTransport* transport : event_driven_) {
    transport->pause();
  }
  return true;
}

void Machine::resume() noexcept {
  for (virtio::PciTransport* transport : event_driven_) {
    transport->resume();
  }
  gate_.open();
}

std::uint64_t Machine::stop() noexcept {
  end_waits();
  for (const auto& vcpu : vcpus_) {
    vcpu->request_stop();
  }
  for (const auto& vcpu : vcpus_) {
    vcpu->join();
  }
  stop_device_threads();
  return timeline_.mark(boot::Milestone::kVmDown);
}

}  // namespace mayfly::vmm
