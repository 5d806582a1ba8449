# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# L1's initramfs: static busybox, the scripts of l1/, and the few modules of its kernel that a run needs.

# Module lists by the name under which l1/ loads them.
readonly -A kModuleLists=(
  [share]="9pnet_virtio 9p overlay tun vhost_net vhost_vsock"
  [kvm-amd]="kvm_amd"
  [kvm-intel]="kvm_intel"
  [vfio]="vfio_pci"
)

# copy_modules KERNEL DIR LIST MODULE...: copies modules and what they need, unpacked, from the kernel's tree into DIR, and
# their names in loading order into the file LIST there.
copy_modules() {
  local kernel="$1" into="$2" list="$3" module file release
  release="$(<"$kernel/release")"
  for module in "${@:4}"; do
    modprobe --dirname "$kernel" --set-version "$release" --show-depends "$module" | awk '$1 == "insmod" {print $2}'
  done | awk '!seen[$0]++' | while read -r file; do
    module="$(basename "${file%.xz}")"
    case $file in *.xz) xz -dc "$file" >"$into/$module" ;; *) cp "$file" "$into/$module" ;; esac
    echo "$module" >>"$into/$list"
  done
}

# Writes a directory as a cpio archive the kernel takes; equal trees give equal bytes.
write_cpio() {
  local dir="$1" output="$2"
  find "$dir" -exec touch --no-dereference --date=@0 {} +
  (cd "$dir" && find . -mindepth 1 -print0 | LC_ALL=C sort -z |
    cpio --quiet --null --create --format=newc --reproducible --owner=0:0) >"$output"
}

_build_initramfs() {
  local lab="$1" kernel="$2" output="$3" list lists=("${!kModuleLists[@]}") tree
  tree="$(mktemp -d)"
  mkdir -p "$tree"/{bin,dev,proc,sys,root,run,tmp,lab/lower,lab/scratch}
  cp /bin/busybox "$tree/bin/busybox"
  /bin/busybox --list | grep -vx busybox | xargs -I{} ln -s busybox "$tree/bin/{}"
  cp "$lab/l1/"{common,stage2} "$tree/lab/"
  install -m 755 "$lab/l1/init" "$tree/init"
  if [[ -n $kernel ]]; then
    mkdir "$tree/lab/modules"
    # Our own has all else built in.
    [[ -f $kernel/vmlinuz ]] || lists=(kvm-amd)
    for list in "${lists[@]}"; do
      # shellcheck disable=SC2086  # a list of words
      copy_modules "$kernel" "$tree/lab/modules" "$list" ${kModuleLists[$list]}
    done
  fi
  write_cpio "$tree" "$output"
  rm -rf "$tree"
}

# Prints the path of the cached initramfs, made first where it is missing.
# LAB is the lab's directory; KERNEL is the directory of the stock kernel or of our own, or empty for a kernel with all built in.
initramfs_for() {
  local lab="$1" kernel="$2" key place made
  key="$({
    cat "$lab/initramfs.sh" "$lab/l1/"* /bin/busybox
    [[ -z $kernel ]] || cat "$kernel/release" "$kernel"/vmlinu[xz]
  } | sha256sum | cut -c 1-16)"
  place="$(cache_dir)/initramfs/$key.cpio"
  if [[ ! -f $place ]]; then
    mkdir -p "$(cache_dir)"
    made="$(mktemp -p "$(cache_dir)" initramfs.XXXXXX)"
    _build_initramfs "$lab" "$kernel" "$made"
    cache_put "$made" "$place"
  fi
  echo "$place"
}
