# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154,SC2054  # The options are set in options.sh, the run in run.sh; commas are in QEMU's words.
#
# L1's machine: QEMU's TCG with AMD SVM and nested paging and, where devices are passed through, an Intel IOMMU.

# Appends the arguments of one `--device`.
_add_device() {
  local device="$1" dir="$2" number="$3"
  local name="${device%%,*}" more=""
  [[ $device != *,* ]] || more=",${device#*,}"
  case $name in
    nvme)
      truncate --size=512M "$dir/nvme$number.img"
      qemu+=(-drive "file=$dir/nvme$number.img,if=none,id=nvme$number,format=raw"
        -device "nvme,drive=nvme$number,serial=lab$number$more")
      ;;
    # Its default mask wraps addresses within 256 MiB: L2 must be able to aim anywhere.
    edu) qemu+=(-device "edu,dma_mask=0xffffffffffffffff$more") ;;
    *) qemu+=(-device "$device") ;;
  esac
}

# Prints L1's kernel command line.
kernel_append() {
  local -a words=(console=ttyS0 quiet panic=-1 "lab.mode=$mode" "lab.scratch=$scratch"
    unknown_nmi_panic apparmor=0 no_timer_check tsc=reliable nowatchdog cryptomgr.notests 8250.nr_uarts=1)
  [[ $hugepages_2m -eq 0 ]] || words+=(hugepagesz=2M "hugepages=$hugepages_2m")
  [[ $hugepages_1g -eq 0 ]] || words+=(hugepagesz=1G "hugepages=$hugepages_1g")
  [[ ${#devices[@]} -eq 0 ]] || words+=(intel_iommu=on lab.vfio)
  [[ $counted == no ]] || words+=(nokaslr)
  echo "${words[*]} $append"
}

# Fills the array `qemu` with the command line of the QEMU at PROGRAM. DIR is the run's own directory, INITRD L1's initramfs.
qemu_command() {
  local program="$1" dir="$2" vmlinuz="$3" initrd="$4" processor="max,+svm,+npt,-erms,-fsrm,-xsave" number=0 device
  qemu=("$program" -M q35,kernel-irqchip=off -m "$memory" -smp "$cpus"
    -nodefaults -no-user-config -display none -no-reboot -serial "file:$dir/console"
    -chardev "pipe,id=monitor,path=$dir/monitor" -mon monitor)
  mkfifo "$dir/monitor.in" "$dir/monitor.out"
  if [[ $counted == yes ]]; then
    processor+=",-rdrand,-rdseed"
    qemu+=(-accel tcg,thread=single -icount shift=0 -seed 7 -rtc base=2026-01-01,clock=vm)
  else
    # All of L1's processors in one thread: with a thread each, one can translate code while another patches it, and
    # keep the breakpoint of a half-done patch for ever (an Oops or panic in L1 or L2, seen in some hundred boots).
    qemu+=(-accel tcg,thread=single)
  fi
  if [[ $nodes -gt 1 ]]; then
    for ((number = 0; number < nodes; number++)); do
      qemu+=(-object "memory-backend-ram,id=node$number,size=$((memory * (number + 1) / nodes - memory * number / nodes))M"
        -numa "node,nodeid=$number,memdev=node$number$( ((number > 0)) || echo ",cpus=0-$((cpus - 1))")")
    done
    number=0
  fi
  [[ -z $plugin ]] || qemu+=(-plugin "$plugin")
  # An IOMMU must come before all the devices that it translates for.
  [[ ${#devices[@]} -eq 0 ]] || qemu+=(-device intel-iommu,intremap=on,aw-bits=48)
  qemu+=(-cpu "$processor" -kernel "$vmlinuz" -initrd "$initrd" -append "$(kernel_append)"
    -virtfs "local,path=$dir/outcome,mount_tag=lab,security_model=none")
  [[ $mode != share ]] || qemu+=(-virtfs "local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap")
  [[ -z $results ]] || qemu+=(-virtfs "local,path=$results,mount_tag=results,security_model=none")
  for device in ${devices[@]+"${devices[@]}"}; do
    _add_device "$device" "$dir" "$number"
    number=$((number + 1))
  done
}
