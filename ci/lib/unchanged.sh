# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Stages of ci/test that need not run again: what passed whole is kept under a digest of all that it could read. Source
# it from the root of the checkout; report.sh asks it.
#
# Kept in ${XDG_CACHE_HOME:-~/.cache}/mayfly/test for a week, a file for each: when it passed, how many checks these
# were, and their lines. All of it may be removed at any time.

readonly UNCHANGED_DAYS=7
readonly UNCHANGED_CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/mayfly"

# Files of this checkout under the paths named: their digests and modes. One that is missing or no file is told of.
_unchanged_files() {
  local command
  for command in b2sum 'stat --format=%f:%n'; do
    # shellcheck disable=SC2086  # its words
    git ls-files -z --cached --others --exclude-standard -- "$@" | sort -zu | { xargs -0 $command 2>&1 || true; }
  done
}

# What was built and is run: programs, kernels, images, and the programs of tests.
_unchanged_built() {
  { find build/{bin,lib,test,bench,passthrough} build/demo/*.img -type f -print0 2>/dev/null || true; } |
    sort -z | { xargs -0 --no-run-if-empty b2sum || true; }
}

# This machine: packages, kernel, processor, KVM, L1's kernel, and what of the environment programs heed.
_unchanged_machine() {
  dpkg-query --show
  uname -a
  grep -E '^(model name|flags)' /proc/cpuinfo | sort -u
  [[ ! -w /dev/kvm ]] || echo kvm
  readlink "$UNCHANGED_CACHE/lab/kernel" || true
  env | grep -E '^(MAYFLY_FUZZ_SECONDS|MAYFLY_KERNEL|CC|CXX|[A-Z]*FLAGS|GTEST_[A-Z_]*|[A-Z]*SAN_OPTIONS|PATH|LANG|LC_[A-Z]*)=' | sort
  id -u
  pwd
}

# unchanged_key STAGE SCOPE: prints a digest of all that the stage could read. SCOPE is `sources` for what looks at or
# compiles the whole tree, `built` for what runs what is built.
unchanged_key() {
  local -a paths=(.)
  [[ "$2" == sources ]] || paths=(ci guest-kernel-config)
  {
    echo "$1" && _unchanged_files "${paths[@]}" && _unchanged_built && _unchanged_machine
  } | b2sum | cut -c 1-40
}

# unchanged_keep STAGE KEY PASSED: keeps a stage that passed, its lines on stdin, and drops what is a week old.
unchanged_keep() {
  local into="$UNCHANGED_CACHE/test" made
  mkdir -p "$into"
  find "$into" -type f -mtime "+$((UNCHANGED_DAYS - 1))" -delete
  made="$(mktemp -p "$into" .new.XXXXXX)"
  { printf '%s %s\n' "$3" "$(date '+%F %R')" && cat; } >"$made"
  mv "$made" "$into/$1.$2"
}

# unchanged_kept STAGE KEY: prints what unchanged_keep was given, below its counts and date; fails when nothing is kept.
unchanged_kept() {
  [[ -n "$2" && -n "$(find "$UNCHANGED_CACHE/test" -name "$1.$2" -mtime "-$UNCHANGED_DAYS" 2>/dev/null)" ]] || return
  cat "$UNCHANGED_CACHE/test/$1.$2"
}
