// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "pool/source.hpp"

namespace mayfly::pool {

/// Fills memory and gives it back, off the way of those who ask for it: on a thread of idle priority
/// (SCHED_IDLE), which takes what CPU time nobody else wants. While somebody waits that thread is of ordinary
/// priority, where the host lets it be (root, or RLIMIT_NICE), and there is a second one, which always is.
/// The two share the parts of each piece, so that what the first has begun the second ends.
///
/// Used by one thread.
class Filler {
 public:
  /// A part is what somebody who waits may have to wait for the idle thread to end: a millisecond of its
  /// time.
  static constexpr std::uint64_t kPartBytes = 4ULL << 20U;

  /// What has been done for a shelf: memory was filled, or could not be, for the reason that is said; or was
  /// given back.
  struct GivenBack {};
  struct Done {
    Shelf* shelf;
    std::variant<Result<Fd, std::string>, GivenBack> what;
  };

  /// What the first thread has while nobody waits.
  enum class Background : std::uint8_t { kIdle, kOrdinary };

  /// `source` outlives this. Block signals before.
  Filler(Source& source, Background background);
  Filler(const Filler&) = delete;
  Filler& operator=(const Filler&) = delete;
  /// Ends what is under way after the parts that are being filled.
  ~Filler();

  void fill(Shelf& shelf);
  /// Before all that is to be filled and has not been begun: what is filled may need those pages.
  void give_back(Shelf& shelf, Fd memory);
  /// Whether somebody waits.
  void set_urgent(bool urgent);

  /// An eventfd, readable when there is something to take.
  [[nodiscard]] int event() const noexcept { return event_.get(); }
  /// What has been done since the last call.
  [[nodiscard]] std::vector<Done> take_done();

 private:
  enum class Priority : std::uint8_t { kIdle, kOrdinary };
  struct Job {
    Shelf* shelf;
    /// To be given back; absent: to be filled.
    Fd leaving{};
    std::unique_ptr<Filling> filling{};
    /// Somebody has it; for what is filled, up to where.
    bool begun = false;
    std::uint64_t next = 0;
    std::uint32_t workers = 0;
    std::string refusal{};

    [[nodiscard]] bool has_part() const noexcept;
  };
  using Jobs = std::list<Job>;

  void run(Priority priority) noexcept;
  [[nodiscard]] Jobs::iterator next_job(Priority priority) noexcept;
  // With the lock held, but while they are at work.
  void work_on(Jobs::iterator job, std::unique_lock<std::mutex>& lock);
  void give_back(Jobs::iterator job, std::unique_lock<std::mutex>& lock);
  void begin(Job& job, std::unique_lock<std::mutex>& lock);
  void fill_part(Job& job, std::unique_lock<std::mutex>& lock);
  void tell(Done done);

  void set_background_policy(int policy) noexcept;

  Source& source_;
  Background background_;
  Fd event_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Jobs jobs_;
  std::vector<Done> done_;
  bool urgent_ = false;
  bool stop_ = false;
  std::thread idle_;
  std::thread ordinary_;
};

}  // namespace mayfly::pool
