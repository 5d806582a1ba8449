# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What all parts of the lab share: the end on an error, the cache, progress.

# The lab's own failures have this status, as env and docker have it; 124 is the time limit, all others are CMD's.
readonly kLabFailed=125

# Ends the lab with one sentence.
die() {
  echo "lab: $*" >&2
  exit "$kLabFailed"
}

# Says what takes a while.
progress() {
  echo "lab: $*" >&2
}

# The directory where what is slow to make is kept, by content.
cache_dir() {
  echo "${XDG_CACHE_HOME:-$HOME/.cache}/mayfly/lab"
}

# Puts a finished file or directory into the cache at once, so that another lab never sees half of it.
# The loser of a race drops its copy.
cache_put() {
  local made="$1" place="$2"
  mkdir -p "$(dirname "$place")"
  [[ -e $place ]] || mv -T "$made" "$place" 2>/dev/null || [[ -e $place ]] || die "cannot write to the cache at $place"
  rm -rf "$made"
}
