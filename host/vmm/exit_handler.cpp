// SPDX-License-Identifier: Apache-2.0
#include "vmm/exit_handler.hpp"

#include <algorithm>

#include <linux/kvm_para.h>

namespace mayfly::vmm {
namespace {

constexpr std::uint16_t kBootMarkPort = 0x80;

template <typename... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <typename... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;  // clang 14 does not find it by itself

/// Calls `access(item)` for each item of a string instruction; one item is the usual case.
template <typename Byte, typename Access>
void for_each_item(std::span<Byte> data, std::size_t size, Access access) {
  for (std::size_t at = 0; at < data.size(); at += size) {
    access(data.subspan(at, std::min(size, data.size() - at)));
  }
}

}  // namespace

ExitCounts& ExitCounts::operator+=(const ExitCounts& more) noexcept {
  port_out += more.port_out;
  port_in += more.port_in;
  pci_config += more.pci_config;
  boot_mark += more.boot_mark;
  mmio_read += more.mmio_read;
  mmio_write += more.mmio_write;
  hypercall += more.hypercall;
  interrupted += more.interrupted;
  other += more.other;
  return *this;
}

AfterExit ExitHandler::handle(const kvm::VmExit& exit, ExitCounts& counts) noexcept {
  return std::visit(Overloaded{
                        [&](const kvm::IoOut& out) { return port_out(out, counts); },
                        [&](const kvm::IoIn& in) {
                          port_in(in, counts);
                          return AfterExit::kRunAgain;
                        },
                        [&](const kvm::MmioRead& load) {
                          ++counts.mmio_read;
                          mmio_.read(load.address, load.data);
                          return AfterExit::kRunAgain;
                        },
                        [&](const kvm::MmioWrite& store) {
                          ++counts.mmio_write;
                          mmio_.write(store.address, store.data);
                          return AfterExit::kRunAgain;
                        },
                        [&](const kvm::MapRange& call) {
                          map_range(call, counts);
                          return AfterExit::kRunAgain;
                        },
                        [&](const kvm::Interrupted&) {
                          ++counts.interrupted;
                          return AfterExit::kRunAgain;
                        },
                        [&](const kvm::Shutdown&) {
                          ++counts.other;
                          down_.report(DownReason::kTripleFault);
                          return AfterExit::kStop;
                        },
                        [&](const kvm::Halt&) {
                          ++counts.other;
                          down_.report(DownReason::kInternal, 0);
                          return AfterExit::kStop;
                        },
                        [&](const kvm::DirtyRingFull&) {
                          ++counts.other;
                          down_.report(DownReason::kInternal, 0);  // nobody has asked for such rings
                          return AfterExit::kStop;
                        },
                        [&](const kvm::SystemEvent& event) {
                          ++counts.other;
                          down_.report(DownReason::kInternal, event.type);
                          return AfterExit::kStop;
                        },
                        [&](const kvm::Unknown& unknown) {
                          ++counts.other;
                          down_.report(DownReason::kInternal,
                                       std::uint64_t{unknown.reason} << 32U | (unknown.detail & 0xffffffffU));
                          return AfterExit::kStop;
                        },
                    },
                    exit);
}

AfterExit ExitHandler::port_out(const kvm::IoOut& exit, ExitCounts& counts) noexcept {
  if (pci::ConfigPorts::answers(exit.port)) {
    ++counts.pci_config;
    for_each_item(exit.data, exit.size, [&](std::span<const std::byte> item) {
      config_ports_.write(std::uint64_t{exit.port} - pci::ConfigPorts::kFirst, item);
    });
  } else if (exit.port == kBootMarkPort) {
    ++counts.boot_mark;
    return boot_mark(static_cast<std::uint8_t>(exit.data.front()));
  } else {
    ++counts.port_out;
    for_each_item(exit.data, exit.size,
                  [&](std::span<const std::byte> item) { ports_.write(exit.port, item); });
    // A guest that has asked for its end waits for it in a busy loop (acpica/hwesleep.c); do not let it back
    // in.
    return down_.reason().has_value() ? AfterExit::kStop : AfterExit::kRunAgain;
  }
  return AfterExit::kRunAgain;
}

AfterExit ExitHandler::boot_mark(std::uint8_t code) noexcept {
  const bool was_ready = timeline_.reached(boot::Milestone::kReady);
  const std::uint64_t at = timeline_.port_mark(code);
  if (observer_ != nullptr) {
    observer_->on_mark(at);
  }
  const bool is_ready = timeline_.reached(boot::Milestone::kReady);
  if (is_ready && at_ready_ == AtReady::kStop) {
    down_.report(DownReason::kReady);
    return AfterExit::kStop;
  }
  if (is_ready && !was_ready) {
    for (ReadyObserver* const observer : ready_observers_) {
      observer->on_ready();
    }
  }
  return AfterExit::kRunAgain;
}

void ExitHandler::map_range(const kvm::MapRange& exit, ExitCounts& counts) noexcept {
  ++counts.hypercall;
  const std::int64_t answer = lazy_memory_ != nullptr ? lazy_memory_->answer(exit) : -KVM_ENOSYS;
  *exit.answer = static_cast<unsigned long long>(answer);
}

void ExitHandler::port_in(const kvm::IoIn& exit, ExitCounts& counts) noexcept {
  if (pci::ConfigPorts::answers(exit.port)) {
    ++counts.pci_config;
    for_each_item(exit.data, exit.size, [&](std::span<std::byte> item) {
      config_ports_.read(std::uint64_t{exit.port} - pci::ConfigPorts::kFirst, item);
    });
  } else {
    ++counts.port_in;
    for_each_item(exit.data, exit.size, [&](std::span<std::byte> item) { ports_.read(exit.port, item); });
  }
}

}  // namespace mayfly::vmm
