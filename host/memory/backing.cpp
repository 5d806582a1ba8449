// SPDX-License-Identifier: Apache-2.0
#include "memory/backing.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/vfs.h>

#include "base/checked.hpp"
#include "base/error.hpp"
#include "base/text_file.hpp"
#include "memory/nodes.hpp"

namespace mayfly {
namespace {

constexpr std::uint64_t kAlignment = kGiB;
constexpr std::uint64_t kSmallPage = 4 * kKiB;
constexpr int kSizeSeals = F_SEAL_SHRINK | F_SEAL_GROW;
constexpr const char* kThpPath = "/sys/kernel/mm/transparent_hugepage/";

/// Of a file that has one; 0 where it cannot be read.
std::uint64_t read_number(const std::string& path) {
  return std::strtoull(first_line_of(path).c_str(), nullptr, 10);
}

std::string pool_name(Pages size) {
  return "hugepages/hugepages-" + std::to_string(page_bytes(size) / kKiB) + "kB/";
}

std::string pool_path(Pages size) { return "/sys/kernel/mm/" + pool_name(size); }

std::string node_path(std::uint32_t node) {
  return "/sys/devices/system/node/node" + std::to_string(node) + "/";
}

/// Replaces the reservation by memory; false with errno set when there is not enough.
bool map_over(const Mapping& room, int memfd) noexcept {
  const int kind = memfd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  // What a guest has in memory is in no core file.
  return ::mmap(room.data(), room.size(), PROT_READ | PROT_WRITE, MAP_FIXED | kind, memfd, 0) != MAP_FAILED &&
         ::madvise(room.data(), room.size(), MADV_DONTDUMP) == 0;
}

Fd make_memfd(std::uint64_t bytes, unsigned flags) {
  Fd fd(::memfd_create("mayfly-ram", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags));
  if (fd && ::ftruncate(fd.get(), static_cast<off_t>(bytes)) < 0) {
    return {};
  }
  return fd;
}

/// Which memory this host backs by transparent huge pages when asked.
enum class ThpKind : std::uint8_t { kNone, kPrivate, kShared };

/// Shared memory is better (others can map it) but off on most hosts, where private memory is on.
ThpKind thp_kind() {
  const std::string shmem = selected_value(std::string(kThpPath) + "shmem_enabled");
  if (!shmem.empty() && shmem != "never" && shmem != "deny") {
    return ThpKind::kShared;
  }
  const std::string enabled = selected_value(std::string(kThpPath) + "enabled");
  return enabled.empty() || enabled == "never" ? ThpKind::kNone : ThpKind::kPrivate;
}

/// Small pages are given out without a promise; at least ask whether the host could keep it.
void require_host_memory(std::uint64_t bytes) {
  struct sysinfo host {};
  if (::sysinfo(&host) < 0) {
    fail_errno("sysinfo");
  }
  const std::uint64_t total = (std::uint64_t{host.totalram} + host.totalswap) * host.mem_unit;
  if (bytes > total) {
    throw Error("--memory is " + std::to_string(bytes / kMiB) + " MiB, more than this host's " +
                std::to_string(total / kMiB) + " MiB of RAM and swap; give less");
  }
}

/// `pool` is the folder of the pages of that size, of the host, or of a node that `where` names.
[[noreturn]] void fail_not_enough(Pages size, const std::string& where, const std::string& pool,
                                  std::uint64_t available, std::uint64_t needed) {
  throw NotEnoughPages(
      "not enough free " + std::string(name(size)) + " pages" + where + ": " + std::to_string(available) +
          " free, " + std::to_string(needed) + " needed",
      "reserve them with `echo " +
          std::to_string(read_number(pool + "nr_hugepages") + needed - std::min(needed, available)) +
          " | sudo tee " + pool + "nr_hugepages`, or use --pages auto");
}

[[noreturn]] void fail_not_enough(std::uint64_t bytes, Pages size) {
  const std::string pool = pool_path(size);
  if (first_line_of(pool + "free_hugepages").empty()) {
    throw Error("this host has no " + std::string(name(size)) +
                " pages (its processor or kernel lacks them); choose another with --pages");
  }
  const std::uint64_t all_free = read_number(pool + "free_hugepages");
  const std::uint64_t promised = read_number(pool + "resv_hugepages");
  fail_not_enough(size, "", pool, all_free - std::min(all_free, promised),
                  (bytes + page_bytes(size) - 1) / page_bytes(size));
}

/// Huge pages of a node that are free, promised to others or not.
std::uint64_t free_on_node(std::uint32_t node, Pages size) {
  return read_number(node_path(node) + pool_name(size) + "free_hugepages");
}

/// The first share that its node has not enough huge pages for.
std::optional<NodeShare> too_large_a_share(std::span<const std::uint32_t> nodes, std::uint64_t bytes,
                                           Pages size) {
  for (const NodeShare& share : split_over(nodes, bytes, page_bytes(size))) {
    if (free_on_node(share.node, size) < share.part.bytes / page_bytes(size)) {
      return share;
    }
  }
  return std::nullopt;
}

[[noreturn]] void fail_not_enough(const NodeShare& share, Pages size) {
  fail_not_enough(size, " on node " + std::to_string(share.node), node_path(share.node) + pool_name(size),
                  free_on_node(share.node, size), share.part.bytes / page_bytes(size));
}

/// Small pages, as require_host_memory() does for all of the host.
void require_memory_of(const NodeShare& share) {
  // "Node 0 MemTotal:  24574220 kB" comes first.
  const std::string text = first_line_of(node_path(share.node) + "meminfo");
  const std::size_t colon = text.find("MemTotal:");
  const std::uint64_t total =
      colon == std::string::npos
          ? 0
          : std::strtoull(text.c_str() + colon + std::strlen("MemTotal:"), nullptr, 10) * kKiB;
  if (share.part.bytes > total) {
    throw Error("the guest is to have " + std::to_string(share.part.bytes / kMiB) + " MiB of node " +
                std::to_string(share.node) + ", which has " + std::to_string(total / kMiB) +
                " MiB; give less with --memory, or more nodes with --numa");
  }
}

/// Which kind of file system holds such memory, and by which pages.
bool is_of_pages(const Fd& memfd, Pages pages) noexcept {
  struct statfs file_system {};
  if (::fstatfs(memfd.get(), &file_system) != 0) {
    return false;
  }
  const bool is_huge = pages == Pages::k2m || pages == Pages::k1g;
  return is_huge ? file_system.f_type == HUGETLBFS_MAGIC &&
                       static_cast<std::uint64_t>(file_system.f_bsize) == page_bytes(pages)
                 : file_system.f_type == TMPFS_MAGIC;
}

/// Calls `use(offset)` for each small page that has host memory behind it, in ascending order. Throws Error.
template <typename Use>
void for_each_populated(std::span<std::byte> memory, Use use) {
  constexpr std::uint64_t kChunk = kGiB;
  std::vector<unsigned char> present(std::min<std::uint64_t>(kChunk, memory.size()) / kSmallPage);
  for (std::uint64_t at = 0; at < memory.size(); at += kChunk) {
    const std::uint64_t bytes = std::min(kChunk, memory.size() - at);
    if (::mincore(memory.data() + at, bytes, present.data()) < 0) {
      fail_errno("mincore");
    }
    for (std::uint64_t page = 0; page < bytes / kSmallPage; ++page) {
      if ((present[page] & 1U) != 0) {
        use(at + page * kSmallPage);
      }
    }
  }
}

/// Throws Error unless the file is memory of ours to map, whatever its giver does afterwards.
void require_filled(const Fd& memfd, std::uint64_t bytes, Pages pages) {
  constexpr std::uint64_t kBlock = 512;  // of st_blocks
  MAYFLY_ASSERT(pages != Pages::kAuto && bytes % (2 * kMiB) == 0);
  struct stat status {};
  const int seals = ::fcntl(memfd.get(), F_GET_SEALS);
  if (seals < 0 || ::fstat(memfd.get(), &status) != 0 || !is_of_pages(memfd, pages)) {
    throw Error("the memory that was lent is no memfd of " + std::string(name(pages)) + " pages");
  }
  if ((seals & kSizeSeals) != kSizeSeals || (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) != 0) {
    throw Error("the memory that was lent can change its size, or cannot be written");
  }
  if (static_cast<std::uint64_t>(status.st_size) != bytes) {
    throw Error("the memory that was lent has " + std::to_string(status.st_size / 1024) + " KiB, not " +
                std::to_string(bytes / kKiB));
  }
  if (static_cast<std::uint64_t>(status.st_blocks) * kBlock < bytes) {
    throw Error("the memory that was lent is not all there: " +
                std::to_string(static_cast<std::uint64_t>(status.st_blocks) * kBlock / kKiB) + " KiB of " +
                std::to_string(bytes / kKiB));
  }
}

}  // namespace

Mapping reserve_aligned(std::uint64_t bytes) {
  const auto padded = checked_add(bytes, kAlignment);
  void* at = padded.has_value()
                 ? ::mmap(nullptr, *padded, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
                 : MAP_FAILED;
  if (at == MAP_FAILED) {
    throw Error(ENOMEM, "no address space for " + std::to_string(bytes / kMiB) + " MiB of guest memory");
  }
  auto* start = static_cast<std::byte*>(at);
  const auto address =
      reinterpret_cast<std::uint64_t>(at);  // Safe: only its distance from a multiple is taken.
  const std::uint64_t head = align_up(address, kAlignment) - address;
  if (head > 0) {
    ::munmap(start, head);
  }
  if (head < kAlignment) {
    ::munmap(start + head + bytes, kAlignment - head);
  }
  return {start + head, bytes};
}

std::string_view name(Pages pages) noexcept {
  switch (pages) {
    case Pages::kAuto:
      return "auto";
    case Pages::k4k:
      return "4k";
    case Pages::kThp:
      return "thp";
    case Pages::k2m:
      return "2m";
    case Pages::k1g:
      return "1g";
  }
  return "?";
}

std::string selected_value(const std::string& path) {
  const std::string text = first_line_of(path);
  const std::size_t open = text.find('[');
  const std::size_t close = text.find(']');
  return open < close && close != std::string::npos ? text.substr(open + 1, close - open - 1) : std::string();
}

Backing::Backing(std::uint64_t bytes, Pages wanted, Nodes nodes) {
  MAYFLY_ASSERT(bytes > 0 && bytes % (2 * kMiB) == 0);
  mapping_ = reserve_aligned(bytes);
  switch (wanted) {
    case Pages::k2m:
    case Pages::k1g:
      map_hugetlb(bytes, wanted, nodes);
      return;
    case Pages::k4k:
    case Pages::kThp:
      map_small(bytes, wanted, nodes);
      return;
    case Pages::kAuto:
      break;
  }
  if (!try_hugetlb(bytes, Pages::k1g, nodes) && !try_hugetlb(bytes, Pages::k2m, nodes)) {
    map_small(bytes, thp_kind() == ThpKind::kNone ? Pages::k4k : Pages::kThp, nodes);
  }
}

Backing::Backing(Fd memfd, std::uint64_t bytes, Pages pages)
    : memfd_(std::move(memfd)), pages_(pages), is_lent_(true) {
  require_filled(memfd_, bytes, pages);
  mapping_ = reserve_aligned(bytes);
  if (!map_over(mapping_, memfd_.get())) {
    fail_errno("cannot map the memory that was lent");
  }
  if (pages == Pages::kThp) {
    ::madvise(mapping_.data(), bytes, MADV_HUGEPAGE);  // Only advice, as in map_small().
  }
}

Fd Backing::take_file() && noexcept {
  mapping_ = Mapping();
  if (memfd_) {
    ::fcntl(memfd_.get(), F_ADD_SEALS, kSizeSeals);
  }
  return std::move(memfd_);
}

bool Backing::try_hugetlb(std::uint64_t bytes, Pages size, Nodes nodes) {
  if (bytes % page_bytes(size) != 0 || too_large_a_share(nodes, bytes, size).has_value()) {
    return false;
  }
  memfd_ = make_memfd(bytes, MFD_HUGETLB | (size == Pages::k1g ? MFD_HUGE_1GB : MFD_HUGE_2MB));
  // BEWARE: without MAP_NORESERVE the pages are promised to us here; without the promise a touch can be
  // SIGBUS.
  if (!memfd_ || !map_over(mapping_, memfd_.get())) {
    return false;
  }
  pages_ = size;
  bind(nodes);
  return true;
}

void Backing::map_hugetlb(std::uint64_t bytes, Pages size, Nodes nodes) {
  if (bytes % page_bytes(size) != 0) {
    throw Error("--pages " + std::string(name(size)) + " needs --memory to be a multiple of " +
                std::to_string(page_bytes(size) / kMiB) + " MiB");
  }
  if (!try_hugetlb(bytes, size, nodes)) {
    if (const auto share = too_large_a_share(nodes, bytes, size)) {
      fail_not_enough(*share, size);
    }
    fail_not_enough(bytes, size);
  }
}

void Backing::map_small(std::uint64_t bytes, Pages kind, Nodes nodes) {
  const ThpKind thp = kind == Pages::kThp ? thp_kind() : ThpKind::kShared;
  if (thp == ThpKind::kNone) {
    throw Error("transparent huge pages are off on this host; turn them on with `echo madvise | sudo tee " +
                std::string(kThpPath) + "enabled`, or use --pages auto");
  }
  require_host_memory(bytes);
  for (const NodeShare& share : split_over(nodes, bytes, page_bytes(kind))) {
    require_memory_of(share);
  }
  const bool shared = thp == ThpKind::kShared;
  memfd_ = shared ? make_memfd(bytes, 0) : Fd();
  if ((shared && !memfd_) || !map_over(mapping_, memfd_.get())) {
    fail_errno("cannot get " + std::to_string(bytes / kMiB) + " MiB of guest memory");
  }
  // Only advice: with small pages it is slower, not wrong.
  ::madvise(mapping_.data(), bytes, kind == Pages::kThp ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  pages_ = kind;
  bind(nodes);
}

// Only preferred: what was free a moment ago may be gone when it is touched, and then another node's memory
// is better than SIGBUS.
void Backing::bind(Nodes nodes) {
  for (const NodeShare& share : split_over(nodes, size(), page_bytes(pages_))) {
    if (share.part.bytes > 0) {
      bind_to_node(data() + share.part.offset, share.part.bytes, share.node, NodeRule::kPrefer);
    }
  }
}

void Backing::discard(std::uint64_t offset, std::uint64_t bytes) noexcept {
  MAYFLY_ASSERT(offset <= size() && bytes <= size() - offset);
  // A memfd's pages are the file's: dropping them from this mapping alone would free nothing.
  ::madvise(data() + offset, bytes, memfd_ ? MADV_REMOVE : MADV_DONTNEED);
}

bool Backing::reserve(std::uint64_t offset, std::uint64_t bytes) noexcept {
  if (pages_ != Pages::k2m && pages_ != Pages::k1g) {
    return true;
  }
  // A promise is made when the file is mapped, belongs to the file, and stays when that mapping goes
  // (mm/hugetlb.c, hugetlb_reserve_pages). Ours stays as it is, so that KVM sees no change.
  void* at = ::mmap(nullptr, bytes, PROT_NONE, MAP_SHARED, memfd_.get(), static_cast<off_t>(offset));
  if (at == MAP_FAILED) {
    return false;
  }
  ::munmap(at, bytes);
  return true;
}

std::vector<Piece> Backing::populated_parts(std::uint64_t unit) const {
  std::vector<Piece> parts;
  for_each_populated(bytes(), [&](std::uint64_t offset) {
    const std::uint64_t begin = offset & ~(unit - 1);
    if (parts.empty() || parts.back().offset + parts.back().bytes < begin) {
      parts.push_back({begin, unit});
    } else if (parts.back().offset + parts.back().bytes == begin) {
      parts.back().bytes += unit;
    }
  });
  return parts;
}

std::uint64_t Backing::populated() const {
  std::uint64_t pages = 0;
  for_each_populated(bytes(), [&](std::uint64_t /*offset*/) { ++pages; });
  return pages * kSmallPage;
}

}  // namespace mayfly
