// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/counted.hpp"

#include <array>
#include <cstdlib>
#include <filesystem>

#include <unistd.h>

#include "base/error.hpp"
#include "ci/gate/files.hpp"
#include "ci/gate/launcher.hpp"
#include "ci/gate/measurement.hpp"
#include "ci/gate/plan.hpp"

namespace mayfly::gate {
namespace {

constexpr const char* kProgram = "/proc/self/exe";
// An emulated boot takes a second or two; a crowded machine some times that.
constexpr std::uint64_t kSecondsToStart = 300;
constexpr std::uint64_t kSecondsPerBoot = 30;

struct File {
  std::string host;
  std::string lab;
};

// The places that a variant's files have in the lab. What both variants share is there once, and all paths
// have the same length: the length of a command line alone moves the count.
class Packing {
 public:
  [[nodiscard]] Variant place(const Variant& variant, const std::string& directory) {
    Variant placed = variant;
    placed.mayfly = place_file(variant.mayfly, directory + "/mayfly");
    placed.kernel = place_file(variant.kernel, directory + "/kernel");
    placed.image = place_file(variant.image, directory + "/image");
    return placed;
  }

  [[nodiscard]] const std::vector<File>& files() const noexcept { return files_; }

 private:
  std::string place_file(const std::string& host, const std::string& lab) {
    const std::string real = std::filesystem::canonical(host).string();
    for (const File& file : files_) {
      if (file.host == real) {
        return file.lab;
      }
    }
    files_.push_back({real, lab});
    return lab;
  }

  std::vector<File> files_;
};

std::vector<std::string> lab_words(const CountedPlan& plan, const std::string& results,
                                   const std::string& plan_file) {
  Packing packing;
  std::vector<Variant> placed;
  for (const Variant& variant : plan.boots.variants) {
    placed.push_back(packing.place(variant, "/gate/" + std::to_string(placed.size())));
  }
  write_file(plan_file, to_text(placed));
  const std::uint64_t boots = plan.boots.variants.size() * (plan.boots.boots + plan.boots.warm_up);
  std::vector<std::string> words = {plan.lab,
                                    "--results",
                                    results,
                                    "--timeout",
                                    std::to_string(kSecondsToStart + kSecondsPerBoot * boots),
                                    "--hugepages-2m",
                                    std::to_string(plan.hugepages_2m),
                                    "--file",
                                    std::filesystem::canonical(kProgram).string() + ":/gate/mayfly-gate",
                                    "--file",
                                    plan_file + ":/gate/plan"};
  for (const File& file : packing.files()) {
    words.insert(words.end(), {"--file", file.host + ":" + file.lab});
  }
  words.insert(words.end(), {"--", "/gate/mayfly-gate", "measure", "--in-lab", "--plan", "/gate/plan",
                             "--output-directory", results, "--boots", std::to_string(plan.boots.boots),
                             "--warm-up", std::to_string(plan.boots.warm_up), "--boot-timeout",
                             std::to_string(plan.boots.timeout_ns / 1'000'000) + "ms"});
  return words;
}

}  // namespace

std::string default_lab() {
  if (const char* lab = std::getenv("MAYFLY_GATE_LAB"); lab != nullptr && *lab != '\0') {
    return lab;
  }
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink(kProgram, error);
  return (program.parent_path() / "../../ci/lab/counted").lexically_normal().string();
}

Counted measure_counted(const CountedPlan& plan) {
  if (::access(plan.lab.c_str(), X_OK) != 0) {
    throw Error("counting needs the lab of a Mayfly checkout, and there is none at " + plan.lab +
                "; set MAYFLY_GATE_LAB to the checkout's ci/lab/counted");
  }
  Counted counted;
  counted.samples.resize(plan.boots.variants.size());
  for (std::uint64_t run = 0; run < plan.runs; ++run) {
    const TemporaryDirectory scratch;
    const std::string results = scratch.path() + "/results";
    std::filesystem::create_directory(results);
    const LaunchEnd end = launch({.words = lab_words(plan, results, scratch.path() + "/plan")});
    if (end.status != 0) {
      throw Error("run " + std::to_string(run + 1) + " in the lab ended with status " +
                  std::to_string(end.status) + "; its reason is above");
    }
    for (std::size_t i = 0; i < counted.samples.size(); ++i) {
      const std::string file = results + "/" + plan.boots.variants[i].name + ".json";
      Measurement inner = parse_measurement(file, read_file(file));
      counted.host = inner.fingerprint.host;
      for (Sample& sample : inner.samples) {
        sample.run = run;
        counted.samples[i].push_back(std::move(sample));
      }
    }
  }
  return counted;
}

}  // namespace mayfly::gate
