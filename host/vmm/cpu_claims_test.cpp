// SPDX-License-Identifier: Apache-2.0
#include "vmm/cpu_claims.hpp"

#include <optional>

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace mayfly::vmm {
namespace {

// CPUs that no host has, so that no run is in the way.
constexpr std::uint32_t kFirst = 900000;
using Cpus = std::vector<std::uint32_t>;

TEST(CpuClaims, FirstFreeOnesAreTaken) {
  const Cpus candidates{kFirst, kFirst + 1, kFirst + 2};
  const CpuClaims one(candidates, 1);
  EXPECT_EQ(one.cpus(), Cpus{kFirst});
  const CpuClaims two(candidates, 2);
  EXPECT_EQ(two.cpus(), (Cpus{kFirst + 1, kFirst + 2}));
}

TEST(CpuClaims, TakenOnesAreNamedAndNothingIsKept) {
  const CpuClaims other(Cpus{kFirst}, 1);
  try {
    const CpuClaims claims(Cpus{kFirst, kFirst + 1}, 2);
    FAIL() << "taken twice";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "other runs with --dedicated have CPU 900000; that leaves 1 for 2 vCPUs");
  }
  EXPECT_EQ(CpuClaims(Cpus{kFirst + 1}, 1).cpus(), Cpus{kFirst + 1});
}

TEST(CpuClaims, EndsWithItsOwner) {
  std::optional<CpuClaims> claims(std::in_place, Cpus{kFirst}, 1);
  claims.reset();
  EXPECT_EQ(CpuClaims(Cpus{kFirst}, 1).cpus(), Cpus{kFirst});
}

}  // namespace
}  // namespace mayfly::vmm
