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

readonly TRAFFIC_IMAGE=build/demo/traffic.img

# Builds TRAFFIC_IMAGE, which is busybox, iperf3 and fio with the libraries that they take, all of this machine, unless it is there
# and newer.
build_traffic_image() {
  local -a programs=(/usr/bin/busybox /usr/bin/iperf3 /usr/bin/fio) files
  mapfile -t files < <({ printf '%s\n' "${programs[@]}" && ldd "${programs[@]:1}" | grep -oE '/[^ :]+'; } | sort -u)
  local file is_new=yes
  for file in "${files[@]}" ci/lib/demo.sh build/bin/mayfly-image build/lib/mayfly/mayfly-init; do
    [[ "$TRAFFIC_IMAGE" -nt "$file" ]] || is_new=no
  done
  [[ $is_new == no ]] || return 0
  mkdir -p "${TRAFFIC_IMAGE%/*}"
  local root
  root="$(mktemp -d)"
  mkdir -m 1777 "$root/tmp"
  cp -L --parents "${files[@]}" "$root"
  mkdir -p "$root/bin"
  for file in sh awk cat grep taskset; do
    ln -s /usr/bin/busybox "$root/bin/$file"
  done
  build/bin/mayfly-image build --quiet --from "$root" --output "$TRAFFIC_IMAGE"
  rm -rf "$root"
}
