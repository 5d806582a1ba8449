// SPDX-License-Identifier: Apache-2.0
//
// Declares L1's random pool to be full, as it is on a host that has been up for a while. Counted L1 repeats
// itself exactly, so its kernel would gather entropy by seconds of busy waiting, in which the first
// getrandom() hangs.
#include <cstdio>

#include <fcntl.h>
#include <linux/random.h>
#include <sys/ioctl.h>

int main() {
  int bits = 256;
  const int pool = open("/dev/random", O_RDONLY | O_CLOEXEC);
  if (pool < 0 || ioctl(pool, RNDADDTOENTCNT, &bits) != 0) {
    std::perror("credit_entropy: /dev/random");
    return 1;
  }
  return 0;
}
