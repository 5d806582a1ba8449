// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/rate_limit.hpp"
#include "guest-init/protocol/launch.hpp"
#include "memory/backing.hpp"
#include "sandbox/mode.hpp"
#include "vfio/given_files.hpp"
#include "vfio/intx_use.hpp"
#include "vfio/pci_address.hpp"
#include "vmm/cgroup.hpp"
#include "vmm/placement.hpp"
#include "vsock/packet.hpp"

namespace mayfly::vmm {

/// Where the guest's console (hvc0) goes.
enum class ConsoleTarget : std::uint8_t {
  kNone,
  kTty,   ///< The controlling terminal where there is one, else mayfly's stderr.
  kFile,  ///< ConsoleSpec::path, created or truncated.
};

struct ConsoleSpec {
  ConsoleTarget target = ConsoleTarget::kNone;
  std::string path{};
};

/// How much of the image is checked before the boot.
enum class ImageCheck : std::uint8_t {
  kHeader,  ///< The header and the launch defaults, by digest.
  kWhole,   ///< The file system's digest too: reads the whole file.
};

/// How much of guest memory is populated and mapped before the guest runs.
enum class PrefaultMode : std::uint8_t {
  kNone,
  kBoot,  ///< What the last boot of the image touched until it was ready (WorkingSetFile).
  kAll,
};

/// What a balloon leaves the guest at least, bytes.
inline constexpr std::uint64_t kBalloonLeaves = 64ULL << 20U;

/// Whether other passed-through devices reach a device's BARs.
enum class DevicePeers : std::uint8_t { kNo, kYes };

/// A device that mayfly opens itself.
struct OpenHere {};
/// A device that `mayfly device serve` has open: the path of its socket, the same for all devices of a run.
struct AtBroker {
  std::string path;
};
/// Who opens a device; the same alternative for all devices of a run.
using DeviceOpener = std::variant<OpenHere, vfio::GivenFiles, AtBroker>;

/// A device of the host that the guest gets.
struct PassedDevice {
  vfio::PciAddress address{};
  /// The same for all devices of a run; never kAuto with files that are given.
  vfio::BackendChoice backend = vfio::BackendChoice::kAuto;
  DevicePeers peers = DevicePeers::kNo;
  vfio::IntxUse intx = vfio::IntxUse::kAuto;
  DeviceOpener opener{};
};

/// What to do when huge pages that are asked for are not free.
enum class PagesFallback : std::uint8_t {
  kError,
  kQueue,  ///< Wait until they are.
  kSmall,  ///< Take the largest that are, as Pages::kAuto does.
};

/// A network of a user without rights to one: passt(1) does for the guest what its programs ask of sockets.
struct UserNetwork {
  /// What passt passes on to its host's first resolver; 0.0.0.0: nothing.
  protocol::Ipv4Address dns{};
  /// Ports of the host that lead to the guest, each as passt's --tcp-ports and --udp-ports have it.
  std::vector<std::string> tcp{};
  std::vector<std::string> udp{};
};

/// Of one network device; each but the first has a thread.
inline constexpr std::size_t kNetQueuesMax = 8;

/// A network device that the guest gets.
struct NetDevice {
  // One of these is there.
  /// With the address and gateway of `setup`, which are there then.
  std::optional<UserNetwork> user{};
  /// A tap of the host by its name, or an open one: a descriptor for each pair of queues.
  std::string tap{};
  std::vector<int> descriptors{};
  /// The host's kernel moves the packets, where it is a tap and there are no limits.
  bool by_vhost = false;
  /// Pairs of queues: of a user's network one, of descriptors as many as there are.
  std::size_t queues = 1;
  /// Its MAC address, and what the guest sets it up with.
  protocol::NetworkSetup setup{};
  /// With those of all other devices protocol::kNameserversMax at most.
  std::vector<protocol::Ipv4Address> nameservers{};
  /// What comes to the guest, and what goes out.
  RateLimits receive_limits{};
  RateLimits send_limits{};

