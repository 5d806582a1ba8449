# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Set-up shared by ci/quickstart and ci/test. Source it from the root of the checkout, after packages.sh
# and, for prepare_all, ci/system/passthrough.sh.

# What was compiled once is kept, for other checkouts too: their paths are not of it.
export CCACHE_DIR="${XDG_CACHE_HOME:-$HOME/.cache}/mayfly/ccache" CCACHE_BASEDIR="$PWD" CCACHE_NOHASHDIR=yes
export CCACHE_SLOPPINESS=pch_defines,time_macros

# build_preset NAME [TARGET...]: configures and builds a preset of CMakePresets.json.
build_preset() {
  local preset="$1"
  shift
  local log="build/build-$preset.log"
  mkdir -p build
  echo "build: $preset ${*:-(all)}" >&2
  local dir="build/$preset"
  [[ "$preset" != release ]] || dir=build
  if ! { cmake --preset "$preset" -DCMAKE_CXX_COMPILER_LAUNCHER=ccache && cmake --build "$dir" "${@/#/--target=}"; } >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "build: preset $preset failed (log: $log)" >&2
    return 1
  fi
}

# Where a kernel that must be built leaves its objects (1.5 GB), from which prepare_all builds a second one in a fraction of
# the time, unless the caller names another place.
readonly KERNEL_TREE=build/kernel-tree

# The program, its init, its image builder and the guest kernel: build/bin and build/lib/mayfly.
build_product() {
  build_preset release mayfly mayfly-init mayfly-image mayfly-man mayfly-image-man
  MAYFLY_KERNEL_TREE="${MAYFLY_KERNEL_TREE:-$PWD/$KERNEL_TREE}" cmake --build build --target guest-kernel
}

# Everything a fresh machine lacks, then the product and its tests.
prepare_all() {
  local -a names
  mapfile -t names < <(packages_listed)
  require_packages "${names[@]}"
  # Before any stage: L1's kernel is of what a stage is kept under (unchanged.sh).
  ci/lab/lab prepare
  build_product
  MAYFLY_KERNEL_TREE="${MAYFLY_KERNEL_TREE:-$PWD/$KERNEL_TREE}" build_passthrough
  rm -rf "$KERNEL_TREE"
  build_preset release
}
