// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/cause.hpp"

#include "ci/gate/fixture.hpp"

namespace mayfly::gate {
namespace {

using Sentences = std::vector<std::string>;

TEST(Causes, LargerKernelIsTheSuspectOfItsReading) {
  const std::vector<Move> moves = {
      {"phase.kernel_read", 4, 4.5}, {"phase.enter", 2, 2.2}, {"exits.total", 10, 10}};
  const std::vector<Difference> differences = {
      {"guest.image", "a", "b"}, {"guest.kernel", "a", "b"}, {"guest.kernel_bytes", "6291456", "8388608"}};
  EXPECT_EQ(causes_of(moves, differences, Mode::kCounted),
            (Sentences{"the phase that grew most is kernel_read: 4.000 Minsn to 4.500 Minsn (+12.50 %)",
                       "likely cause: the kernel is another one, 2.000 MiB larger",
                       "changed, too: the image is another one, of the same size"}));
}

TEST(Causes, LostHugePagesAreNamed) {
  const std::vector<Move> moves = {{"phase.guest_kernel", 30, 33}};
  EXPECT_EQ(causes_of(moves, {{"guest.pages", "2m", "4k"}}, Mode::kWall).at(1),
            "likely cause: guest memory is made of 4k pages, not of 2m as before");
}

TEST(Causes, ExitsThatGrewAreNamed) {
  const std::vector<Move> moves = {
      {"exits.mmio_read", 300, 340}, {"exits.total", 400, 440}, {"exits.port_in", 0, 2}};
  EXPECT_EQ(causes_of(moves, {{"guest.mayfly", "a", "b"}}, Mode::kWall),
            (Sentences{"exits that grew most: mmio_read, 300 to 340 (+13.33 %)",
                       "likely cause: the mayfly is another one, of the same size"}));
}

TEST(Causes, WithoutAnyChangeTheHostIsSuspect) {
  EXPECT_TRUE(contains(causes_of({{"phase.enter", 1, 2}}, {}, Mode::kWall).at(1), "look at the host"));
}

}  // namespace
}  // namespace mayfly::gate
