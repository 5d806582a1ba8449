// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include "sandbox/rules.hpp"

namespace mayfly::sandbox {

/// A filter in classic BPF (seccomp(2)), of at most kMax instructions, so that every jump reaches.
struct BpfProgram {
  static constexpr std::size_t kMax = 255;
  std::array<sock_filter, kMax> instructions{};
  std::size_t size = 0;
  /// Where the instruction is that decides about all that no rule allows.
  std::size_t denial = 0;
  /// Where this process's number is to be put, as `k`; 0: nowhere.
  std::size_t own_process = 0;
  /// The same for the folder that a file of ours is removed from.
  std::size_t own_folder = 0;
};

namespace detail {

/// Builds a program at compile time: what does not fit does not compile.
class BpfCompiler {
 public:
  constexpr explicit BpfCompiler(std::span<const Rule> rules, Threads wanted) {
    for (const Rule& rule : rules) {
      if ((rule.threads & wanted) != 0) {
        rules_[count_++] = rule;
      }
    }
    // Stable: alternatives of a call stay in the table's order, the hottest first.
    for (std::size_t i = 1; i < count_; ++i) {
      for (std::size_t j = i; j > 0 && rules_[j].call < rules_[j - 1].call; --j) {
        std::swap(rules_[j], rules_[j - 1]);
      }
    }
    for (std::size_t i = 0; i < count_; ++i) {
      if (i == 0 || rules_[i].call != rules_[i - 1].call) {
        calls_[call_count_++] = {i, i + 1};
      } else {
        calls_[call_count_ - 1].end = i + 1;
      }
    }
  }

  constexpr BpfProgram compile() {
    load(offsetof(seccomp_data, arch));
    jump(BPF_JEQ, AUDIT_ARCH_X86_64, next(), kDeny);
    load(offsetof(seccomp_data, nr));
    // The call of which there are most is decided before all others.
    for (std::size_t i = 0; i < call_count_; ++i) {
      if (number(i) == SYS_ioctl) {
        jump(BPF_JEQ, SYS_ioctl, target_of(i), next());
      }
    }
    search(0, call_count_);
    for (std::size_t i = 0; i < call_count_; ++i) {
      blocks_[i] = size_;
      if (!rules_[calls_[i].begin].is_unconditional()) {
        check(calls_[i]);
      }
    }
    return link();
  }

  /// Denies what `rules` allow to these, and not to `kept`; allows all else.
  constexpr BpfProgram compile_difference(Threads kept) {
    load(offsetof(seccomp_data, nr));
    for (std::size_t i = 0; i < call_count_; ++i) {
      if (lost(calls_[i], kept) > 0) {
        const bool is_denied = lost(calls_[i], kept) == calls_[i].end - calls_[i].begin;
        jump(BPF_JEQ, number(i), is_denied ? kDeny : kFirstBlock - static_cast<int>(i), kNext);
      }
    }
    code_[size_ - 1].if_false = kAllow;
    for (std::size_t i = 0; i < call_count_; ++i) {
      blocks_[i] = size_;
      const std::size_t count = lost(calls_[i], kept);
      if (count > 0 && count < calls_[i].end - calls_[i].begin) {
        deny_lost(calls_[i], kept);
      }
    }
    return link();
  }

 private:
  // Targets of jumps until they are linked: an instruction, one of these, or the block of a call.
  static constexpr int kDeny = -1;
  static constexpr int kAllow = -2;
  static constexpr int kNotThere = -3;
  static constexpr int kNext = -4;
  static constexpr int kAlternative = -5;
  static constexpr int kFirstBlock = -16;
  static constexpr std::uint32_t kNoArgument = ~0U;

  struct Instruction {
    sock_filter made;
    int if_true;
    int if_false;
  };
  struct Call {
    std::size_t begin;
    std::size_t end;
  };

  [[nodiscard]] constexpr std::uint32_t number(std::size_t call) const {
    return rules_[calls_[call].begin].call;
  }
  [[nodiscard]] constexpr int next() const { return static_cast<int>(size_) + 1; }
  constexpr void add(sock_filter made, int if_true, int if_false) {
    code_[size_++] = {made, if_true, if_false};
  }
  constexpr void load(std::size_t offset) {
    add({BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<std::uint32_t>(offset)}, next(), next());
  }
  constexpr void jump(unsigned test, std::uint32_t value, int if_true, int if_false) {
    add({static_cast<std::uint16_t>(BPF_JMP | BPF_K | test), 0, 0, value}, if_true, if_false);
  }

  [[nodiscard]] constexpr int target_of(std::size_t call) const {
    const Rule& rule = rules_[calls_[call].begin];
    if (!rule.is_unconditional()) {
      return kFirstBlock - static_cast<int>(call);
    }
    return rule.verdict == Verdict::kAllow ? kAllow : kNotThere;
  }

  // A binary search for the number among calls [begin, end), down to a few that are looked at in turn: the
  // kernel compiles what it gets, so that an instruction less is worth more than a step less.
  constexpr void search(std::size_t begin, std::size_t end) {
    constexpr std::size_t kInTurn = 4;
    if (end - begin <= kInTurn) {
      for (std::size_t i = begin; i < end; ++i) {
        jump(BPF_JEQ, number(i), target_of(i), i + 1 < end ? kNext : kDeny);
      }
      return;
    }
    const std::size_t middle = begin + (end - begin) / 2;
    const std::size_t at = size_;
    jump(BPF_JGE, number(middle), 0, kNext);
    search(begin, middle);
    code_[at].if_true = static_cast<int>(size_);
    search(middle, end);
  }

