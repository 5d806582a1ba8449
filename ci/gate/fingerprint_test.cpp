// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/fingerprint.hpp"

#include <filesystem>

#include "ci/gate/files.hpp"
#include "ci/gate/fixture.hpp"

namespace mayfly::gate {
namespace {

TEST(HostFacts, AreThoseOfItsFiles) {
  const TemporaryDirectory directory;
  const std::string& root = directory.path();
  const auto put = [&](const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root + path).parent_path());
    write_file(root + path, text);
  };
  put("/proc/cpuinfo", "processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\nmicrocode\t: 0xf0\nprocessor\t: 1\n");
  put("/proc/sys/kernel/osrelease", "6.12.1\n");
  put("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n");
  put("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
  put("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "64\n");
  const auto facts = host_facts(root);
  EXPECT_EQ(facts.at("cpu"), "Some CPU @ 3 GHz");
  EXPECT_EQ(facts.at("microcode"), "0xf0");
  EXPECT_EQ(facts.at("kernel"), "6.12.1");
  EXPECT_EQ(facts.at("governor"), "performance");
  EXPECT_EQ(facts.at("thp"), "madvise");
  EXPECT_EQ(facts.at("hugepages_2m"), "64");
  EXPECT_EQ(facts.at("hugepages_1g"), "unknown");
}

TEST(GuestFacts, HaveDigestsAndTakeOptionsApart) {
  const TemporaryDirectory directory;
  Variant variant{.mayfly = directory.path() + "/mayfly",
                  .kernel = directory.path() + "/vmlinux",
                  .image = directory.path() + "/image",
                  .options = {"--memory=1G", "--pages", "2m", "--env", "A=B"},
                  .command = {"/bin/true"}};
  write_file(variant.mayfly, "abc");
  write_file(variant.kernel, "");
  EXPECT_TRUE(
      contains(error_of([&] { static_cast<void>(guest_facts(variant)); }), "cannot read " + variant.image));
  write_file(variant.image, "abcd");
  const auto facts = guest_facts(variant);
  // SHA-256 of "abc" (FIPS 180-4, appendix) and of nothing.
  EXPECT_EQ(facts.at("mayfly"), "ba7816bf8f01cfea");
  EXPECT_EQ(facts.at("kernel"), "e3b0c44298fc1c14");
  EXPECT_EQ(facts.at("image_bytes"), "4");
  EXPECT_EQ(facts.at("memory"), "1G");
  EXPECT_EQ(facts.at("pages_option"), "2m");
  EXPECT_EQ(facts.at("cpus"), "1");
  EXPECT_EQ(facts.at("options"), "--env A=B");
  EXPECT_FALSE(facts.contains("kernel_config"));
  write_file(directory.path() + "/config", "CONFIG_X=y");
  EXPECT_TRUE(guest_facts(variant).contains("kernel_config"));
}

TEST(Unlike, IsAnyFactOfTheHostAndTheGuestsShape) {
  const Fingerprint base{{{"cpu", "A"}, {"governor", "performance"}}, {{"kernel", "1"}, {"cpus", "1"}}};
  Fingerprint now = base;
  now.guest["kernel"] = "2";
  EXPECT_EQ(differences(base, now).size(), 1U);
  EXPECT_TRUE(unlike(differences(base, now), {}).empty());
  now.guest["cpus"] = "2";
  now.host.erase("governor");
  const auto forbidding = unlike(differences(base, now), {});
  ASSERT_EQ(forbidding.size(), 2U);
  EXPECT_EQ(forbidding[0].key, "host.governor");
  EXPECT_EQ(forbidding[1].key, "guest.cpus");
  EXPECT_TRUE(unlike(differences(base, now), {"host.governor", "guest.cpus"}).empty());
}

}  // namespace
}  // namespace mayfly::gate
