# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154  # Set by ledger: here, base, base_key, results, fragments, patches.
#
# One variant: made in a tree that is kept, so that only what it changes is compiled, booted beside the base, recorded.

# The variants, without comments.
variants() {
  grep -vE '^(#|$)' "$here/ledger.d/variants"
}

# The kept tree.
prepare_tree() {
  use_tree "$CACHE/tree"
  mkdir -p "$scratch/objects"
}

# Changes the tree by one patch: -R to take it out, nothing to put it back.
turn_patch() {
  patch --quiet --directory="$scratch/source" --strip=1 --no-backup-if-mismatch "${@:2}" <"$(echo "$here/patches/$1"-*.patch)"
}

# Builds the kernel of the options that follow into $scratch/objects.
build_variant() {
  local setting
  {
    cat "${fragments[@]}"
    for setting in "$@"; do
      case $setting in
        *=n) echo "# ${setting%=n} is not set" ;;
        *=) ;; # Goes with another option.
        *) echo "$setting" ;;
      esac
    done
  } | awk -F '[= ]' '
    { option = /^CONFIG_/ ? $1 : /^# CONFIG_.* is not set$/ ? $2 : "" }
    option { line[option] = $0 }
    END { for (option in line) print line[option] }' >"$scratch/fragments"
  kernel_make -s KCONFIG_ALLCONFIG="$scratch/fragments" allnoconfig >"$scratch/build.log" 2>&1 &&
    kernel_make -j"$job_count" vmlinux >>"$scratch/build.log" 2>&1
}

# Makes the variant of the kind and text, and stages it by its name.
make_variant() {
  local name="$1" kind="$2" what="$3" status=0 patch stamp
  local -a out=() # Patches that are taken out, the last one first.
  case $kind in
    append) stage_kernel "$name" "$base/vmlinux" "$what" && return ;;
    option)
      prepare_tree
      # shellcheck disable=SC2086  # Words of it.
      build_variant $what || status=1
      ;;
    drop)
      prepare_tree
      stamp="$(<"$scratch/stamp")"
      echo "without $what" >"$scratch/stamp" # Who ends meanwhile leaves a tree that is made anew.
      for patch in $what; do
        if ! turn_patch "$patch" --reverse --dry-run; then
          echo "ledger: patch $patch cannot be taken out alone: a later one builds on it" >&2
          status=1
          break
        fi >&2
        turn_patch "$patch" --reverse
        out=("$patch" ${out[@]+"${out[@]}"})
      done
      [[ $status -ne 0 ]] || build_variant || status=1
      for patch in ${out[@]+"${out[@]}"}; do
        turn_patch "$patch"
      done
      echo "$stamp" >"$scratch/stamp"
      ;;
    *) die "ledger.d/variants has no kind '$kind'" ;;
  esac
  if [[ $status -ne 0 ]]; then
    tail -n 5 "$scratch/build.log" >&2
    return 1
  fi
  stage_kernel "$name" "$scratch/objects/vmlinux"
}

# read_variant NAME: sets kind and what.
read_variant() {
  read -r _ kind what < <(variants | grep -E "^$1 ") || die "ledger.d/variants has no '$1'"
}

# Whether a variant was measured with this base.
is_measured() {
  local kind what
  read_variant "$1"
  [[ -f $results/variant.$1 && "$(cut -f 1-3 "$results/variant.$1")" == "$base_key"$'\t'"$kind"$'\t'"$what" ]]
}

# measure_variants NAME...: boots them by turns in one L1, and leaves of each results/variant.NAME with the base's key, kind, what,
# and delta's figures. Fails when one of them could not be measured.
measure_variants() {
  local name kind what status=0
  local -a made=()
  stage_boots /bin/true
  stage_kernel base "$base/vmlinux"
  for name; do
    ! is_measured "$name" || continue
    read_variant "$name"
    progress "variant $name: $kind $what"
    if make_variant "$name" "$kind" "$what"; then
      made+=("$name")
    else
      progress "variant $name could not be made"
      status=1
    fi
  done
  [[ ${#made[@]} -eq 0 ]] || count_variants "${made[@]}" || status=1
  unstage
  return "$status"
}

# Counts what is staged, and records it.
count_variants() {
  local name kind what delta status=0
  progress "counting ${*}"
  run_boots base "$@" || return 1
  for name; do
    read_variant "$name"
    if delta="$(delta_of "$name")"; then
      printf '%s\t%s\t%s\t%s\n' "$base_key" "$kind" "$what" "$delta" >"$results/variant.$name"
    else
      progress "variant $name could not be counted"
      status=1
    fi
  done
  return "$status"
}
