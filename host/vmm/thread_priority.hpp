// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace mayfly::vmm {

/// While it lives, the thread that made it goes before others (nice -20), as far as the host lets the caller
/// (RLIMIT_NICE, CAP_SYS_NICE); nothing where it does not. For a thread that mostly sleeps and that all else
/// waits for: woken, it need not wait until the next tick for a processor that works ahead. By that thread;
/// threads that it starts meanwhile inherit it.
class GoFirst {
 public:
  GoFirst() noexcept;
  ~GoFirst();
  GoFirst(const GoFirst&) = delete;
  GoFirst& operator=(const GoFirst&) = delete;

 private:
  int before_;
};

}  // namespace mayfly::vmm
