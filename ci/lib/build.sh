# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Set-up shared by ci/quickstart and ci/test. Source it from the root of the checkout, after packages.sh
# and, for prepare_all, ci/system/passthrough.sh.

# build_preset NAME [TARGET...]: configures and builds a preset of CMakePresets.json.
build_preset() {
  local preset="$1"
  shift
  local log="build/build-$preset.log"
  mkdir -p build
  echo "build: $preset ${*:-(all)}" >&2
  local dir="build/$preset"
  [[ "$preset" != release ]] || dir=build
  if ! { cmake --preset "$preset" && cmake --build "$dir" "${@/#/--target=}"; } >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "build: preset $preset failed (log: $log)" >&2
    return 1
  fi
}

# The program, its init, its image builder and the guest kernel: build/bin and build/lib/mayfly.
build_product() {
  build_preset release mayfly mayfly-init mayfly-image
  cmake --build build --target guest-kernel
}

# Everything a fresh machine lacks, then the product and its tests; a second kernel is built from the objects of the first.
prepare_all() {
  local -a names
  mapfile -t names < <(packages_listed)
  require_packages "${names[@]}"
  export MAYFLY_KERNEL_TREE="$PWD/build/kernel-tree"
  build_product
  build_passthrough
  rm -rf "$MAYFLY_KERNEL_TREE"
  unset MAYFLY_KERNEL_TREE
  build_preset release
}
