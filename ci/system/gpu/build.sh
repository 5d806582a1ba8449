# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What the tests of the kernel profile `gpu` run in the guest: its kernel, and an image with its modules and a vendor's driver that is
# built outside of the kernel's tree. Source it from the root of the checkout.

# Makes build/gpu: vmlinux, signing.pem and gpu.img. The driver is there twice, of which one is signed by whom the kernel trusts, and
# a third time for another kernel.
build_gpu() {
  local to=build/gpu trust="$PWD/build/gpu/trust" headers modules name
  mkdir -p "$to"
  if [[ ! -s $to/signing.pem ]]; then
    openssl req -new -x509 -nodes -newkey rsa:2048 -sha256 -days 36500 -subj "/CN=modules of a vendor/" -keyout "$to/signing.key" -out "$to/signing.pem" 2>/dev/null
  fi
  echo "CONFIG_SYSTEM_TRUSTED_KEYS=\"$PWD/$to/signing.pem\"" >"$trust"
  rm -rf "$to/root" "$to/headers" "$to/driver"
  guest-kernel-config/build --profile gpu --fragment "$trust" --output "$to/vmlinux" --modules "$to/root" --headers "$to/headers"
  modules="$(echo "$to"/root/lib/modules/*)"
  headers="$(echo "$PWD/$to"/headers/lib/modules/*/build)"
  cp -r ci/system/gpu "$to/driver"
  make -s -C "$headers" M="$PWD/$to/driver" modules >"$to/driver.log" 2>&1 || { cat "$to/driver.log" >&2; return 1; }
  mkdir -p "$modules/updates" "$to/root"/{bin,dev,proc,sys,tmp,lib/firmware/mayfly}
  cp "$to/driver/edu.ko" "$modules/updates/edu.ko"
  "$headers/scripts/sign-file" sha256 "$to/signing.key" "$to/signing.pem" "$to/driver/edu.ko" "$modules/updates/edu-signed.ko"
  sed 's/-mayfly SMP/-others SMP/' "$to/driver/edu.ko" >"$modules/updates/edu-other.ko"
  depmod --basedir "$to/root" "$(basename "$modules")"
  head -c 3000 /dev/urandom >"$to/root/lib/firmware/mayfly/edu.bin"
  cp "$(command -v busybox)" "$to/root/bin/busybox"
  for name in sh cat grep head sha256sum sleep test dmesg; do ln -sf busybox "$to/root/bin/$name"; done
  build/bin/mayfly-image build --quiet --from "$to/root" --output "$to/gpu.img" --entrypoint /bin/sh
}
