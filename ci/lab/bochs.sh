# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154  # The options are set in options.sh, the run in run.sh.
#
# L1 with Intel VMX and EPT: Debian's kernel in Bochs, booted from an ISO that holds all it needs. No 9P there:
# the outcome comes over the serial line, as base64 of gzip between marker lines (see l1/stage2).

# Makes the ISO that boots the kernel with the initramfs.
_make_iso() {
  local dir="$1" vmlinuz="$2" initrd="$3" tree="$1/iso"
  mkdir -p "$tree/isolinux"
  cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$tree/isolinux/"
  cp "$vmlinuz" "$tree/vmlinuz"
  mv "$initrd" "$tree/initrd"
  cat >"$tree/isolinux/isolinux.cfg" <<END
default lab
prompt 0
label lab
  kernel /vmlinuz
  append initrd=/initrd $(kernel_append)
END
  xorriso -as mkisofs -quiet -o "$dir/lab.iso" -b isolinux/isolinux.bin -c isolinux/boot.cat \
    -no-emul-boot -boot-load-size 4 -boot-info-table "$tree" 2>"$dir/emulator" || {
    sed 's/^/  xorriso: /' "$dir/emulator" >&2
    die "cannot make L1's ISO; is there room in ${TMPDIR:-/tmp}?"
  }
  rm -rf "$tree"
}

_write_bochs_configuration() {
  local dir="$1"
  cat >"$dir/bochsrc" <<END
cpu: model=corei7_icelake_u, count=1, ips=80000000, reset_on_triple_fault=0
memory: guest=$memory, host=$memory
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/vgabios/vgabios.bin
clock: sync=none
boot: cdrom
ata0-master: type=cdrom, path=$dir/lab.iso, status=inserted
com1: enabled=1, mode=file, dev=$dir/console
display_library: term
panic: action=fatal
error: action=ignore
info: action=ignore
log: $dir/bochs.log
END
  # Debian's Bochs starts in its debugger.
  echo c >"$dir/debugger"
}

# Writes one part of the outcome, found in the console, to its file.
_extract_part() {
  tr -d '\r' <"$run_dir/console" | sed -n "/^lab-begin $1\$/,/^lab-end $1\$/{//!p}" | base64 -d | gzip -dc >"$run_dir/outcome/$1"
}

# Takes the outcome from the console; without one there, makes none.
_read_outcome() {
  local status
  status="$(tr -d '\r' <"$run_dir/console" | sed -n 's/^lab-status \([0-9]*\)$/\1/p')"
  [[ -n $status ]] || return 0
  if ! { _extract_part stdout && _extract_part stderr; } 2>/dev/null; then
    echo "lab: the command's output was damaged on the serial line" >&2
    return 0
  fi
  cat "$run_dir/outcome/stdout"
  cat "$run_dir/outcome/stderr" >&2
  echo "$status" >"$run_dir/outcome/status"
}

# Shows a dot for every two seconds until L1 ends.
_show_dots() {
  while kill -0 "$l1_pid" 2>/dev/null; do
    printf . >&2
    sleep 2
  done
  echo >&2
}

# Runs the job in Bochs.
run_in_bochs() {
  local initrd
  initrd="$(initramfs_for "$lab_dir" "$modules")"
  begin_run
  initrd="$(packed_initramfs "$initrd")"
  _make_iso "$run_dir" "$kernel" "$initrd"
  _write_bochs_configuration "$run_dir"
  # The text display wants a terminal, of a size that it can draw on. `script` starts a session of its own, so
  # Bochs is tied to it by its death.
  start_l1 script --quiet --return --log-out /dev/null --command "stty rows 50 cols 132; export TERM=linux;
    exec setpriv --pdeathsig KILL bochs -q -f $(quoted "$run_dir/bochsrc") -rc $(quoted "$run_dir/debugger")"
  if [[ $verbose == yes || -t 2 ]]; then
    _show_dots &
    helpers+=($!)
  fi
  await_l1
  _read_outcome
  exit_with_status
}
