// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/measure.hpp"

#include <cstdio>
#include <optional>

#include <unistd.h>

#include "base/error.hpp"
#include "ci/gate/files.hpp"
#include "ci/gate/launcher.hpp"

namespace mayfly::gate {
namespace {

constexpr std::size_t kTailLines = 20;

class Booter {
 public:
  explicit Booter(std::uint64_t timeout_ns) : timeout_ns_(timeout_ns) {}

  // `name` says which boot it is.
  [[nodiscard]] Sample boot(const Variant& variant, const std::string& name) {
    for (const std::string& file : {timeline(), console(), output()}) {
      ::unlink(file.c_str());
    }
    const LaunchEnd end = launch({.words = words(variant), .output = output(), .timeout_ns = timeout_ns_});
    if (end.by == EndedBy::kTimeLimit) {
      fail(name, "did not end within " + std::to_string(timeout_ns_ / 1'000'000) +
                     " ms and was killed; allow more with --boot-timeout");
    }
    if (end.status != 0) {
      fail(name, "ended with status " + std::to_string(end.status));
    }
    Sample sample = parse_timeline(timeline(), parse_json(timeline(), read_file(timeline())));
    sample.resident_bytes = end.resident_bytes;
    if (const auto fault = fault_of(sample)) {
      fail(name, *fault);
    }
    return sample;
  }

 private:
  [[nodiscard]] std::string timeline() const { return scratch_.path() + "/timeline"; }
  [[nodiscard]] std::string console() const { return scratch_.path() + "/console"; }
  [[nodiscard]] std::string output() const { return scratch_.path() + "/output"; }

  [[nodiscard]] std::vector<std::string> words(const Variant& variant) const {
    std::vector<std::string> words = {variant.mayfly, "run",        "--image",  variant.image, "--kernel",
                                      variant.kernel, "--timeline", timeline(), "--console",   console()};
    words.insert(words.end(), variant.options.begin(), variant.options.end());
    if (!variant.command.empty()) {
      words.emplace_back("--");
      words.insert(words.end(), variant.command.begin(), variant.command.end());
    }
    return words;
  }

  [[noreturn]] void fail(const std::string& name, const std::string& why) const {
    std::string sentence = name + " " + why;
    for (const auto& [what, file] : {std::pair("console", console()), std::pair("output", output())}) {
      const std::string tail = tail_of(file, kTailLines);
      sentence += std::string("\n--- the end of its ") + what + (tail.empty() ? ": nothing" : ":\n" + tail);
    }
    throw Error(sentence);
  }

  std::uint64_t timeout_ns_;
  TemporaryDirectory scratch_;
};

// Only for people who watch: writing between boots is work, too.
void show_progress(std::uint64_t turn, std::uint64_t turns) {
  if (::isatty(STDERR_FILENO) == 1) {
    static_cast<void>(std::fprintf(stderr, "\rmayfly-gate: boot %llu of %llu%s",
                                   static_cast<unsigned long long>(turn),
                                   static_cast<unsigned long long>(turns), turn == turns ? "\n" : ""));
  }
}

}  // namespace

std::vector<std::vector<Sample>> measure_boots(const BootPlan& plan) {
  Booter booter(plan.timeout_ns);
  std::vector<std::vector<Sample>> samples(plan.variants.size());
  const std::uint64_t turns = plan.warm_up + plan.boots;
  for (std::uint64_t turn = 0; turn < turns; ++turn) {
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const std::size_t which = turn % 2 == 0 ? i : samples.size() - 1 - i;
      const bool warming = turn < plan.warm_up;
      const std::string name = (warming ? "warm-up boot " : "boot ") +
                               std::to_string(turn + 1 - (warming ? 0 : plan.warm_up)) +
                               (samples.size() == 1 ? "" : " of " + plan.variants[which].name);
      Sample sample = booter.boot(plan.variants[which], name);
      if (!warming) {
        samples[which].push_back(std::move(sample));
      }
    }
    show_progress(turn + 1, turns);
  }
  return samples;
}

}  // namespace mayfly::gate
