// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine.hpp"

#include <numeric>

#include "acpi/tables.hpp"
#include "base/error.hpp"
#include "boot/pvh_state.hpp"
#include "boot/start_info.hpp"
#include "kvm/disabled_exits.hpp"
#include "kvm/msr.hpp"
#include "kvm/synthetic_timers.hpp"
#include "vfio/pci_function.hpp"
#include "virtio/pmem.hpp"
#include "virtio/rng.hpp"
#include "virtio/served_vsock.hpp"
#include "vmm/entry_state.hpp"
#include "vmm/placement.hpp"
#include "vmm/timer.hpp"
#include "vmm/vhost.hpp"

namespace mayfly::vmm {
namespace {

// KVM's memory slots, above those of RAM.
constexpr std::uint32_t kPmemSlot = 8;
constexpr std::uint32_t kConfigSlot = 9;
constexpr std::uint32_t kRegisterSlots = 10;
/// Pins of the I/O APIC for INTx: those that are no ISA interrupt.
constexpr std::uint32_t kFirstIntxPin = 16;
constexpr std::uint32_t kIntxPins = kvm::IrqRoutes::kPins - kFirstIntxPin;
constexpr acpi::PowerPorts kAcpiPorts;
static_assert(kAcpiPorts.sleep_control == kAcpiPorts.reset + PowerPorts::kSleepControl &&
              kAcpiPorts.sleep_status == kAcpiPorts.reset + PowerPorts::kSleepStatus);

static_assert(virtio::Net::kPairsMax == kNetQueuesMax);

/// Where the kernel may not be loaded: our own boot data, the legacy hole and the ACPI tables in it.
constexpr std::array kBootReserved{boot::kBootData, boot::kLegacyHole};

GuestMemory guest_memory(const Layout& layout, const Backing& ram) {
  std::array<GuestMemory::Region, 2> regions{};
  std::byte* host = ram.data();
  for (std::size_t i = 0; i < layout.ram().size(); ++i) {
    regions[i] = {layout.ram()[i], host};
    host += layout.ram()[i].bytes;
  }
  return GuestMemory(std::span(regions).first(layout.ram().size()));
}

/// Leaves idling and spinning to the guest; before the first vCPU. Gives what the guest is told of MWAIT.
kvm::MonitorLeaf disable_idle_exits(kvm::Vm& vm) {
  const auto exits = kvm::exits_to_disable(vm.check(KVM_CAP_X86_DISABLE_EXITS));
  if (!exits.has_value()) {
    throw Error(
        "--dedicated: this host's KVM does not leave HLT to guests (KVM_CAP_X86_DISABLE_EXITS); `mayfly "
        "doctor` "
        "says why");
  }
  vm.enable(KVM_CAP_X86_DISABLE_EXITS, *exits);
  return (*exits & KVM_X86_DISABLE_EXITS_MWAIT) != 0 ? kvm::host_monitor_leaf() : std::nullopt;
}

kvm::Irqchip irqchip_for(const Passthrough* passthrough) noexcept {
  return passthrough != nullptr && passthrough->may_use_pins() ? kvm::Irqchip::kMessagesAndPins
                                                               : kvm::Irqchip::kMessages;
}

/// Where there is a limit.
std::unique_ptr<Timer> timer_for(const RateLimits& limits) {
  return limits.any() ? std::make_unique<Timer>() : nullptr;
}

}  // namespace

Machine::Machine(MachineParts parts)
    : timeline_(parts.timeline),
      system_(parts.ahead.kvm()),
      pool_lease_(std::move(parts.ram.pool_lease)),
      ram_(std::move(parts.ram.backing)),
      layout_(ram_.size(), parts.image.info().image_bytes),
      memory_(guest_memory(layout_, ram_)),
      passthrough_(parts.devices.empty() ? nullptr
                                         : std::make_unique<Passthrough>(
                                               parts.devices, *std::move(parts.device_files),
                                               DeviceMemory{memory_, page_bytes(ram_.pages()),
                                                            parts.dma_window_bytes, parts.ram.is_mapped},
                                               parts.down, parts.timeline)),
      kernel_(begin_kernel(parts)),
      prefault_(begin_prefault(parts)),
      vm_(system_),
      pmem_(parts.image.map()),
      msi_(vm_),
      config_view_(vm_, kConfigSlot),
      register_view_(vm_, kRegisterSlots),
      root_({Layout::kEcam, Layout::kWindow32, layout_.window64()}),
      console_(add_devices(parts)),
      power_(parts.down),
      panic_(parts.down),
      exits_(ports_, mmio_, root_.ports(), parts.timeline, parts.down, parts.at_ready) {
  using boot::Milestone;
  add_event_interrupts();
  parts.timeline.mark(Milestone::kVmCreated);
  map_memory();
  parts.timeline.mark(Milestone::kMemoryReady);
  attach_buses();
  parts.timeline.mark(Milestone::kDevicesReady);
  add_vcpus(parts);
  if (parts.sample_marks == SampleMarks::kYes) {
    samples_ = std::make_unique<BootSamples>(vm_.fd(), vcpus_);
    exits_.observe_marks(*samples_);
  }
  if (parts.ready_observer != nullptr) {
    exits_.observe_ready(*parts.ready_observer);
  }
  // Of memory that was lent, all of it populated, it cannot be seen.
  if (parts.working_set != nullptr && parts.working_set->wanted() && !ram_.is_lent()) {
    recorder_ = std::make_unique<WorkingSetRecorder>(ram_);
    exits_.observe_ready(*recorder_);
  }
  parts.timeline.mark(Milestone::kCpuReady);
  if (passthrough_ != nullptr) {
    add_passed_devices(parts);
    parts.timeline.mark(Milestone::kPassedReady);
  }
  config_view_.show(Layout::kEcam.start.raw(), root_.show_config(config_view_));
  finish_prefault();
  write_boot_data(parts);
}

void Machine::add_event_interrupts() {
  vm_.create_irqchip(irqchip_for(passthrough_.get()));
  if (passthrough_ == nullptr && event_driven_.empty()) {
    return;
  }
  kvm_devices_ = std::make_unique<KvmForDevices>(vm_, std::array{Layout::kWindow32, layout_.window64()});
  for (virtio::PciTransport* transport : event_driven_) {
    transport->deliver_by(kvm_devices_->interrupts());
  }
}

std::unique_ptr<boot::KernelLoader> Machine::begin_kernel(const MachineParts& parts) const {
  auto kernel = parts.ahead.take_kernel();
  kernel->read_into(memory_, kBootReserved);
  return kernel;
}

std::unique_ptr<Prefault> Machine::begin_prefault(const MachineParts& parts) const {
  std::vector<GuestMemory::Region> wanted;
  if (parts.prefault == PrefaultMode::kAll) {
    wanted.assign(memory_.regions().begin(), memory_.regions().end());
  } else if (parts.working_set != nullptr && parts.working_set->known().has_value()) {
    wanted =
        regions_of(memory_, in_units(*parts.working_set->known(), populate_bytes(ram_.pages()), ram_.size()));
  }
  if (wanted.empty()) {
    return nullptr;
  }
  return std::make_unique<Prefault>(wanted, ram_.pages(), parts.timeline);
}

Machine::~Machine() {
  end_waits();
  stop_device_threads();
}

void Machine::map_memory() {
  std::uint32_t slot = 0;
  for (const GuestMemory::Region& region : memory_.regions()) {
    vm_.add_memory(slot++, region.guest.start.raw(), region.host, region.guest.bytes,
                   kvm::SlotAccess::kReadWrite);
  }
  vm_.add_memory(kPmemSlot, layout_.pmem().start.raw(), pmem_.data(), pmem_.size(),
                 kvm::SlotAccess::kReadOnly);
}

void Machine::add_passed_devices(const MachineParts& parts) {
  watch_ = std::make_unique<vfio::DeviceWatch>();
  std::vector<OpenDevice> devices = passthrough_->wait();
  exits_.observe_ready(*passthrough_);
  if (parts.balloon_bytes) {
    // The map is there only now; and before the devices, so that the guest finds it first.
    add_balloon(passthrough_->held(), *parts.balloon_bytes, virtio::BalloonUse::kBridge);
  } else if (!passthrough_->is_mapped()) {
    lazy_memory_ = std::make_unique<LazyMemory>(passthrough_->held());
    exits_.answer_calls(*lazy_memory_);
  }
  for (OpenDevice& device : devices) {
    const std::uint32_t pin = kFirstIntxPin + static_cast<std::uint32_t>(intx_.size()) % kIntxPins;
    watch_->add(device.name, *device.access);
    auto function = std::make_unique<vfio::PciFunction>(
        std::move(device.access), device.name,
        vfio::FunctionParts{.interrupts = kvm_devices_->interrupts(),
                            .slots = kvm_devices_->slots(),
                            .gate = passthrough_->gate(),
                            .pin = pin,
                            .intx = device.intx,
                            .peers = device.peers == DevicePeers::kYes ? &passthrough_->iommu() : nullptr});
    const bool has_intx = function->has_intx();
    const std::size_t slot = root_.add(std::move(function));
    if (has_intx) {
      intx_.push_back({.slot = static_cast<std::uint16_t>(slot), .pin = pin});
    }
  }
}

IoThread& Machine::io_thread(const MachineParts& parts) {
  if (io_ == nullptr) {
    using sandbox::ThreadKind;
    io_ =
        std::make_unique<IoThread>(gate_, parts.sockets.has_value() ? ThreadKind::kSockets : ThreadKind::kIo);
  }
  return *io_;
}

void Machine::add_device(std::unique_ptr<virtio::VirtioDevice> device) {
  auto transport = std::make_unique<virtio::PciTransport>(std::move(device), memory_, msi_);
  virtio::PciTransport& added = *transport;
  if (added.has_events()) {
    event_driven_.push_back(&added);
  }
  root_.add(std::move(transport));
  const pci::RegisterPages& registers = added.show_registers(register_view_);
  register_view_.show(registers.address(), registers.bytes());
  for (std::size_t queue = 0; queue < added.device().queue_sizes().size(); ++queue) {
    if (const int doorbell = added.device().doorbell(queue); doorbell >= 0) {
      register_view_.ring(registers.address() + virtio::PciTransport::doorbell_at(queue), doorbell);
    }
  }
}

virtio::Console& Machine::add_devices(MachineParts& parts) {
  virtio::ConsoleConfig ports;
  ports.ports.push_back({virtio::PortKind::kConsole, "", &parts.console});
  ports.ports.push_back({virtio::PortKind::kGeneric, "mayfly.channel", &parts.channel});
  auto console = std::make_unique<virtio::Console>(std::move(ports));
  virtio::Console& result = *console;
  add_device(std::move(console));
  add_device(std::make_unique<virtio::Pmem>(layout_.pmem()));
  add_device(std::make_unique<virtio::Rng>());
  if (parts.balloon_bytes && passthrough_ == nullptr) {
    puncher_ = std::make_unique<HolePuncher>(ram_, memory_);
    add_balloon(*puncher_, *parts.balloon_bytes, virtio::BalloonUse::kLend);
  }
  add_networks(parts);
  add_disks(parts);
  if (parts.sockets.has_value()) {
    if (parts.sockets->by_vhost) {
      add_served_sockets(parts);
    } else {
      add_sockets(parts);
    }
  }
  return result;
}

void Machine::add_networks(const MachineParts& parts) {
  for (std::size_t i = 0; i < parts.ports.size(); ++i) {
    const NetDevice& network = parts.networks[i];
    std::vector<virtio::NetEnd> ends;
    for (NetPort& port : parts.ports[i]) {
      if (!ends.empty()) {
        queue_threads_.push_back(std::make_unique<IoThread>(gate_, sandbox::ThreadKind::kIo));
      }
      ends.push_back({*port.port, ends.empty() ? io_thread(parts) : *queue_threads_.back(),
                      timer_for(network.receive_limits), timer_for(network.send_limits),
                      port.vhost ? std::make_unique<VhostNet>(std::move(port.vhost), memory_, port.port->fd())
                                 : nullptr});
    }
    auto net = std::make_unique<virtio::Net>(std::move(ends), network.setup.mac, network.receive_limits,
                                             network.send_limits);
    if (!network.by_vhost) {
      networks_.push_back(net.get());
    }
    add_device(std::move(net));
  }
}

void Machine::add_disks(const MachineParts& parts) {
  for (std::size_t i = 0; i < parts.stores.size(); ++i) {
    auto disk = std::make_unique<virtio::Blk>(*parts.stores[i], parts.disks[i].serial, parts.disks[i].limits);
    disk_workers_.push_back(std::make_unique<DiskWorkers>(*disk, gate_, DiskWorkers::count_for(parts.cpus)));
    disks_.push_back(disk.get());
    add_device(std::move(disk));
  }
}

void Machine::add_served_sockets(MachineParts& parts) {
  auto server = std::make_unique<VhostVsock>(std::move(parts.vhost_sockets), memory_, parts.sockets->cid);
  const std::uint64_t features = server->socket_features();
  add_device(std::make_unique<virtio::ServedVsock>(std::move(server), features, parts.sockets->cid,
                                                   io_thread(parts)));
}

void Machine::add_sockets(const MachineParts& parts) {
  std::optional<vsock::Clients::Doors> doors;
  if (parts.connector != nullptr) {
    doors.emplace(parts.connector->take_doors());
  }
  clients_ = std::make_unique<vsock::Clients>(std::move(doors), protocol::kAgentListensAt, io_thread(parts));
  auto sockets = std::make_unique<virtio::Vsock>(*clients_, *clients_, parts.sockets->cid,
                                                 parts.sockets->receive_limits, parts.sockets->send_limits);
  clients_->serve(*sockets);
  sockets_ = sockets.get();
  add_device(std::move(sockets));
}

void Machine::add_balloon(HeldMemory& held, std::uint64_t bytes, virtio::BalloonUse use) {
  auto balloon = std::make_unique<virtio::Balloon>(held, memory_, bytes, use);
  balloon_ = balloon.get();
  add_device(std::move(balloon));
}

void Machine::attach_buses() {
  ports_.attach({kAcpiPorts.reset, PowerPorts::kLength}, power_);
  ports_.attach({kAcpiPorts.pvpanic, 1}, panic_);
  ports_.freeze();
  const auto attach = [this](const GuestRange& range, io::IoDevice& device) {
    mmio_.attach({range.start.raw(), range.bytes}, device);
  };
  attach(Layout::kWindow32, root_.window32());
  attach(Layout::kEcam, root_.ecam());
  attach(layout_.window64(), root_.window64());
  mmio_.freeze();
}

void Machine::add_vcpus(const MachineParts& parts) {
  kvm::Cpuid cpuid = parts.ahead.take_cpuid();
  layout_.require_fit(cpuid.physical_bits());
  // A balloon holds memory in its own way; what is mapped already need not be held.
  if (passthrough_ != nullptr && !passthrough_->is_mapped() && !parts.balloon_bytes && vm_.take_map_range()) {
    cpuid.add_map_range();
  }
  const bool has_timers = kvm::has_synthetic_timers(vm_);
  if (has_timers) {
    cpuid.add_synthetic_timers();
  }
  const bool dedicated = !parts.own_cpus.empty();
  if (dedicated) {
    cpuid.dedicate(disable_idle_exits(vm_));
  }
  for (std::uint32_t id = 0; id < parts.cpus; ++id) {
    kvm::Vcpu vcpu(system_, vm_, id);
    if (has_timers) {
      kvm::give_synthetic_timers(vcpu);
    }
    vcpu.set_cpuid(cpuid.for_vcpu(id));
    set_boot_msrs(vcpu, id == 0);
    vcpus_.push_back(std::make_unique<VcpuThread>(std::move(vcpu), exits_, gate_,
                                                  cpus_for(parts.placement, parts.own_cpus, id)));
  }
}

void Machine::finish_prefault() {
  if (prefault_ == nullptr) {
    return;
  }
  std::vector<const kvm::Vcpu*> vcpus;
  for (const auto& vcpu : vcpus_) {
    vcpus.push_back(&vcpu->vcpu());
  }
  // BEWARE: whatever takes a memory slot away, or gives KVM a device, drops all page tables: nothing of that
  // comes after this.
  prefault_->finish(table_builders(vm_, vcpus));
}

void Machine::write_boot_data(const MachineParts& parts) {
  std::vector<std::uint32_t> apic_ids(vcpus_.size());
  std::iota(apic_ids.begin(), apic_ids.end(), 0U);
  const NodeTables nodes(parts.placement, memory_, page_bytes(ram_.pages()));
  const GuestRange tables = acpi::write_tables(memory_, {.apic_ids = apic_ids,
                                                         .ecam = Layout::kEcam.start,
                                                         .mmio_32 = Layout::kWindow32,
                                                         .mmio_64 = layout_.window64(),
                                                         .intx = intx_,
                                                         .nodes = nodes.inputs(),
                                                         .ports = kAcpiPorts});
  const std::array reserved{Layout::kEcam};
  boot::write_start_info(
      memory_,
      {.rsdp = tables.start, .acpi = tables, .reserved = reserved, .command_line = parts.command_line});
}

void Machine::wait_for_kernel() {
  set_entry_state(vcpus_.front()->vcpu(), boot::pvh_state(kernel_->wait(), boot::kStartInfoAt));
}

}  // namespace mayfly::vmm
