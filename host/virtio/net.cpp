// SPDX-License-Identifier: Apache-2.0
#include "virtio/net.hpp"

#include <mutex>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "base/say.hpp"
#include "virtio/copying_pair.hpp"
#include "virtio/served_pair.hpp"

namespace mayfly::virtio {
namespace {

constexpr std::uint16_t kPacketQueueSize = 256;
/// Linux has one command under way.
constexpr std::uint16_t kControlQueueSize = 16;

NetLimit* pointer_to(std::optional<NetLimit>& limit) noexcept { return limit ? &*limit : nullptr; }

}  // namespace

Net::Net(std::vector<NetEnd> ends, const Mac& mac, const RateLimits& receive, const RateLimits& send) {
  MAYFLY_ASSERT(!ends.empty() && ends.size() <= kPairsMax);
  port_ = &ends.front().port;
  if (receive.any()) {
    receive_limit_.emplace(receive);
    receive_clock_ = ends.front().receive_alarm.get();
  }
  if (send.any()) {
    send_limit_.emplace(send);
    send_clock_ = ends.front().send_alarm.get();
  }
  config_ = {mac, kNetLinkUp, static_cast<std::uint16_t>(ends.size()), ends.front().port.mtu()};
  const NetPairLimits limits{pointer_to(receive_limit_), pointer_to(send_limit_)};
  NetPair::Device& device = *this;
  for (NetEnd& end : ends) {
    if (end.server != nullptr) {
      MAYFLY_ASSERT(!receive_limit_ && !send_limit_);
      pairs_.push_back(std::make_unique<ServedPair>(device, pairs_.size(), std::move(end)));
    } else {
      pairs_.push_back(std::make_unique<CopyingPair>(device, pairs_.size(), std::move(end), limits));
    }
    queue_sizes_.insert(queue_sizes_.end(), NetPair::kQueues, kPacketQueueSize);
  }
  if (has_several()) {
    queue_sizes_.push_back(kControlQueueSize);
  }
}

std::uint16_t Net::vectors() const noexcept {
  // The control queue has none: Linux looks for the answer (virtnet_send_command).
  return has_several() ? static_cast<std::uint16_t>(1 + NetPair::kQueues * pairs_.size())
                       : VirtioDevice::vectors();
}

std::uint64_t Net::offered_features() const noexcept {
  return features_of(port_->offered()) | kNetMac | kNetMtu | kNetStatus | kNetMergeable |
         (has_several() ? kNetControlQueue | kNetSeveralPairs : 0) | kFeatureIndirectDescriptors |
         kFeatureEventIndex;
}

NetCounts Net::counts() const noexcept {
  NetCounts counts;
  for (const auto& pair : pairs_) {
    counts += pair->counts();
  }
  if (send_limit_) {
    counts.send_waits = send_limit_->counts(send_clock_->now());
  }
  if (receive_limit_) {
    counts.receive_waits = receive_limit_->counts(receive_clock_->now());
  }
  return counts;
}

void Net::activate(const Activation& activation) noexcept {
  queues_ = activation.queues;
  link_ = activation.link;
  features_ = activation.features;
  const std::size_t pairs = (features_ & kNetSeveralPairs) != 0 ? pairs_.size() : 1;
  for (std::size_t i = 0; i < pairs; ++i) {
    pairs_[i]->activate(queues_.subspan(i * NetPair::kQueues, NetPair::kQueues), features_, driver_);
  }
}

std::size_t Net::control_queue() const noexcept {
  return (features_ & kNetSeveralPairs) != 0 ? NetPair::kQueues * pairs_.size() : NetPair::kQueues;
}

void Net::notify(std::uint16_t queue) noexcept {
  if (const std::size_t pair = queue / NetPair::kQueues; queue == control_queue()) {
    serve_control();
  } else if (pair < pairs_.size()) {
    pairs_[pair]->ring(queue % NetPair::kQueues);
  }
}

int Net::doorbell(std::size_t queue) const noexcept {
  const std::size_t pair = queue / NetPair::kQueues;
  return pair < pairs_.size() ? pairs_[pair]->bell_of(queue % NetPair::kQueues) : -1;
}

int Net::interrupt_event(std::size_t queue) const noexcept {
  const std::size_t pair = queue / NetPair::kQueues;
  return pair < pairs_.size() ? pairs_[pair]->interrupt_event(queue % NetPair::kQueues) : -1;
}

void Net::pause() noexcept {
  for (const auto& pair : pairs_) {
    pair->pause();
  }
}

void Net::resume() noexcept {
  for (const auto& pair : pairs_) {
    pair->resume();
  }
}

void Net::reset() noexcept {
  for (const auto& pair : pairs_) {
    pair->reset();
  }
  queues_ = {};
  link_ = nullptr;
  features_ = 0;
  ++driver_;
  if (receive_limit_) {
    receive_limit_->let_go(receive_clock_->now());
  }
  if (send_limit_) {
    send_limit_->let_go(send_clock_->now());
  }
}

void Net::tell(std::size_t pair, std::uint64_t driver, const NetPair::News& news) noexcept {
  const std::lock_guard lock(mutex());
  if (news.port_is_lost) {
    lose_link();
  }
  // The next driver knows nothing of it.
  if (link_ == nullptr || driver != driver_) {
    return;
  }
  for (std::size_t i = 0; i < NetPair::kQueues; ++i) {
    const auto queue = static_cast<std::uint16_t>(pair * NetPair::kQueues + i);
    if (news.interrupts[i]) {
      link_->queue_interrupt(queue);
    }
    if (news.faults[i]) {
      link_->needs_reset(queue, *news.faults[i]);
    }
  }
}

void Net::lose_link() noexcept {
  if (std::exchange(config_.status, std::uint16_t{0}) == 0) {
    return;  // another pair has told of it
  }
  warn(std::string(port_->name()) + " of --net is gone; the guest has no link there any more");
  if (link_ != nullptr) {
    link_->config_interrupt();
  }
}

void Net::rung_without_a_pair() noexcept {
  const std::lock_guard lock(mutex());
  // Of a driver that does not know several pairs this is where the second one's doorbell would be.
  if (!queues_.empty()) {
    serve_control();
  }
}

void Net::serve_control() noexcept {
  if ((features_ & kNetControlQueue) != 0) {
    serve(queues_[control_queue()], [this](DescriptorChain& chain) { return answer(chain); });
  }
}

std::optional<QueueFault> Net::answer(DescriptorChain& chain) noexcept {
  NetCommand command{};
  if (chain.writable() == 0) {
    return QueueFault::kBadRequest;  // there is nowhere to say what is wrong
  }
  const bool is_whole = chain.read(std::as_writable_bytes(std::span(&command, 1))) == sizeof(command);
  const auto ack = static_cast<std::byte>(is_whole && carry_out(command) ? kNetAckOk : kNetAckError);
  chain.write(std::span(&ack, 1));
  return std::nullopt;
}

bool Net::carry_out(const NetCommand& command) noexcept {
  if (command.kind != kNetPairsSet || (features_ & kNetSeveralPairs) == 0 || command.pairs == 0 ||
      command.pairs > pairs_.size()) {
    return false;
  }
  for (std::size_t i = 0; i < pairs_.size(); ++i) {
    pairs_[i]->enable(i < command.pairs);
  }
  return true;
}

}  // namespace mayfly::virtio
