// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "acpi/acpi_inputs.hpp"
#include "base/fd.hpp"
#include "boot/kernel_loader.hpp"
#include "boot/timeline.hpp"
#include "io/block_store.hpp"
#include "io/io_bus.hpp"
#include "io/msi_sink.hpp"
#include "io/port_backend.hpp"
#include "kvm/system.hpp"
#include "kvm/vm.hpp"
#include "memory/backing.hpp"
#include "memory/guest_memory.hpp"
#include "memory/hole_puncher.hpp"
#include "memory/layout.hpp"
#include "pci/root.hpp"
#include "vfio/device_watch.hpp"
#include "virtio/balloon.hpp"
#include "virtio/blk.hpp"
#include "virtio/console.hpp"
#include "virtio/net.hpp"
#include "virtio/pci_transport.hpp"
#include "virtio/vsock.hpp"
#include "vmm/boot_samples.hpp"
#include "vmm/connector_process.hpp"
#include "vmm/disk_workers.hpp"
#include "vmm/exit_handler.hpp"
#include "vmm/guest_ram.hpp"
#include "vmm/head_start.hpp"
#include "vmm/image.hpp"
#include "vmm/io_thread.hpp"
#include "vmm/kvm_for_devices.hpp"
#include "vmm/lazy_memory.hpp"
#include "vmm/net_ports.hpp"
#include "vmm/passthrough.hpp"
#include "vmm/pause_gate.hpp"
#include "vmm/prefault.hpp"
#include "vmm/system_ports.hpp"
#include "vmm/vcpu_thread.hpp"
#include "vmm/view_slots.hpp"
#include "vmm/vm_down.hpp"
#include "vmm/working_set_file.hpp"
#include "vmm/working_set_recorder.hpp"
#include "vsock/clients.hpp"

namespace mayfly::vmm {

/// Whether exits and mapped memory are noted at each mark of the guest.
enum class SampleMarks : std::uint8_t { kNo, kYes };

/// What a machine is made of; all that is referred to outlives it.
struct MachineParts {
  GuestRam ram;
  PrefaultMode prefault;
  /// With PrefaultMode::kBoot, what to prefault, and whether to note what this boot touches; else null.
  const WorkingSetFile* working_set;
  /// What the balloon is asked to hold from the start; nothing: there is no balloon.
  std::optional<std::uint64_t> balloon_bytes;
  std::uint32_t cpus;
  /// The CPU of the host that each vCPU has to itself; empty: they share.
  const std::vector<std::uint32_t>& own_cpus;
  /// As in RunConfig.
  const Placement& placement;
  HeadStart& ahead;
  const Image& image;
  const std::vector<PassedDevice>& devices;
  /// Theirs; nothing where there are none.
  std::optional<DeviceFiles> device_files;
  /// Where network devices lead, and what they are called there.
  std::vector<NetPorts>& ports;
  const std::vector<NetDevice>& networks;
  /// What is on the guest's disks, and what they are called.
  const std::vector<std::unique_ptr<io::BlockStore>>& stores;
  const std::vector<DiskDevice>& disks;
  /// As in RunConfig.
  const std::optional<GuestSockets>& sockets;
  /// An open device of the host's kernel that is to have them; none: they are ours.
  Fd vhost_sockets;
  /// What leads to them by a path; null: they have none.
  ConnectorProcess* connector;
  /// As in RunConfig.
  std::optional<std::uint64_t> dma_window_bytes;
  std::string command_line;
  io::PortBackend& console;
  io::PortBackend& channel;
  VmDown& down;
  boot::BootTimeline& timeline;
  AtReady at_ready;
  /// Is told when the guest is ready; null: nobody is.
  ReadyObserver* ready_observer;
  SampleMarks sample_marks;
};

/// One virtual machine, from nothing to running. The constructor is the boot story; members stand in the
/// order in which they are made, vCPU threads last, so that destruction undoes them from the top.
///
/// Main thread only, but for wake_channel(), pause(), resume() and, between start() and destruction, what
/// only looks.
class Machine {
 public:
  /// Builds everything, opens the last file that a guest needs, and leaves the kernel to be read. Throws
  /// Error.
  explicit Machine(MachineParts parts);
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  ~Machine();

