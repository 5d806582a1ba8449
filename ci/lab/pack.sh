# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Packs files of the machine, with the shared libraries they need, into a second part of L1's initramfs.

# Prints the shared libraries and the loader that ELF files need, as the paths by which they are asked for.
_libraries_of() {
  { ldd "$@" 2>/dev/null || true; } | sed -n -E 's/^.*(=>|^)[[:space:]]+(\/[^ ]+) \(0x.*/\2/p' | sort -u
}

# Prints those of the files that are ELF, each ended by NUL.
_only_elf() {
  local file magic
  for file in "$@"; do
    [[ -r $file ]] || continue
    IFS= read -r -N 4 magic <"$file" 2>/dev/null || continue
    [[ $magic == $'\x7fELF' ]] && printf '%s\0' "$file"
  done
  return 0
}

# Copies one file or directory, symbolic links of the first level followed, to its place in the tree.
_pack_one() {
  local from="$1" to="$2" tree="$3"
  [[ -e $from ]] || die "no file '$from' to pack; --file takes a path of this machine"
  [[ $to == /* ]] || die "'$to' is no place in L1; --file HOSTPATH:L1PATH takes an absolute L1PATH"
  mkdir -p "$tree$(dirname "$to")"
  if [[ -d $from ]]; then
    mkdir -p "$tree$to"
    cp -a --no-preserve=ownership "$from/." "$tree$to/"
  else
    cp --dereference --preserve=mode "$from" "$tree$to"
  fi
}

# Copies the libraries that the ELF files of the tree need. BEWARE: ldd must see the files at their place on the
# machine, for $ORIGIN in their run path, so this takes the machine's paths.
_pack_libraries() {
  local tree="$1"
  shift
  local -a elf
  mapfile -d '' -t elf < <(_only_elf "$@")
  [[ ${#elf[@]} -gt 0 ]] || return 0
  local library
  while read -r library; do
    [[ -e $tree$library ]] || { mkdir -p "$tree$(dirname "$library")" && cp --dereference "$library" "$tree$library"; }
  done < <(_libraries_of "${elf[@]}")
}

# Fills the tree with the files named as HOSTPATH[:L1PATH]; the machine's usrmerge links come along.
pack_files() {
  local tree="$1" entry from to link
  shift
  # bin stays a directory of the initramfs, with busybox in it: what lies in the machine's /bin is packed as /usr/bin.
  mkdir -p "$tree/usr/lib" "$tree/usr/lib64" "$tree/usr/bin" "$tree/usr/sbin"
  for link in lib lib64 sbin; do
    ln -s "usr/$link" "$tree/$link"
  done
  for entry in "$@"; do
    from="${entry%%:*}"
    to="${entry#*:}"
    from="$(realpath --no-symlinks -- "$from")"
    [[ $entry == *:* ]] || to="$from"
    _pack_one "$from" "$to" "$tree"
    local -a all
    mapfile -d '' -t all < <(find "$from" -follow -type f -print0 2>/dev/null)
    _pack_libraries "$tree" "${all[@]}"
  done
}
