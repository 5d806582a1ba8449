# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the parts of the build share: the end on an error, progress, the scratch directory.

die() {
  echo "guest kernel: $*" >&2
  exit 1
}

progress() {
  echo "guest kernel: $*" >&2
}

scratch=""
compiling="" # The process group of make, while it runs.

# Ends what still runs and removes the scratch directory, however the build ends; a tree that is kept has a stamp.
clean_up() {
  trap '' INT TERM HUP
  # Nothing else is waited for: who renames our lines reads until we have ended.
  [[ -z $compiling ]] || { kill -- "-$compiling" 2>/dev/null || true; wait "$compiling" || true; }
  exec 9>&- # The lock of the cache: the scratch directory is ours alone.
  [[ -z $scratch || -e $scratch/stamp ]] || rm -rf -- "$scratch"
}

trap_ends() {
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
}

# Makes the scratch directory, on the cache's file system, since a result is moved there.
make_scratch() {
  mkdir -p "$CACHE"
  scratch="$(mktemp -d "$CACHE/scratch.XXXXXX")"
  trap_ends
}