  /// Starts the threads of devices: until then nobody uses what is at their other end, such as a network's
  /// port. Once, before the process may make no more threads. Throws Error.
  void start_devices();
  /// Reads the kernel to its end and sets the first vCPU to its entry; needs no path. Once, before start().
  /// Throws Error, naming the file, when it cannot be booted.
  void wait_for_kernel();
  /// Lets the vCPUs in. Once, after that. Throws Error.
  void start();
  /// Takes the vCPUs out and waits for them; what they counted is final after this. Gives the time, in
  /// nanoseconds since exec.
  std::uint64_t stop() noexcept;

  /// Takes the vCPUs out of the guest and keeps them out, and the threads of devices still; false when that
  /// takes longer than some seconds, after which they go on. Between start() and stop(), while not paused;
  /// one thread at a time, which may be another.
  [[nodiscard]] bool pause() noexcept;
  /// Lets the vCPUs in again. As pause().
  void resume() noexcept;

  /// Makes the guest's channel take what its backend has to send. Any thread.
  void wake_channel() noexcept { console_.wake(kChannelPort); }

  /// Null when there is none.
  [[nodiscard]] virtio::Balloon* balloon() noexcept { return balloon_; }
  [[nodiscard]] const virtio::Balloon* balloon() const noexcept { return balloon_; }

  /// What all network devices have done whose packets we move; nothing when there is none.
  [[nodiscard]] std::optional<virtio::NetCounts> network_counts() const noexcept;

  /// What all disks were asked for; nothing when there is none.
  [[nodiscard]] std::optional<virtio::BlkCounts> disk_counts() const noexcept;

  /// Null when the guest has no sockets, or they are the host's kernel's.
  [[nodiscard]] const virtio::Vsock* sockets() const noexcept { return sockets_; }
  /// Joins `client`, a connection, to the agent of a guest with sockets, or closes it. Between start() and
  /// stop(), any thread.
  void join_agent(Fd client) noexcept { clients_->bring(std::move(client)); }

  /// Null when no device is passed through.
  [[nodiscard]] const Passthrough* passthrough() const noexcept { return passthrough_.get(); }

  /// Null when nothing is prefaulted.
  [[nodiscard]] const Prefault* prefault() const noexcept { return prefault_.get(); }

  /// Null where the boot is not to be noted.
  [[nodiscard]] WorkingSetRecorder* recorder() noexcept { return recorder_.get(); }
  /// What the boot has touched, where that was to be noted and the guest was ready; else nothing. After
  /// stop().
  [[nodiscard]] std::optional<WorkingSet> touched() const;

  /// Null when no device is passed through.
  [[nodiscard]] const vfio::DeviceWatch* device_watch() const noexcept { return watch_.get(); }

