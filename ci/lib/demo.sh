# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# The demo image: Debian 12 with python3. Quickstart, system tests and benchmark all use this one. Source it from the
# root of the checkout.

readonly DEMO_IMAGE=build/demo/python.img

# Builds DEMO_IMAGE unless it is there and newer than what it is made from.
build_demo_image() {
  local tar="${DEMO_IMAGE%.img}.tar"
  mkdir -p "${DEMO_IMAGE%/*}"
  ci/demo/python-rootfs --output "$tar"
  if [[ ! "$DEMO_IMAGE" -nt "$tar" || ! "$DEMO_IMAGE" -nt build/bin/mayfly-image ||
    ! "$DEMO_IMAGE" -nt build/lib/mayfly/mayfly-init ]]; then
    build/bin/mayfly-image build --from "$tar" --output "$DEMO_IMAGE" --entrypoint python3
  fi
}
