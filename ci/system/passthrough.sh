# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What the tests of passed-through devices run in the guest: a kernel with drivers for them, and an image whose init
# drives `edu`. Source it from the root of the checkout.

# Makes build/passthrough/vmlinux and build/passthrough/edu.img.
build_passthrough() {
  local to=build/passthrough
  mkdir -p "$to/root"/{dev,proc,sys,sbin}
  guest-kernel-config/build --fragment ci/system/passthrough.config --output "$to/vmlinux"
  gcc -std=c11 -Wall -Wextra -Werror -O2 -static -o "$to/root/sbin/edu" ci/system/l1/edu_init.c
  gcc -std=c11 -Wall -Wextra -Werror -O2 -static -o "$to/root/sbin/lies" ci/system/l1/edu_lies.c
  # The same bits at each build, so that what was tested with them need not be again (ci/lib/unchanged.sh).
  find "$to/root" -exec touch --no-dereference --date=@0 {} +
  build/bin/mayfly-image build --quiet --from "$to/root" --output "$to/edu.img" --entrypoint /sbin/edu
}
