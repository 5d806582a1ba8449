// SPDX-License-Identifier: Apache-2.0
#include "guest-init/dhcp_exchange.hpp"

#include <algorithm>

namespace mayfly::init {
namespace {

using protocol::Ipv4Address;

constexpr Ipv4Address kAll{255, 255, 255, 255};
constexpr std::uint64_t kSecondMs = 1000;
/// Before the second letter; each pause is twice the last, up to kPauseMaxMs.
constexpr std::uint64_t kPauseMs = 1000;
constexpr std::uint64_t kPauseMaxMs = 64'000;
/// The least before a lease is asked for again (RFC 2131, 4.4.5, has a minute), or half of what is left.
constexpr std::uint64_t kRenewPauseMaxMs = 60'000;
constexpr std::uint64_t kRenewPauseMinMs = 1000;
/// An offer that its server gives nobody after so many requests is forgotten.
constexpr std::uint32_t kRequestsMax = 4;

/// When a time of a lease is there.
[[nodiscard]] std::uint64_t after(std::uint64_t begin_ms, std::uint32_t seconds) noexcept {
  return seconds == kForever ? DhcpExchange::kNever : begin_ms + seconds * kSecondMs;
}

}  // namespace

void DhcpExchange::start_over(std::uint64_t now_ms) noexcept {
  state_ = State::kSelecting;
  lease_ = {};
  ++transaction_;
  sent_ = 0;
  began_ms_ = now_ms;
  due_ms_ = now_ms;
}

void DhcpExchange::bind(const Lease& lease, std::uint64_t now_ms) noexcept {
  // From when it was first asked for: the server counts from later.
  leased_ms_ = std::min(began_ms_, now_ms);
  lease_ = lease;
  state_ = State::kBound;
  due_ms_ = std::max(after(leased_ms_, lease_.renew), now_ms + kRenewPauseMinMs);
}

DhcpExchange::Letter DhcpExchange::letter(std::uint64_t now_ms) const noexcept {
  const std::uint64_t seconds = (now_ms - began_ms_) / kSecondMs;
  Letter letter{.question = {.kind = DhcpKind::kRequest,
                             .transaction = transaction_,
                             .mac = mac_,
                             .seconds = static_cast<std::uint16_t>(std::min<std::uint64_t>(seconds, 0xffff)),
                             .own = {},
                             .wanted = {},
                             .server = {}},
                .to = kAll};
  switch (state_) {
    case State::kSelecting:
      letter.question.kind = DhcpKind::kDiscover;
      break;
    case State::kRequesting:
      letter.question.wanted = lease_.address;
      letter.question.server = lease_.server;
      break;
    case State::kRenewing:
      letter.to = lease_.server;
      [[fallthrough]];
    case State::kBound:
    case State::kRebinding:
      letter.question.own = lease_.address;
      break;
  }
  return letter;
}

std::uint64_t DhcpExchange::end_of_pause(std::uint64_t now_ms) const noexcept {
  if (state_ == State::kSelecting || state_ == State::kRequesting) {
    return now_ms + std::min(kPauseMs << std::min(sent_ - 1, 10U), kPauseMaxMs);
  }
  const std::uint64_t limit = after(leased_ms_, state_ == State::kRenewing ? lease_.rebind : lease_.ends);
  const std::uint64_t pause = std::clamp((limit - now_ms) / 2, kRenewPauseMinMs, kRenewPauseMaxMs);
  return std::min(now_ms + pause, limit);
}

std::optional<DhcpExchange::Letter> DhcpExchange::advance(std::uint64_t now_ms) noexcept {
  if (now_ms < due_ms_) {
    return std::nullopt;
  }
  if (state_ == State::kRequesting && sent_ == kRequestsMax) {
    start_over(now_ms);
  } else if (state_ >= State::kBound) {
    const State before = state_;
    if (now_ms >= after(leased_ms_, lease_.ends)) {
      start_over(now_ms);
    } else {
      state_ = now_ms >= after(leased_ms_, lease_.rebind) ? State::kRebinding : State::kRenewing;
    }
    if (before == State::kBound && state_ >= State::kRenewing) {
      ++transaction_;
      began_ms_ = now_ms;
    }
  }
  ++sent_;
  due_ms_ = end_of_pause(now_ms);
  return letter(now_ms);
}

bool DhcpExchange::receive(std::span<const std::uint8_t> bytes, std::uint64_t now_ms) noexcept {
  const auto answer = parse_dhcp(bytes, mac_, transaction_);
  if (!answer || state_ == State::kBound) {
    return false;
  }
  const bool is_its_server = answer->lease.server == lease_.server;
  if (state_ == State::kSelecting) {
    if (answer->kind == DhcpKind::kOffer) {
      lease_ = answer->lease;
      state_ = State::kRequesting;
      began_ms_ = now_ms;
      sent_ = 0;
      due_ms_ = now_ms;
    }
    return false;
  }
  // Only who has offered it, or has leased it, takes it back or changes it.
  if (!is_its_server && state_ != State::kRebinding) {
    return false;
  }
  if (answer->kind == DhcpKind::kNak) {
    start_over(now_ms);
    due_ms_ = now_ms + kPauseMs;  // a server that refuses whatever it offers is not asked without end
    return false;
  }
  if (answer->kind != DhcpKind::kAck || answer->lease.address != lease_.address) {
    return false;
  }
  bind(answer->lease, now_ms);
  return true;
}

}  // namespace mayfly::init
