# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154  # Set by the build script: scratch, patches, fragments, job_count.
#
# The steps from the source package to vmlinux, each in the scratch directory.

# Files that no x86 kernel is built from, a third of the package: unpacking and removing them takes longer than reading.
# All that Kconfig reads stays.
not_needed() {
  local arch
  printf '%s\n' '*/Documentation/*.rst' '*/Documentation/*.yaml' '*/Documentation/*.txt' '*.dts' '*.dtsi' \
    '*/tools/perf/*' '*/tools/testing/*'
  for arch in alpha arc arm arm64 csky hexagon loongarch m68k microblaze mips nios2 openrisc parisc powerpc riscv s390 sh \
    sparc um xtensa; do
    printf '%s\n' "*/arch/$arch/*.[chS]"
  done
}

# What a configuration takes: Kconfig, its scripts, and what our patches change.
needed_to_configure() {
  printf '%s\n' '*/Kconfig*' '*/Makefile' '*/scripts/*' '*/arch/x86/Makefile*'
  # Files that a patch adds are not in the package.
  awk '/^--- / { added = $2 == "/dev/null" } /^\+\+\+ b\// && !added { print "*/" substr($2, 3) }' "${patches[@]}" |
    grep -vE '/(Kconfig|Makefile)' | sort -u
}

# The source with our patches, in $scratch/source; all of it, or for `configuration` only what that takes.
unpack_source() {
  local what="$1" patch
  local -a choice=(--exclude-from="$scratch/not-needed")
  progress "unpacking $SOURCE_TARBALL"
  not_needed >"$scratch/not-needed"
  if [[ $what == configuration ]]; then
    needed_to_configure >"$scratch/needed"
    choice+=(--wildcards --files-from="$scratch/needed")
  fi
  mkdir "$scratch/source"
  tar -x -f "$SOURCE_TARBALL" -C "$scratch/source" --strip-components=1 "${choice[@]}" ||
    die "cannot unpack $SOURCE_TARBALL; is the disk full?"
  for patch in "${patches[@]}"; do
    patch --quiet --directory="$scratch/source" --strip=1 --fuzz=0 <"$patch" ||
      die "$(basename "$patch") does not apply to this version of $SOURCE_PACKAGE"
  done
}

# make in the source tree with everything fixed that would differ from one build to the next.
kernel_make() {
  make -C "$scratch/source" O="$scratch/objects" ARCH=x86_64 LC_ALL=C \
    KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 2026' KBUILD_BUILD_USER=mayfly KBUILD_BUILD_HOST=mayfly \
    KBUILD_BUILD_VERSION=1 "$@"
}

# All options off but those of the fragments and what they entail; checked.
configure() {
  mkdir "$scratch/objects"
  cat "${fragments[@]}" >"$scratch/fragments"
  kernel_make -s KCONFIG_ALLCONFIG="$scratch/fragments" allnoconfig >"$scratch/configure.log" 2>&1 ||
    { cat "$scratch/configure.log" >&2 && die "kconfig does not take the fragments"; }
  check_options "$scratch/source" "$scratch/objects/.config"
}

# Shows how far make is, from its lines.
show_steps() {
  awk -v total="$EXPECTED_STEPS" '
    BEGIN { shown = systime() }
    { steps++ }
    systime() >= shown + 5 {
      shown = systime()
      percent = int(100 * steps / total)
      if (percent > 99) percent = 99
      print "guest kernel: " percent " % (" $1, $NF ")"
      fflush()
    }' >&2
}

compile() {
  local -a targets=(vmlinux)
  ! has_modules || targets+=(modules)
  progress "building with $job_count jobs, some minutes of CPU time"
  set -m # A process group of its own, to be ended as one.
  { kernel_make -j"$job_count" "${targets[@]}" 2>&1 | tee "$scratch/build.log" | show_steps; } &
  compiling=$!
  set +m
  if ! wait "$compiling"; then
    cp "$scratch/build.log" "$CACHE/failed.log"
    tail -n 15 "$scratch/build.log" >&2
    die "the build failed; all of its output is in $CACHE/failed.log"
  fi
}

# Gathers what is kept into a directory.
collect() {
  mkdir "$1"
  # Symbols stay in System.map: the file is read whole at each boot.
  strip --strip-all -o "$1/vmlinux" "$scratch/objects/vmlinux"
  cp "$scratch/objects/System.map" "$scratch/build.log" "$1/"
  cp "$scratch/objects/.config" "$1/config"
  list_unasked "$scratch/objects/.config" >"$1/unasked"
  ! has_modules || collect_modules "$1"
}

# The modules, and the part of source and objects that others are built with, as a distribution packages it.
collect_modules() {
  local build
  { kernel_make INSTALL_MOD_PATH="$1/modules" INSTALL_MOD_STRIP=1 modules_install &&
    build="$1/headers/lib/modules/$(kernel_make -s kernelrelease)/build" &&
    mkdir -p "$build" &&
    kernel_make run-command "KBUILD_RUN_COMMAND=+\${srctree}/scripts/package/install-extmod-build $build"; } >"$1/collect.log" 2>&1 ||
    { tail -n 15 "$1/collect.log" >&2 && die "the modules cannot be gathered"; }
  rm "$1/collect.log"
  cp "$scratch/objects/.config" "$build/"
  # Links to where they were built.
  find "$1/modules" -type l -delete
}
