// SPDX-License-Identifier: Apache-2.0
#include "attack.hpp"

#include "hardware.hpp"
#include "rings.hpp"

namespace hostile {
namespace {

constexpr std::uint32_t kSteps = 64;
constexpr std::uint16_t kMarkPort = 0x80;
constexpr std::uint16_t kConfigAddress = 0xcf8;
constexpr std::uint16_t kConfigData = 0xcfc;
// host/acpi/acpi_inputs.hpp
constexpr std::uint16_t kPanicPort = 0x505;
constexpr std::uint16_t kResetPort = 0x600;
constexpr std::uint16_t kSleepPort = 0x601;
constexpr std::uint16_t kPowerPortsEnd = 0x603;
/// The channel between mayfly and its init (virtio-console, second port): one wrong byte ends the machine.
constexpr std::uint16_t kChannelQueue = 5;

}  // namespace

Attack::Attack(const Machine& machine, std::uint32_t cpu, std::uint32_t round) noexcept
    : machine_(machine),
      random_(machine.seed ^ std::uint64_t{cpu} << 56U ^ std::uint64_t{round} << 40U),
      device_(random_.below(machine.count)),
      // The last rounds: what is before them is to be done first.
      deadly_(machine.deadly && round + round / 2 >= machine.rounds) {}

void Attack::run() noexcept {
  begin_driver();
  for (std::uint32_t i = 0; i < kSteps; ++i) {
    step();
    if (random_.one_in(8)) {
      device_ = random_.below(machine_.count);
    }
  }
}

std::uint32_t Attack::any_queue() noexcept {
  const std::uint32_t queue = random_.below(device().queues);
  const bool may_end = random_.one_in(8) && deadly_;
  return !may_end && device().type == kConsole && queue == kChannelQueue ? 0 : queue;
}

std::uint64_t Attack::any_register() noexcept {
  constexpr std::uint64_t kPlaces[] = {0,          16,     kStatus, kQueueAddresses, kDeviceConfig,
                                       kMsixTable, 0x1800, kNotify, 0x3000};
  const std::uint64_t at =
      random_.one_in(2) ? random_.below(kBarBytes + 32) : random_.of(kPlaces) + random_.below(48);
  return device().bar + at;
}

std::uint64_t Attack::survivable(std::uint64_t at, std::uint64_t value) const noexcept {
  // The delivery mode is bits 8 to 10 of a vector's data; whatever the alignment, no byte has it then.
  const std::uint64_t offset = at & (kBarBytes - 1);
  const bool message = offset + 16 > kMsixTable && offset < kMsixTableEnd;
  return message && !deadly_ ? value & 0xf8f8f8f8f8f8f8f8ULL : value;
}

bool Attack::ends_machine(std::uint32_t port, std::uint32_t bytes) noexcept {
  return (port < kPowerPortsEnd && port + bytes > kResetPort) ||
         (port <= kPanicPort && port + bytes > kPanicPort);
}

void Attack::enable_messages() noexcept {
  for (std::uint64_t vector = 0; vector < 4; ++vector) {
    const std::uint64_t entry = device().bar + kMsixTable + 16 * vector;
    store<std::uint32_t>(entry, static_cast<std::uint32_t>(kLocalApic | random_.below(8) << 12U));
    store<std::uint32_t>(entry + 4, 0);
    store<std::uint32_t>(entry + 8, 32 + random_.below(200));
    store<std::uint32_t>(entry + 12, random_.one_in(8) ? 1 : 0);
  }
  store<std::uint16_t>(device().config + device().msix_at + 2, random_.one_in(8) ? 0xc000 : 0x8000);
}

void Attack::begin_queue(std::uint16_t queue) noexcept {
  const std::uint64_t bar = device().bar;
  const Ring ring = ring_of(device_, queue);
  const std::uint64_t areas[] = {ring.descriptors, ring.driver_area, ring.device_area};
  const std::uint64_t aligned = random_.one_in(2) ? ~0ULL : ~15ULL;
  store(bar + kQueueSelect, queue);
  if (random_.one_in(8)) {
    store(bar + kQueueSize,
          static_cast<std::uint16_t>(random_.one_in(2) ? random_.next() : 1U << random_.below(10)));
  }
  for (std::uint64_t i = 0; i < 3; ++i) {
    const bool odd = random_.one_in(48);
    const std::uint64_t elsewhere = any_address(random_) & aligned;
    const std::uint64_t area = odd ? elsewhere : random_.one_in(64) ? areas[0] : areas[i];
    store(bar + kQueueAddresses + 8 * i, static_cast<std::uint32_t>(area));
    store(bar + kQueueAddresses + 8 * i + 4, static_cast<std::uint32_t>(area >> 32U));
  }
  store(bar + kQueueVector, static_cast<std::uint16_t>(random_.below(5)));
  store<std::uint16_t>(bar + kQueueEnable, 1);
}

void Attack::begin_driver() noexcept {
  const std::uint64_t bar = device().bar;
  store<std::uint32_t>(device().config + 0x10, static_cast<std::uint32_t>(bar));
  store<std::uint16_t>(device().config + 4, 6);
  enable_messages();
  store<std::uint8_t>(bar + kStatus, 0);
  store<std::uint8_t>(bar + kStatus, 1);
  store<std::uint8_t>(bar + kStatus, 3);
  for (std::uint32_t half = 0; half < 2; ++half) {
    store(bar, half);
    store(bar + 8, half);
    const auto wanted = static_cast<std::uint32_t>(random_.one_in(4) ? random_.next() : ~0ULL);
    store(bar + 12, (load<std::uint32_t>(bar + 4) & wanted) | half);
  }
  store<std::uint8_t>(bar + kStatus, 11);
  for (std::uint16_t queue = 0; queue < device().queues && queue < kQueuesMax; ++queue) {
    clear(device_, queue);
    if (deadly_ || device().type != kConsole || queue != kChannelQueue) {
      begin_queue(queue);
    }
  }
  store<std::uint8_t>(bar + kStatus, 15);
  work();
}

void Attack::step() noexcept {
  if (deadly_ && random_.one_in(96)) {
    end_machine();
  }
  switch (random_.below(25)) {
    case 0:
      touch_register();
      break;
    case 1:
      touch_common();
      break;
    case 2:
      touch_status();
      break;
    case 3:
      touch_port();
      break;
    case 4:
      touch_config_ports();
      break;
    case 5:
      touch_config();
      break;
    case 6:
      move_bar();
      break;
    case 7:
      touch_by_config();
      break;
    case 8:
      touch_anywhere();
      break;
    case 9:
      touch_by_string();
      break;
    case 10:
    case 11:
    case 12:
      begin_driver();
      break;
    case 13:
    case 14:
      scribble(random_, device_, any_queue());
      break;
    case 15:
      set_timer();
      break;
    default:
      work();
      break;
  }
}

void Attack::work() noexcept {
  const std::uint32_t queue = any_queue();
  offer(random_, machine_, device_, queue);
  store(device().bar + kNotify + 4 * queue, static_cast<std::uint16_t>(queue));
  switch (random_.below(8)) {
    case 0:
      scribble(random_, device_, queue);
      break;
    case 1:
      store<std::uint8_t>(device().bar + kStatus, 0);
      break;
    default:
      break;
  }
}

void Attack::touch_register() noexcept {
  const std::uint64_t at = any_register();
  const unsigned width = random_.below(5);
  const std::uint64_t value = any_value(random_);
  switch (random_.below(4)) {
    case 0:
      exchange(at, static_cast<std::uint32_t>(survivable(at, value)));
      break;
    case 1:
      load_any(at, width);
      break;
    default:
      store_any(at, width, survivable(at, value));
      break;
  }
}

void Attack::touch_common() noexcept {
  const std::uint64_t at = device().bar + random_.below(64);
  const unsigned width = random_.below(4);
  store<std::uint16_t>(device().bar + kQueueSelect, static_cast<std::uint16_t>(any_queue()));
  store_any(at, width, random_.one_in(2) ? any_address(random_) : any_value(random_));
}

void Attack::touch_status() noexcept {
  constexpr std::uint8_t kStates[] = {0, 1, 3, 11, 15, 15, 4, 8, 64, 79, 128, 255, 7};
  const std::uint32_t times = 1 + random_.below(6);
  for (std::uint32_t i = 0; i < times; ++i) {
    store(device().bar + kStatus, random_.of(kStates));
  }
}

void Attack::touch_port() noexcept {
  constexpr std::uint16_t kPorts[] = {0x80, 0x505, 0x600, 0x601, 0x602, 0xcf8, 0xcf9, 0xcff, 0x3f8, 0x64};
  const std::uint32_t near = static_cast<std::uint32_t>(random_.of(kPorts) + random_.below(8)) - 4;
  const auto port = static_cast<std::uint16_t>(random_.one_in(2) ? near : random_.next());
  const unsigned width = random_.below(3);
  const auto value = static_cast<std::uint32_t>(any_value(random_));
  const std::uint32_t how = random_.below(6);
  const std::uint64_t buffer = kBuffers + random_.below(kMiB);
  const std::uint32_t count = random_.below(300);
  if (how == 0) {
    port_in_string(port, buffer, count);
  } else if (how < 3) {
    port_in(port, width);
  } else if (deadly_ || !ends_machine(port, 1U << width)) {
    if (how == 3) {
      port_out_string(port, buffer, count);
    } else {
      port_out(port, width, value);
    }
  }
}

void Attack::touch_config_ports() noexcept {
  const std::uint32_t slot =
      random_.one_in(4) ? random_.below(1U << 13U) : random_.below(machine_.count + 2) << 3U;
  port_out(kConfigAddress, 2, (random_.one_in(16) ? 0 : 1U << 31U) | slot << 8U | random_.below(256));
  const auto port = static_cast<std::uint16_t>(kConfigData + random_.below(4));
  const unsigned width = random_.below(3);
  if (random_.one_in(2)) {
    port_in(port, width);
  } else {
    // All is masked: it may be the data of an access to a vector's message.
    port_out(port, width, static_cast<std::uint32_t>(survivable(kMsixTable, any_value(random_))));
  }
}

void Attack::touch_config() noexcept {
  const bool any = random_.one_in(8);
  const std::uint64_t slot = any ? kEcam + (std::uint64_t{random_.below(256)} << 12U) : device().config;
  const std::uint64_t at = slot + (random_.one_in(4) ? random_.below(4096) : random_.below(0x100));
  const unsigned width = random_.below(4);
  if (random_.one_in(2)) {
    load_any(at, width);
  } else {
    store_any(at, width, survivable(kMsixTable, any_value(random_)));
  }
}

void Attack::move_bar() noexcept {
  const std::uint64_t places[] = {device().bar,
                                  machine_.devices[random_.below(machine_.count)].bar,
                                  kWindow32 + random_.below(0x20000000),
                                  kRamEnd - kBarBytes,
                                  kEcam,
                                  kLocalApic,
                                  0xfffff000,
                                  0};
  const std::uint64_t place = random_.of(places);
  store<std::uint16_t>(device().config + 4, static_cast<std::uint16_t>(random_.one_in(2) ? 0 : 2));
  store(device().config + 0x10, static_cast<std::uint32_t>(place));
  store<std::uint16_t>(device().config + 4, 6);
  load_any(place >= kWindow32 && place < kEcam ? place : device().bar, random_.below(3));
  if (!random_.one_in(3)) {
    store(device().config + 0x10, static_cast<std::uint32_t>(device().bar));
  }
}

void Attack::touch_by_config() noexcept {
  const std::uint64_t access = device().config + device().access_at;
  const std::uint32_t width = random_.one_in(8) ? random_.below(16) : 1U << random_.below(3);
  const std::uint64_t at = any_register() - device().bar;
  store<std::uint8_t>(access + 4, random_.one_in(16) ? 1 : 0);
  store(access + 8, static_cast<std::uint32_t>(random_.one_in(16)  ? random_.next()
                                               : random_.one_in(2) ? at & ~3ULL
                                                                   : at));
  store(access + 12, width);
  const std::uint64_t value = survivable(kMsixTable, any_value(random_));
  if (random_.one_in(2)) {
    load_any(access + 16, random_.below(3));
  } else {
    store_any(access + 16, random_.below(3), value);
  }
}

void Attack::touch_anywhere() noexcept {
  // Beyond what is mapped the guest would fault, and its own memory it needs.
  constexpr std::uint64_t kPlaces[] = {kWindow32, kEcam, kPmemAt, kWindow64, kRamEnd, 0xfec00000 - 0x10000};
  const std::uint64_t at = random_.of(kPlaces) + random_.below(0x30000) - 8;
  const unsigned width = random_.below(5);
  const std::uint64_t value = any_value(random_);
  const bool apic = at >= 0xfec00000 - 16 && at < 0xfec00000 + 0x100000;
  if (random_.one_in(2)) {
    load_any(at, width);
  } else if (deadly_ || !apic) {
    store_any(at, width, survivable(at, value));
  }
}

void Attack::touch_by_string() noexcept {
  const std::uint64_t at = any_register();
  const std::uint64_t buffer = kBuffers + random_.below(kMiB);
  const std::uint32_t bytes = 1 + random_.below(40);
  const std::uint64_t offset = at & (kBarBytes - 1);
  if (random_.one_in(2)) {
    copy_string(buffer, at, bytes);
  } else if (deadly_ || offset + bytes <= kMsixTable || offset >= kMsixTableEnd) {
    copy_string(at, buffer, bytes);
  }
}

void Attack::set_timer() noexcept {
  // Hyper-V TLFS, Timers: a configuration and a count for each of four. By messages nobody takes, or by any
  // vector; interrupts are off. A tenth of a millisecond at least, since with less a vCPU gets nothing else
  // done.
  const std::uint32_t timer = kSyntheticTimers + 2 * random_.below(4);
  const std::uint64_t config = random_.next() & 0xf1fffU;
  const std::uint64_t count = 1000 + random_.below(1U << random_.below(32));
  if (has_synthetic_timers()) {
    write_msr(timer, config);
    write_msr(timer + 1, count);
  }
}

void Attack::end_machine() noexcept {
  switch (random_.below(8)) {
    case 0:
      jump(device().bar);
      break;
    case 1:
      port_out(kSleepPort, 0, 0x34);
      break;
    case 2:
      port_out(random_.one_in(2) ? kPanicPort : kResetPort, 0, 1);
      break;
    case 3:  // INIT, NMI and others, to whom it hits
      write_msr(kX2ApicCommand, std::uint64_t{random_.below(4)} << 32U | random_.below(8) << 8U | 0x4000U |
                                    random_.below(256));
      break;
    case 4:
      store(kLocalApic + random_.below(0x400), static_cast<std::uint32_t>(random_.next()));
      break;
    case 5:  // mostly a fault, which nobody handles
      write_msr(kX2Apic + random_.below(0x40), random_.next());
      break;
    case 6:  // off, back as an xAPIC, elsewhere
      write_msr(kApicBase, kLocalApic | random_.below(16) << 8U);
      write_msr(kApicBase, random_.one_in(2) ? kLocalApic | 0x800U : (kRamEnd - 0x1000U) | 0x800U);
      store<std::uint32_t>(kLocalApic + 0x310, random_.below(4) << 24U);
      store<std::uint32_t>(kLocalApic + 0x300, random_.below(8) << 8U | 0x4000U | random_.below(256));
      break;
    default:
      port_out(kMarkPort, 0, 0x61);
      break;
  }
}

}  // namespace hostile
