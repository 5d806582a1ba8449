#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs the Debian packages named in ci/packages.txt that are missing, and nothing else.
#
#   ci/lib/packages.sh [NAME…]     installs all of ci/packages.txt, or only the packages named
#   source ci/lib/packages.sh      offers `require_packages NAME…`, `packages_listed` and `packages_update`
#
# Works as root or through sudo. Returns in well under a second when nothing is missing.

set -euo pipefail

_packages_list="$(dirname "${BASH_SOURCE[0]}")/../packages.txt"

# The names in ci/packages.txt, one a line.
packages_listed() {
  sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "$_packages_list"
}

# Those of the packages named that are not installed, one a line.
packages_missing() {
  local -A installed=()
  local name
  while read -r name; do
    installed[$name]=1
  done < <(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' | sed -n 's/^ii  *//p')
  for name in "$@"; do
    [[ -n ${installed[$name]:-} ]] || printf '%s\n' "$name"
  done
}

_packages_apt() {
  local -a as_root=(env)
  if [[ $EUID -ne 0 ]]; then
    if ! command -v sudo >/dev/null; then
      echo "packages: installing needs root; run this as root or install sudo" >&2
      return 1
    fi
    as_root=(sudo env)
  fi
  "${as_root[@]}" DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 "$@"
}

# True when apt knows a version of every package named that can be installed.
_packages_known() {
  local name
  for name in "$@"; do
    apt-cache show --no-all-versions "$name" >/dev/null 2>&1 || return 1
  done
}

# Runs apt-get with its output in a log, one line on stderr for every step, and the log's end on failure.
_packages_logged() {
  local log="$1"
  shift
  _packages_apt "$@" 2>&1 | tee -a "$log" |
    sed -n -u -e 's/^\(Get:[0-9]* [^ ]* [^ ]* \)/  \1/p' -e 's/^\(Setting up [^ ]*\).*/  \1/p' >&2 && return
  tail -n 20 "$log" >&2
  echo "packages: apt-get $1 failed (its last lines are above); check the network and the apt sources" >&2
  return 1
}

# Fetches fresh package lists.
packages_update() {
  local log
  log="$(mktemp)"
  echo "packages: fetching fresh package lists" >&2
  _packages_logged "$log" update
  rm -f "$log"
}

# Installs those of the packages named that are missing. The package lists are only fetched
# where apt does not know a name, or where a version it knew is gone from the archive.
require_packages() {
  local -a missing
  mapfile -t missing < <(packages_missing "$@")
  [[ ${#missing[@]} -gt 0 ]] || return 0
  echo "packages: installing ${#missing[@]}: ${missing[*]}" >&2
  local log
  log="$(mktemp)"
  local -a install=(install --yes --no-install-recommends "${missing[@]}")
  if _packages_known "${missing[@]}" && _packages_logged "$log" "${install[@]}"; then
    rm -f "$log"
    return 0
  fi
  packages_update
  _packages_logged "$log" "${install[@]}"
  rm -f "$log"
}

_packages_main() {
  local -a names=("$@")
  if [[ ${#names[@]} -eq 0 ]]; then
    mapfile -t names < <(packages_listed)
  fi
  require_packages "${names[@]}"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  if [[ ${1:-} == --help || ${1:-} == -h ]]; then
    sed -n '4,9s/^# \{0,1\}//p' "$0"
    exit 0
  fi
  _packages_main "$@"
fi
