// SPDX-License-Identifier: Apache-2.0
#include "kvm/irq_routes.hpp"

#include <cstring>
#include <string>

#include <sys/ioctl.h>

#include "base/error.hpp"

namespace mayfly::kvm {
namespace {

using Entry = kvm_irq_routing_entry;
static_assert(sizeof(kvm_irq_routing) == 8 && sizeof(Entry) == 48);

constexpr std::size_t entry_at(std::uint32_t gsi) noexcept {
  return sizeof(kvm_irq_routing) + gsi * sizeof(Entry);
}

bool set_irqfd(const Vm& vm, const kvm_irqfd& request) noexcept {
  return ::ioctl(vm.fd(), KVM_IRQFD, &request) == 0;
}

}  // namespace

IrqRoutes::IrqRoutes(const Vm& vm) : vm_(vm), first_(vm.has_pins() ? kPins : 0), table_(entry_at(first_)) {
  for (std::uint32_t pin = 0; pin < first_; ++pin) {
    Entry entry{};
    entry.gsi = pin;
    entry.type = KVM_IRQ_ROUTING_IRQCHIP;
    entry.u.irqchip.irqchip = KVM_IRQCHIP_IOAPIC;
    entry.u.irqchip.pin = pin;
    std::memcpy(table_.data() + entry_at(pin), &entry, sizeof(entry));
  }
  if (first_ > 0 && !commit()) {
    fail_errno("KVM_SET_GSI_ROUTING");
  }
}

std::uint32_t IrqRoutes::allocate(std::uint32_t count) {
  const auto first = static_cast<std::uint32_t>((table_.size() - sizeof(kvm_irq_routing)) / sizeof(Entry));
  if (count > kRoutesMax - first) {
    throw Error("the devices have more interrupt vectors than KVM can route, " + std::to_string(kRoutesMax) +
                "; pass fewer of them");
  }
  table_.resize(entry_at(first + count));
  for (std::uint32_t gsi = first; gsi < first + count; ++gsi) {
    Entry entry{};
    entry.gsi = gsi;
    entry.type = KVM_IRQ_ROUTING_MSI;
    std::memcpy(table_.data() + entry_at(gsi), &entry, sizeof(entry));
  }
  return first;
}

bool IrqRoutes::route(std::uint32_t gsi, std::uint64_t address, std::uint32_t data) noexcept {
  const std::lock_guard lock(mutex_);
  MAYFLY_ASSERT(gsi >= first_ && entry_at(gsi) < table_.size());
  Entry entry{};
  entry.gsi = gsi;
  entry.type = KVM_IRQ_ROUTING_MSI;
  entry.u.msi.address_lo = static_cast<std::uint32_t>(address);
  entry.u.msi.address_hi = static_cast<std::uint32_t>(address >> 32U);
  entry.u.msi.data = data;
  std::byte* const place = table_.data() + entry_at(gsi);
  Entry before{};
  std::memcpy(&before, place, sizeof(before));
  if (before.u.msi.address_lo == entry.u.msi.address_lo &&
      before.u.msi.address_hi == entry.u.msi.address_hi && before.u.msi.data == entry.u.msi.data) {
    return true;
  }
  std::memcpy(place, &entry, sizeof(entry));
  if (!commit()) {
    std::memcpy(place, &before, sizeof(before));  // so that another try is one
    return false;
  }
  return true;
}

bool IrqRoutes::commit() noexcept {
  kvm_irq_routing header{};
  header.nr = static_cast<std::uint32_t>((table_.size() - sizeof(header)) / sizeof(Entry));
  std::memcpy(table_.data(), &header, sizeof(header));
  return ::ioctl(vm_.fd(), KVM_SET_GSI_ROUTING, table_.data()) == 0;
}

bool IrqRoutes::connect(std::uint32_t gsi, int event) const noexcept {
  kvm_irqfd request{};
  request.gsi = gsi;
  request.fd = static_cast<std::uint32_t>(event);
  return set_irqfd(vm_, request);
}

bool IrqRoutes::connect_level(std::uint32_t pin, int event, int ended) const noexcept {
  kvm_irqfd request{};
  request.gsi = pin;
  request.fd = static_cast<std::uint32_t>(event);
  request.resamplefd = static_cast<std::uint32_t>(ended);
  request.flags = KVM_IRQFD_FLAG_RESAMPLE;
  return set_irqfd(vm_, request);
}

void IrqRoutes::disconnect(std::uint32_t gsi, int event) const noexcept {
  kvm_irqfd request{};
  request.gsi = gsi;
  request.fd = static_cast<std::uint32_t>(event);
  request.flags = KVM_IRQFD_FLAG_DEASSIGN;
  (void)set_irqfd(vm_, request);  // Refused only where it was not connected.
}

}  // namespace mayfly::kvm