  /// What guest memory was made of.
  [[nodiscard]] Pages pages() const noexcept { return ram_.pages(); }
  /// Bytes of guest memory that have host memory behind them now.
  [[nodiscard]] std::uint64_t populated() const { return ram_.populated(); }
  /// Final after stop().
  [[nodiscard]] ExitCounts exits() const noexcept;
  /// What the machine has done up to now, as seen at `at_ns` since exec; nothing unless marks are sampled.
  [[nodiscard]] std::optional<boot::Sample> sample(std::uint64_t at_ns) const noexcept {
    return samples_ == nullptr ? std::nullopt : std::optional(samples_->now(at_ns));
  }
  /// The samples of the guest's marks. After stop().
  [[nodiscard]] std::vector<boot::Sample> mark_samples() const {
    return samples_ == nullptr ? std::vector<boot::Sample>() : samples_->of_marks();
  }
  /// KVM's counters, summed over the vCPUs.
  [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> kvm_stats() const;

 private:
  static constexpr std::uint32_t kChannelPort = 1;

  /// Messages of devices on their way to the in-kernel local APICs.
  class MsiDelivery final : public io::MsiSink {
   public:
    explicit MsiDelivery(const kvm::Vm& vm) noexcept : vm_(vm) {}
    void send(const io::MsiMessage& message) noexcept override {
      vm_.signal_msi(message.address, message.data);
    }

   private:
    const kvm::Vm& vm_;
  };

  [[nodiscard]] std::unique_ptr<boot::KernelLoader> begin_kernel(const MachineParts& parts) const;
  [[nodiscard]] std::unique_ptr<Prefault> begin_prefault(const MachineParts& parts) const;
  void map_memory();
  void add_device(std::unique_ptr<virtio::VirtioDevice> device);
  void add_balloon(HeldMemory& held, std::uint64_t bytes, virtio::BalloonUse use);
  void add_networks(const MachineParts& parts);
  void add_disks(const MachineParts& parts);
  void add_sockets(const MachineParts& parts);
  void add_served_sockets(MachineParts& parts);
  virtio::Console& add_devices(MachineParts& parts);
  /// For a device that streams; runs from the end of the constructor on.
  [[nodiscard]] IoThread& io_thread(const MachineParts& parts);
  void attach_buses();
  void add_event_interrupts();
  void add_passed_devices(const MachineParts& parts);
  void add_vcpus(const MachineParts& parts);
  void interrupt_device_threads() noexcept;
  void stop_device_threads() noexcept;
  [[nodiscard]] std::size_t device_threads() const noexcept;
  void end_waits() noexcept;
  void finish_prefault();
  void write_boot_data(const MachineParts& parts);

  boot::BootTimeline& timeline_;
  const kvm::System& system_;
  /// As in GuestRam.
  Fd pool_lease_;
  Backing ram_;
  Layout layout_;
  GuestMemory memory_;
  std::unique_ptr<HolePuncher> puncher_;
  // None where no device is passed through. First, since opening one takes longest.
  std::unique_ptr<Passthrough> passthrough_;
  std::unique_ptr<boot::KernelLoader> kernel_;
  std::unique_ptr<Prefault> prefault_;  // none where nothing is prefaulted
  kvm::Vm vm_;
  Mapping pmem_;
  MsiDelivery msi_;
  ViewSlots config_view_;
  ViewSlots register_view_;
  std::unique_ptr<KvmForDevices> kvm_devices_;  // none where no interrupt begins as an event
  std::unique_ptr<vfio::DeviceWatch> watch_;    // none where no device is passed through
  PauseGate gate_;
  std::unique_ptr<IoThread> io_;  // none where no device streams
  /// Of network devices, one for each pair of queues but the first.
  std::vector<std::unique_ptr<IoThread>> queue_threads_;
  std::unique_ptr<vsock::Clients> clients_;  // none where sockets_ is null
  pci::Root root_;
  virtio::Balloon* balloon_ = nullptr;
  /// Whose packets we move.
  std::vector<const virtio::Net*> networks_;
  /// Of devices that the host's kernel serves: some of their interrupts begin as events.
  std::vector<virtio::PciTransport*> event_driven_;
  std::vector<const virtio::Blk*> disks_;
  std::vector<std::unique_ptr<DiskWorkers>> disk_workers_;  // one for each of disks_
  const virtio::Vsock* sockets_ = nullptr;
  std::vector<acpi::InterruptRoute> intx_;
  virtio::Console& console_;
  PowerPorts power_;
  PanicPort panic_;
  io::IoBus ports_;
  io::IoBus mmio_;
  std::unique_ptr<LazyMemory> lazy_memory_;
  ExitHandler exits_;
  std::unique_ptr<BootSamples> samples_;
  std::unique_ptr<WorkingSetRecorder> recorder_;  // none where the boot is not to be noted
  std::vector<std::unique_ptr<VcpuThread>> vcpus_;
};

}  // namespace mayfly::vmm
