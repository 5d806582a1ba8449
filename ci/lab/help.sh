# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The lab's help texts.

lab_help() {
  cat <<'END'
Runs commands in an emulated virtualization host (L1), where KVM works although this machine has no VMX or SVM.

  lab run [OPTION…] -- CMD [ARG…]   boot L1, run CMD in it, return its output and exit status
  lab prepare                       fetch the newest kernel for L1 and build its initramfs
  lab run --help                    the options

L1 is QEMU's TCG with AMD SVM and VT-d, or Bochs with Intel VMX. It has no network.
END
}

prepare_help() {
  cat <<'END'
lab prepare

Installs the packages that the lab needs, fetches the newest linux-image-6.12.*+deb12-amd64 (unpacked, not installed)
and builds L1's initramfs. All is kept in ${XDG_CACHE_HOME:-~/.cache}/mayfly/lab. `lab run` does the same where
something is missing, but keeps the kernel it has; `lab prepare` looks for a newer one.
END
}

run_help() {
  cat <<'END'
lab run [OPTION…] -- CMD [ARG…]

Boots L1, runs CMD in it as root in the current directory and environment, and returns its stdout, stderr and exit
status. L1 sees this machine's files, read-only under a tmpfs: what CMD writes is gone afterwards, except in --results.

  --memory M         memory of L1, such as 512M or 8G (default 4G, with --vmx 2G; only what is touched is used)
  --cpus N           processors of L1 (default 1; see README.md, Traps, before taking more)
  --timeout S        time limit in seconds (default 600); when it is over L1 is ended and the status is 124
  --stdin FILE       stdin of CMD, read whole before L1 starts; - is the lab's own (default: empty)
  --results DIR      directory that CMD can write to for good, at the same path; $LAB_RESULTS in L1
  --scratch SIZE     limit of what CMD can write elsewhere, such as 1G (default: half of L1's memory)
  --nodes N          give L1 N NUMA nodes with equal parts of its memory; the first has all processors
  --hugepages-2m N   reserve N pages of 2 MiB in L1
  --hugepages-1g N   reserve N pages of 1 GiB in L1, which an L1 that has run for a while may not have in one piece
  --device DEVICE    add a PCI device to L1 and turn its IOMMU on: nvme, edu, or any of QEMU's; properties after commas
  --kernel FILE      kernel of L1 with 9P over virtio, overlayfs, KVM (and VFIO) built in (default: Debian's stock 6.12)
  --own-kernel       L1 runs a kernel of ours with iommufd and VFIO's character devices; built first, some minutes, then cached
  --append WORDS     more words for L1's kernel command line
  --plugin FILE      plugin of QEMU's TCG that sees L1 and L2 run; its arguments after commas
  --verbose          L1's console on stderr

  --counted          deterministic: one emulated instruction is one nanosecond of L1's CLOCK_MONOTONIC_RAW.
                     L1 has only busybox and the files named with --file, all in RAM; output and results come at the end.
  --vmx              Intel VMX in Bochs instead of AMD SVM in QEMU; files as with --counted, about a minute to boot
  --file HOST[:L1]   file or directory to pack for --counted and --vmx, with its shared libraries; repeatable.
                     CMD itself is packed when it is named with a slash.

Exit status: CMD's own; 124 when the time limit is over; 125 when the lab fails.
END
}
