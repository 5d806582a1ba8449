# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# L1's kernel: Debian's stock 6.12 for Debian 12, unpacked into the cache and never installed; or one of our own.

# The cached kernel that runs use: a directory with `vmlinuz`, `release` and lib/modules.
kernel_dir() {
  echo "$(cache_dir)/kernel"
}

# The package of the newest 6.12 kernel that apt knows; empty where it knows none.
_newest_package() {
  apt-cache search --names-only '^linux-image-6\.12\.[0-9]+\+deb12-amd64(-unsigned)?$' |
    awk '{print $1}' | sort --version-sort | tail -n 1
}

# Unpacks the package into the directory: vmlinuz, release, lib/modules with its dependency lists.
_fetch_kernel() {
  local package="$1" into="$2" release
  mkdir -p "$into/deb"
  progress "fetching $package (about 100 MB)"
  (cd "$into/deb" && apt-get -qq download "$package" 2>"$into/log") || {
    sed 's/^/  /' "$into/log" >&2
    return 1
  }
  dpkg -x "$into"/deb/*.deb "$into/tree"
  release="$(basename "$into"/tree/lib/modules/*)"
  depmod --basedir "$into/tree" "$release"
  mv "$into/tree/lib" "$into/lib"
  mv "$into/tree/boot/vmlinuz-$release" "$into/vmlinuz"
  echo "$release" >"$into/release"
  rm -rf "$into/deb" "$into/tree" "$into/log"
}

# Fetches the newest kernel, unless it is the one in the cache.
prepare_kernel() {
  local package made cached
  package="$(_newest_package)"
  if [[ -z $package ]]; then
    packages_update
    package="$(_newest_package)"
  fi
  [[ -n $package ]] || die "apt knows no linux-image-6.12.*+deb12-amd64; add bookworm-backports or bookworm-security to the apt sources"
  cached="$(cache_dir)/kernels/$package"
  if [[ ! -e $cached ]]; then
    mkdir -p "$(cache_dir)"
    made="$(mktemp -d -p "$(cache_dir)" kernel.XXXXXX)"
    _fetch_kernel "$package" "$made" || { packages_update && _fetch_kernel "$package" "$made"; } || {
      rm -rf "$made"
      die "cannot fetch $package (apt's words are above); check the network and the apt sources"
    }
    cache_put "$made" "$cached"
  fi
  ln -sfn "kernels/$package" "$(kernel_dir)"
}

# True when a kernel is in the cache.
kernel_ready() {
  [[ -f $(kernel_dir)/vmlinuz ]]
}

# Makes Debian's kernel the run's, fetched first where there is none.
use_stock_kernel() {
  kernel_ready || prepare_kernel
  modules="$(kernel_dir)"
  kernel="$modules/vmlinuz"
}

# Makes L1's own kernel the run's, from the cache, or built first. LAB is the lab's directory.
use_own_kernel() {
  kernel="$("$1/build_kernel" "$(cache_dir)/own")" || die "cannot build L1's own kernel (the reason is above)"
  # shellcheck disable=SC2034  # run.sh reads it
  modules="$(dirname "$kernel")"
}
