# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154  # Set by the caller: patches, here.
#
# A tree that is kept, of source and objects: a kernel that differs by options alone is then built in a minute.

# Makes `scratch` the tree DIR, of the patches as they are: anew when those have changed.
use_tree() {
  local stamp
  stamp="$(cat "${patches[@]}" "$here/lib/compile.sh" | sha256sum | cut -d ' ' -f 1)"
  # Before it is ours to clean up.
  [[ ! -e $1 || -e $1/stamp ]] || die "'$1' is there and is no kept tree of ours; name another folder"
  scratch="$1"
  trap_ends
  [[ "$(cat "$scratch/stamp" 2>/dev/null)" != "$stamp" ]] || return 0
  rm -rf -- "$scratch"
  mkdir -p "$scratch"
  echo incomplete >"$scratch/stamp"
  unpack_source everything
  echo "$stamp" >"$scratch/stamp"
}

# As configure(), which makes its own objects; those of the tree are put back.
configure_tree() {
  rm -rf -- "$scratch/kept" "$scratch/entry"
  [[ ! -d $scratch/objects ]] || mv -T "$scratch/objects" "$scratch/kept"
  configure
  if [[ -d $scratch/kept ]]; then
    mv -T "$scratch/objects/.config" "$scratch/kept/.config"
    rm -rf -- "$scratch/objects"
    mv -T "$scratch/kept" "$scratch/objects"
  fi
}
