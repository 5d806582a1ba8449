// SPDX-License-Identifier: Apache-2.0
#include "pool/filler.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <pthread.h>
#include <sched.h>

#include "base/error.hpp"
#include "base/event_fd.hpp"

namespace mayfly::pool {
bool Filler::Job::has_part() const noexcept {
  return !begun || (filling != nullptr && refusal.empty() && next < shelf->kind().bytes);
}

Filler::Filler(Source& source, Background background)
    : source_(source), background_(background), event_(make_event()) {
  if (!event_) {
    fail_errno("eventfd");
  }
  idle_ = std::thread([this] { run(Priority::kIdle); });
  set_background_policy(SCHED_IDLE);
  ordinary_ = std::thread([this] { run(Priority::kOrdinary); });
}

Filler::~Filler() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    changed_.notify_all();
  }
  idle_.join();
  ordinary_.join();
}

void Filler::fill(Shelf& shelf) {
  const std::lock_guard lock(mutex_);
  jobs_.emplace_back().shelf = &shelf;
  changed_.notify_all();
}

void Filler::give_back(Shelf& shelf, Fd memory) {
  const std::lock_guard lock(mutex_);
  const auto first_new = std::ranges::find_if(jobs_, [](const Job& job) { return !job.begun; });
  Job& job = *jobs_.emplace(first_new);
  job.shelf = &shelf;
  job.leaving = std::move(memory);
  changed_.notify_all();
}

void Filler::set_urgent(bool urgent) {
  const std::lock_guard lock(mutex_);
  if (std::exchange(urgent_, urgent) != urgent) {
    set_background_policy(urgent ? SCHED_OTHER : SCHED_IDLE);
    changed_.notify_all();
  }
}

void Filler::set_background_policy(int policy) noexcept {
  if (background_ == Background::kIdle) {
    // Where the host does not let us, the thread stays as it is.
    const sched_param none{};
    (void)::pthread_setschedparam(idle_.native_handle(), policy, &none);
  }
}

std::vector<Filler::Done> Filler::take_done() {
  (void)take_event(event_.get());
  const std::lock_guard lock(mutex_);
  return std::exchange(done_, {});
}

void Filler::run(Priority priority) noexcept {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stop_ || next_job(priority) != jobs_.end(); });
    if (stop_) {
      return;
    }
    work_on(next_job(priority), lock);
  }
}

Filler::Jobs::iterator Filler::next_job(Priority priority) noexcept {
  return priority == Priority::kOrdinary && !urgent_ ? jobs_.end()
                                                     : std::ranges::find_if(jobs_, &Job::has_part);
}

void Filler::work_on(Jobs::iterator job, std::unique_lock<std::mutex>& lock) {
  if (job->leaving) {
    give_back(job, lock);
    return;
  }
  ++job->workers;
  if (!job->begun) {
    begin(*job, lock);
  } else {
    fill_part(*job, lock);
  }
  --job->workers;
  const bool is_over = !job->refusal.empty() || job->next >= job->shelf->kind().bytes;
  if (!is_over || job->workers > 0) {
    return;
  }
  Jobs over;
  over.splice(over.begin(), jobs_, job);
  lock.unlock();
  Result<Fd, std::string> result = unexpected(job->refusal);
  if (job->refusal.empty()) {
    result = job->filling->take();
  }
  job->filling.reset();  // Takes time: it unmaps all.
  lock.lock();
  tell({job->shelf, std::move(result)});
}

void Filler::give_back(Jobs::iterator job, std::unique_lock<std::mutex>& lock) {
  Jobs over;
  over.splice(over.begin(), jobs_, job);
  lock.unlock();
  source_.give_back(std::move(job->leaving), job->shelf->kind().bytes);
  lock.lock();
  tell({job->shelf, GivenBack{}});
}

void Filler::begin(Job& job, std::unique_lock<std::mutex>& lock) {
  job.begun = true;
  lock.unlock();
  std::unique_ptr<Filling> filling;
  std::string refusal;
  try {
    filling = source_.begin(job.shelf->kind());
  } catch (const std::exception& error) {
    refusal = error.what();
  }
  lock.lock();
  job.filling = std::move(filling);
  job.refusal = std::move(refusal);
  changed_.notify_all();
}

void Filler::fill_part(Job& job, std::unique_lock<std::mutex>& lock) {
  const MemoryKind& kind = job.shelf->kind();
  const std::uint64_t bytes = std::min(std::max(kPartBytes, page_bytes(kind.pages)), kind.bytes - job.next);
  const Piece part{job.next, bytes};
  job.next += bytes;
  Filling& filling = *job.filling;
  lock.unlock();
  auto done = filling.fill(part);
  lock.lock();
  if (!done.has_value() && job.refusal.empty()) {
    job.refusal = std::move(done.error());
  }
}

void Filler::tell(Done done) {
  done_.push_back(std::move(done));
  ring_event(event_.get());
}

}  // namespace mayfly::pool
