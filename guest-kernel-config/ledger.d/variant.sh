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

# Makes the variant of the kind and text, and stages it.
make_variant() {
  local kind="$1" what="$2" status=0
  case $kind in
    append) stage_kernel variant "$base/vmlinux" "$what" && return ;;
    option)
      prepare_tree
      # shellcheck disable=SC2086  # Words of it.
      build_variant $what || status=1
      ;;
    drop)
      prepare_tree
      if ! turn_patch "$what" --reverse --dry-run; then
        echo "ledger: patch $what cannot be taken out alone: a later one builds on it" >&2
        return 1
      fi >&2
      turn_patch "$what" --reverse
      build_variant || status=1
      turn_patch "$what"
      ;;
    *) die "ledger.d/variants has no kind '$kind'" ;;
  esac
  if [[ $status -ne 0 ]]; then
    tail -n 5 "$scratch/build.log" >&2
    return 1
  fi
  stage_kernel variant "$scratch/objects/vmlinux"
}

# measure_variant NAME: leaves results/variant.NAME with the base's key, kind, what, and count_delta's line.
measure_variant() {
  local name="$1" to="$results/variant.$1" kind what delta
  read -r _ kind what < <(variants | grep -E "^$name ") || die "ledger.d/variants has no '$name'"
  if [[ -f $to && "$(cut -f 1-3 "$to")" == "$base_key"$'\t'"$kind"$'\t'"$what" ]]; then
    return 0
  fi
  progress "variant $name: $kind $what"
  stage_boots /bin/true
  stage_kernel base "$base/vmlinux"
  if make_variant "$kind" "$what" && delta="$(count_delta)"; then
    printf '%s\t%s\t%s\t%s\n' "$base_key" "$kind" "$what" "$delta" >"$to"
  else
    progress "variant $name could not be measured"
    unstage
    return 1
  fi
  unstage
}