  /// What the guest calls its other end in what it says.
  [[nodiscard]] std::string other_end() const {
    return user ? "user" : tap.empty() ? "fd " + std::to_string(descriptors.front()) : tap;
  }
};

/// Of one guest; each has threads.
inline constexpr std::size_t kDisksMax = 8;
static_assert(kDisksMax <= protocol::kMountsMax);

/// A disk that the guest gets.
struct DiskDevice {
  /// A regular file or a block device of the host.
  std::string path{};
  bool is_read_only = false;
  /// Past the host's page cache.
  bool is_direct = false;
  /// What the guest is told it is called, of up to 20 characters.
  std::string serial{};
  /// Where the guest mounts it, an absolute path; empty: it does not.
  std::string mount{};
  protocol::FileSystem file_system = protocol::FileSystem::kExt4;
  RateLimits limits{};
};

/// A guest's sockets (AF_VSOCK), and what they are on the host.
struct GuestSockets {
  /// They are among the sockets of the host's kernel, by the address `cid`: there is no path, and no limits,
  /// and nobody in the guest listens for `mayfly exec`.
  bool by_vhost = false;
  /// Of the socket that clients connect to; a port of the host is that with `_PORT` after it. Of
  /// vsock::kPathMax characters at most. Empty: there are none but those of `mayfly exec`.
  std::string path{};
  /// The guest's address.
  std::uint64_t cid = vsock::kGuestCidMin;
  /// Of what comes to the guest, and of what it sends.
  RateLimits receive_limits{};
  RateLimits send_limits{};
};

/// One `mayfly run`, checked as far as it can be without touching the host.
struct RunConfig {
  /// What control sockets know the VM by; empty: a random one.
  std::string id{};
  std::string image{};
  std::string kernel{};
  std::uint64_t memory_bytes = 512ULL << 20U;
  std::uint32_t cpus = 1;
  /// Each vCPU is to have a CPU of the host to itself: of `dedicated_cpus`, or of all isolated ones when
  /// absent.
  bool dedicated = false;
  std::optional<std::vector<std::uint32_t>> dedicated_cpus{};
  /// What came of that: one CPU for each vCPU. Empty: they run where the host's scheduler puts them.
  std::vector<std::uint32_t> own_cpus{};
  /// NUMA nodes of the host, ascending, none twice; empty: memory and CPUs are wherever the host likes.
  std::vector<std::uint32_t> numa{};
  /// What came of that.
  Placement placement{};
  Pages pages = Pages::kAuto;
  /// For huge pages that are asked for and of the host.
  PagesFallback pages_fallback = PagesFallback::kError;
  PrefaultMode prefault = PrefaultMode::kNone;
  /// Path of the socket of a `mayfly pool` that lends guest memory; empty: it is made here.
  std::string pool{};
  /// What the balloon is asked to hold from the start; absent: there is no balloon. With devices it is
  /// emptied as memory is mapped for them.
  std::optional<std::uint64_t> balloon_bytes{};
  /// The lowest guest memory, bytes, that is mapped for devices whether or not anybody asks; absent: as
  /// Passthrough thinks best.
  std::optional<std::uint64_t> dma_window_bytes{};
  ImageCheck image_check = ImageCheck::kHeader;
  ConsoleSpec console{};
  /// No two with one address.
  std::vector<PassedDevice> devices{};
  /// No two with one MAC address or one tap; protocol::kNetworksMax at most.
  std::vector<NetDevice> networks{};
  /// No two of one path but read-only ones; kDisksMax at most.
  std::vector<DiskDevice> disks{};
  /// Kernel modules that its init loads, in order: each a name, and after a blank its parameters;
  /// protocol::kModulesMax at most.
  std::vector<std::string> modules{};
  /// With them its init has an agent, which takes further commands. Absent: the guest has neither.
  std::optional<GuestSockets> sockets{};
  /// Each "NAME=VALUE"; goes over the image's variable of the same name.
  std::vector<std::string> environment{};
  /// Absolute path in the guest; the image's default when absent. The same for `user`.
  std::optional<std::string> workdir{};
  std::optional<std::string> user{};
  /// 0: none. Counted from exec of mayfly.
  std::uint64_t timeout_ns = 0;
  std::string cmdline_append{};
  /// Absent: the run is in its caller's.
  std::optional<CgroupSpec> cgroup{};
  /// What the process gives up before the guest runs.
  sandbox::Mode sandbox = sandbox::Mode::kOn;
  /// Ends the run when the workload is about to start.
  bool until_ready = false;
  /// Descriptors of the caller that are told what happens to the VM (Lifecycle).
  std::vector<int> listeners{};
  /// The workload's output goes to a log (control::RunLog), by `id`, which is not empty.
  bool keeps_log = false;
  /// Where the boot timeline is written as JSON; empty: nowhere.
  std::string timeline{};
  /// Command and arguments; empty: the image's.
  std::vector<std::string> command{};
};

}  // namespace mayfly::vmm
