// SPDX-License-Identifier: Apache-2.0
// Any sequence of accesses to configuration space and BARs, by every mechanism, on a bus with all devices.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <fuzzer/FuzzedDataProvider.h>
#include <memory>
#include <vector>

#include "base/checked.hpp"
#include "base/error.hpp"
#include "pci/root.hpp"
#include "testing/fake_msi_sink.hpp"
#include "testing/guest_ram.hpp"
#include "virtio/console.hpp"
#include "virtio/pci_transport.hpp"
#include "virtio/pmem.hpp"
#include "virtio/rng.hpp"

namespace mayfly::virtio {
namespace {

constexpr pci::Windows kWindows{.ecam = {GuestAddress(0xe0000000), kMiB},
                                .mmio32 = {GuestAddress(0xd0000000), kMiB},
                                .mmio64 = {GuestAddress(0x40'0000'0000), kMiB}};
constexpr std::size_t kSlots = 4;
constexpr std::uint64_t kBarBytes = 0x4000;

class Silence final : public io::PortBackend {
 public:
  void from_guest(std::span<const std::byte> /*bytes*/) noexcept override {}
  std::size_t to_guest(std::span<std::byte> /*buffer*/) noexcept override { return 0; }
};

class Machine {
 public:
  Machine() {
    add(std::make_unique<Console>(ConsoleConfig{
        .ports = {{.kind = PortKind::kConsole, .name = "", .backend = &silence_}}, .size = {}}));
    add(std::make_unique<Pmem>(GuestRange{GuestAddress(1ULL << 32U), 0x200000}));
    add(std::make_unique<Rng>());
  }

  void run(FuzzedDataProvider& input) {
    for (std::uint32_t slot = 1; slot < kSlots; ++slot) {
      write<std::uint32_t>(root_.ecam(), slot << 15U | 0x10U,
                           static_cast<std::uint32_t>(0xd0000000 + kBarBytes * (slot - 1)));
      write<std::uint16_t>(root_.ecam(), slot << 15U | 0x04U, 2);
      write<std::uint8_t>(root_.window32(), kBarBytes * (slot - 1) + 20, 0);
    }
    const std::array<Face, 4> faces{Face{&root_.ecam(), kMiB, true}, Face{&root_.ports(), 8, false},
                                    Face{&root_.window32(), kMiB, false},
                                    Face{&root_.window64(), kMiB, false}};
    for (int step = 0; step < 1024 && input.remaining_bytes() > 0; ++step) {
      const Face& face = faces[input.ConsumeIntegralInRange<std::size_t>(0, faces.size() - 1)];
      const std::size_t bytes = std::size_t{1} << input.ConsumeIntegralInRange(0U, 3U);
      const std::uint64_t offset = place(input, face);
      std::array<std::byte, 8> data{};
      if (input.ConsumeBool()) {
        const auto value = input.ConsumeIntegral<std::uint64_t>();
        std::memcpy(data.data(), &value, sizeof(value));
        face.device->write(offset, std::span(data).first(bytes));
      } else {
        face.device->read(offset, std::span(data).first(bytes));
      }
    }
    require_views_true();
    // Whatever happened: who is there has not changed.
    for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
      std::uint16_t vendor = 0;
      root_.ecam().read(slot << 15U, std::as_writable_bytes(std::span(&vendor, 1)));
      MAYFLY_ASSERT(vendor == (slot == 0 ? 0x1b36 : 0x1af4));
    }
    (void)sink_.take();
  }

 private:
  struct Face {
    io::IoDevice* device;
    std::uint64_t bytes;
    bool ecam;
  };
  /// Mostly where something is: the devices' configuration spaces and BARs.
  static std::uint64_t place(FuzzedDataProvider& input, const Face& face) {
    const auto any = input.ConsumeIntegral<std::uint32_t>();
    const std::uint64_t slot = any >> 16U & 3U;
    if (face.bytes < kMiB || (any & 0x80000000U) != 0) {
      return any % face.bytes;
    }
    return face.ecam ? slot << 15U | (any & 0xffU) : slot * kBarBytes | (any & (kBarBytes - 1));
  }
  void add(std::unique_ptr<VirtioDevice> device) {
    auto transport = std::make_unique<PciTransport>(std::move(device), ram_.memory(), sink_);
    PciTransport& added = *transport;
    root_.add(std::move(transport));
    shown_.push_back({&added, &added.show_registers(viewer_)});
  }
  /// What the guest is shown is what it would read. After a move there is nothing to be seen any more.
  void require_views_true() {
    for (const Shown& shown : shown_) {
      if (viewer_.hidden) {
        return;
      }
      std::vector<std::byte> registers(shown.pages->bytes().size(), std::byte{0xff});
      if (shown.transport->bar_address(0)) {
        for (std::size_t at = 0; at < registers.size(); ++at) {
          shown.transport->bar_read(0, at, std::span(registers).subspan(at, 1));
        }
      }
      MAYFLY_ASSERT(std::ranges::equal(registers, shown.pages->bytes()));
    }
  }
  template <typename T>
  void write(io::IoDevice& face, std::uint64_t offset, T value) {
    face.write(offset, std::as_bytes(std::span(&value, 1)));
  }

  struct Shown {
    PciTransport* transport;
    const pci::RegisterPages* pages;
  };
  struct Viewer final : pci::Viewer {
    void hide() noexcept override { hidden = true; }
    bool hidden = false;
  };

  Silence silence_;
  Viewer viewer_;
  std::vector<Shown> shown_;
  testing::GuestRam ram_{64 * kKiB};
  testing::FakeMsiSink sink_;
  pci::Root root_{kWindows};
};

}  // namespace
}  // namespace mayfly::virtio

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Made afresh: a BAR that was moved ends the views of all.
  mayfly::virtio::Machine machine;
  FuzzedDataProvider input(data, size);
  machine.run(input);
  return 0;
}
