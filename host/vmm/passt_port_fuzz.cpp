// SPDX-License-Identifier: Apache-2.0
// Any bytes as what passt says, in any parts, into buffers of any sizes: no packet is longer than its
// buffers, each has an empty header, and a stream that is none ends it.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <fuzzer/FuzzedDataProvider.h>
#include <string>
#include <vector>

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/error.hpp"
#include "vmm/passt_port.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mayfly;
  constexpr std::size_t kHeader = vmm::PasstPort::kHeaderBytes;
  FuzzedDataProvider input(data, size);
  std::array<int, 2> ends{};
  MAYFLY_ASSERT(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) == 0);
  const Fd passt(ends[0]);
  vmm::PasstPort port{Fd(ends[1]), Fd()};
  for (bool is_over = false; !is_over && input.remaining_bytes() > 0;) {
    std::string said = input.ConsumeRandomLengthString(200);
    said.append(input.ConsumeBool() ? input.ConsumeIntegral<std::uint16_t>() : 0U, 'x');
    [[maybe_unused]] const ssize_t put = ::send(passt.get(), said.data(), said.size(), MSG_NOSIGNAL);
    for (ssize_t got = 0; got >= 0;) {
      std::vector<std::vector<std::uint8_t>> pieces{std::vector<std::uint8_t>(kHeader, 0xee)};
      for (auto count = input.ConsumeIntegralInRange(0, 3); count > 0; --count) {
        pieces.emplace_back(input.ConsumeIntegralInRange<std::size_t>(0, 70000));
      }
      std::vector<iovec> buffers;
      std::size_t room = 0;
      for (auto& piece : pieces) {
        buffers.push_back({piece.data(), piece.size()});
        room += piece.size();
      }
      got = port.receive(buffers);
      if (got >= 0) {
        MAYFLY_ASSERT(static_cast<std::size_t>(got) >= kHeader && static_cast<std::size_t>(got) <= room);
        MAYFLY_ASSERT(std::ranges::count(pieces.front(), 0) == kHeader);
      }
      is_over = got < 0 && got != -EAGAIN;
    }
  }
  return 0;
}
