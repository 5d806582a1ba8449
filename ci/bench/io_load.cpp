// SPDX-License-Identifier: Apache-2.0
//
// What ci/bench/io has a guest do, and the peer of its TCP streams.
//
//   io-load serve    in L1: sends or takes as many bytes as a connection asks for
//   io-load          in the guest: streams to and from the peer, reads and writes the disk
//
// Marks enclose what is measured (marks.hpp).
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <netinet/tcp.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "marks.hpp"
#include "peer.hpp"

namespace {

constexpr std::uint64_t kMiB = 1ULL << 20U;
// io_figures.py knows these four, and what the marks mean.
constexpr std::uint64_t kStreamBytes = 16 * kMiB;
constexpr std::uint64_t kDiskBytes = 32 * kMiB;
constexpr std::uint64_t kRandomReads = 1000;

/// Work of each kind before it is measured: windows, caches and buffers settle.
constexpr std::uint64_t kWarmBytes = 4 * kMiB;
constexpr std::uint64_t kWarmReads = 100;
constexpr std::uint64_t kPageBytes = 4096;
constexpr std::size_t kBufferBytes = kMiB;

enum class Way : std::uint8_t { kToPeer, kToGuest };

/// What a connection asks of the peer first.
struct Order {
  std::uint64_t bytes;
  Way way;
};

/// What each mark's leaf ends with; begin is even, its end one more.
enum class Work : unsigned { kSend = 0, kReceive = 2, kRead = 4, kWrite = 6, kRandomRead = 8 };

std::byte* buffer() {
  static void* const memory =
      mmap(nullptr, kBufferBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  require(memory != MAP_FAILED, "mmap");
  return static_cast<std::byte*>(memory);
}

void send_all(int stream, std::uint64_t bytes) {
  while (bytes > 0) {
    const ssize_t sent = write(stream, buffer(), bytes < kBufferBytes ? bytes : kBufferBytes);
    require(sent > 0, "sending");
    bytes -= static_cast<std::uint64_t>(sent);
  }
}

void take_all(int stream, std::uint64_t bytes) {
  while (bytes > 0) {
    const ssize_t got = read(stream, buffer(), bytes < kBufferBytes ? bytes : kBufferBytes);
    require(got > 0, "receiving");
    bytes -= static_cast<std::uint64_t>(got);
  }
}

void serve(int stream, in_addr /*guest*/) {
  Order order{};
  while (recv(stream, &order, sizeof(order), MSG_WAITALL) == sizeof(order)) {
    if (order.way == Way::kToPeer) {
      take_all(stream, order.bytes);
      send_all(stream, 1);
    } else {
      send_all(stream, order.bytes);
    }
  }
}

/// Ends when the last byte has come, over there or here.
void stream_one_way(int stream, Way way, std::uint64_t bytes) {
  Order order{};
  order.bytes = bytes;
  order.way = way;
  require(write(stream, &order, sizeof(order)) == sizeof(order), "asking the peer");
  if (way == Way::kToPeer) {
    send_all(stream, bytes);
    take_all(stream, 1);
  } else {
    take_all(stream, bytes);
  }
}

void load_network() {
  const int stream = connect_to_peer();
  const int on = 1;
  require(setsockopt(stream, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0, "TCP_NODELAY");
  for (const auto& [work, way] :
       {std::pair{Work::kSend, Way::kToPeer}, std::pair{Work::kReceive, Way::kToGuest}}) {
    stream_one_way(stream, way, kWarmBytes);
    measure(work, [&] { stream_one_way(stream, way, kStreamBytes); });
  }
  close(stream);
}

/// From the disk's start; by buffers of kBufferBytes.
template <typename Move>
void go_through(std::uint64_t bytes, Move&& move) {
  for (std::uint64_t at = 0; at < bytes; at += kBufferBytes) {
    require(move(at) == static_cast<ssize_t>(kBufferBytes), "reading or writing the disk");
  }
}

void read_at_random(int disk, std::uint64_t reads) {
  std::uint64_t state = 88172645463325252ULL;
  for (; reads > 0; --reads) {
    // xorshift64
    state ^= state << 13U;
    state ^= state >> 7U;
    state ^= state << 17U;
    const auto at = static_cast<off_t>(state % (kDiskBytes / kPageBytes) * kPageBytes);
    require(pread(disk, buffer(), kPageBytes, at) == kPageBytes, "reading the disk");
  }
}

void load_disk() {
  // Of a guest whose root is a disk it is the second.
  int disk = open("/dev/vdb", O_RDWR | O_DIRECT | O_CLOEXEC);
  if (disk < 0) {
    disk = open("/dev/vda", O_RDWR | O_DIRECT | O_CLOEXEC);
  }
  require(disk >= 0, "opening the disk");
  const auto read_part = [disk](std::uint64_t at) {
    return pread(disk, buffer(), kBufferBytes, static_cast<off_t>(at));
  };
  const auto write_part = [disk](std::uint64_t at) {
    return pwrite(disk, buffer(), kBufferBytes, static_cast<off_t>(at));
  };
  go_through(kWarmBytes, read_part);
  measure(Work::kRead, [&] { go_through(kDiskBytes, read_part); });
  go_through(kWarmBytes, write_part);
  measure(Work::kWrite, [&] { go_through(kDiskBytes, write_part); });
  read_at_random(disk, kWarmReads);
  measure(Work::kRandomRead, [&] { read_at_random(disk, kRandomReads); });
}

}  // namespace

int main(int count, char** words) {
  if (count == 2 && std::strcmp(words[1], "serve") == 0) {
    serve_guests(serve);
  }
  require(count == 1, "io-load: there is only `serve`");
  load_network();
  load_disk();
}