  // One alternative after the other; what is loaded is kept from one to the next.
  constexpr void check(const Call& call) {
    std::uint32_t loaded = kNoArgument;
    for (std::size_t i = call.begin; i < call.end; ++i) {
      const int otherwise = i + 1 < call.end ? kAlternative : kDeny;
      const std::size_t first = size_;
      const Condition& second = rules_[i].conditions[1];
      const bool is_pair = second.kind != Condition::Kind::kNone;
      test(rules_[i].conditions[0], loaded, is_pair ? kNext : kAllow, otherwise);
      if (is_pair) {
        test(second, loaded, kAllow, otherwise);
        loaded = kNoArgument;  // which of both it is depends on the way here
      }
      for (std::size_t at = first; at < size_; ++at) {
        for (int* target : {&code_[at].if_true, &code_[at].if_false}) {
          *target = *target == kAlternative ? static_cast<int>(size_) : *target;
        }
      }
    }
  }

  // How many alternatives of a call `kept` do not have.
  [[nodiscard]] constexpr std::size_t lost(const Call& call, Threads kept) const {
    std::size_t count = 0;
    for (std::size_t i = call.begin; i < call.end; ++i) {
      count += (rules_[i].threads & kept) == 0 ? 1U : 0U;
    }
    return count;
  }

  // Of alternatives by one argument's value. The first is the hottest, so it is let through first.
  constexpr void deny_lost(const Call& call, Threads kept) {
    load(offsetof(seccomp_data, args) + rules_[call.begin].conditions[0].argument * sizeof(std::uint64_t));
    for (std::size_t i = call.begin; i < call.end; ++i) {
      const Condition& condition = rules_[i].conditions[0];
      if (condition.kind != Condition::Kind::kIs || rules_[i].conditions[1].kind != Condition::Kind::kNone ||
          condition.argument != rules_[call.begin].conditions[0].argument) {
        throw "alternatives that only some threads have must be values of one argument";
      }
      const bool is_kept = (rules_[i].threads & kept) != 0;
      if (!is_kept || i == call.begin) {
        jump(BPF_JEQ, condition.value, is_kept ? kAllow : kDeny, kNext);
      }
    }
    code_[size_ - 1].if_false = kAllow;
  }

  constexpr void test(const Condition& condition, std::uint32_t& loaded, int if_held, int otherwise) {
    if (loaded != condition.argument) {
      load(offsetof(seccomp_data, args) + condition.argument * sizeof(std::uint64_t));
      loaded = condition.argument;
    }
    if (condition.kind == Condition::Kind::kHasNoneOf) {
      jump(BPF_JSET, condition.value, otherwise, if_held);
      return;
    }
    if (condition.kind == Condition::Kind::kIsOwnProcess) {
      own_process_ = size_;
    }
    if (condition.kind == Condition::Kind::kIsOwnFolder) {
      own_folder_ = size_;
    }
    jump(BPF_JEQ, condition.value, if_held, otherwise);
  }

  // How many instructions are to be skipped from `at` to the target.
  [[nodiscard]] constexpr std::uint8_t distance(std::size_t at, int target, std::size_t denial) const {
    std::size_t to = 0;
    if (target >= 0) {
      to = static_cast<std::size_t>(target);
    } else if (target == kNext) {
      to = at + 1;
    } else if (target <= kFirstBlock) {
      to = blocks_[static_cast<std::size_t>(kFirstBlock - target)];
    } else {
      to = denial + static_cast<std::size_t>(kDeny - target);
    }
    return static_cast<std::uint8_t>(to - at - 1);
  }

  constexpr BpfProgram link() {
    const std::size_t denial = size_;
    for (const std::uint32_t verdict :
         {SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | ENOSYS}) {
      add({BPF_RET | BPF_K, 0, 0, verdict}, next(), next());
    }
    BpfProgram program;
    program.size = size_;
    program.denial = denial;
    program.own_process = own_process_;
    program.own_folder = own_folder_;
    for (std::size_t i = 0; i < size_; ++i) {
      sock_filter made = code_[i].made;
      if (BPF_CLASS(made.code) == BPF_JMP) {
        made.jt = distance(i, code_[i].if_true, denial);
        made.jf = distance(i, code_[i].if_false, denial);
      }
      program.instructions[i] = made;
    }
    return program;
  }

  std::array<Rule, 128> rules_{};
  std::size_t count_ = 0;
  std::array<Call, 64> calls_{};
  std::size_t call_count_ = 0;
  std::array<std::size_t, 64> blocks_{};
  std::array<Instruction, BpfProgram::kMax> code_{};
  std::size_t size_ = 0;
  std::size_t own_process_ = 0;
  std::size_t own_folder_ = 0;
};

}  // namespace detail

/// The filter that allows to `wanted` what `rules` say. With SECCOMP_RET_KILL_PROCESS for all else.
constexpr BpfProgram compile(std::span<const Rule> rules, Threads wanted) {
  return detail::BpfCompiler(rules, wanted).compile();
}

/// The filter for a thread that has inherited the one of `inherited`: both together allow what `rules` say of
/// `kept`, which are among the inherited. The kernel asks both.
constexpr BpfProgram compile_difference(std::span<const Rule> rules, Threads inherited, Threads kept) {
  return detail::BpfCompiler(rules, inherited).compile_difference(kept);
}

/// How many system calls that filter allows, conditions or not; those that are answered by ENOSYS not.
constexpr std::size_t count_allowed(std::span<const Rule> rules, Threads wanted) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const auto counts = [wanted](const Rule& rule) {
      return (rule.threads & wanted) != 0 && rule.verdict == Verdict::kAllow;
    };
    const auto before = rules.first(i);
    count += counts(rules[i]) && std::none_of(before.begin(), before.end(), [&](const Rule& other) {
               return counts(other) && other.call == rules[i].call;
             });
  }
  return count;
}

}  // namespace mayfly::sandbox
