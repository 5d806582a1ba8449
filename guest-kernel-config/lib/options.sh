# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Checks that the final configuration has what the fragments ask for, and lists what it has beyond.

declare -A asked=() asked_in=()

# Reads fragments in order into asked[OPTION]=VALUE ("n" for "is not set"); a later one wins.
read_fragments() {
  local file line
  for file in "$@"; do
    while IFS= read -r line || [[ -n $line ]]; do
      if [[ $line =~ ^(CONFIG_[A-Z0-9_a-z]+)=(.+)$ ]] || [[ $line =~ ^"# "(CONFIG_[A-Z0-9_a-z]+)" is not set"$ ]]; then
        asked[${BASH_REMATCH[1]}]="${BASH_REMATCH[2]:-n}"
        asked_in[${BASH_REMATCH[1]}]="$file"
      elif [[ -n $line && $line != "#"* ]]; then
        die "'$line' in $file is neither an option nor a comment"
      fi
    done <"$file"
  done
}

# Whether the fragments that were read ask for modules.
has_modules() {
  [[ ${asked[CONFIG_MODULES]:-n} != n ]]
}

# The lines of the fragments that are options, without comments.
options_of() {
  grep -hE '^(CONFIG_|# CONFIG_[A-Za-z0-9_]+ is not set$)' "$@"
}

# The conditions of an option in the Kconfig files of the tree, one a line; no output when there is no such option.
conditions_of() {
  local tree="$1" name="$2"
  find "$tree" -name 'Kconfig*' -not -path "$tree/arch/*" -print0 |
    xargs -0 cat "$tree"/arch/x86/Kconfig* |
    awk -v name="$name" '
      /^(menu)?config[ \t]/ { ours = ($2 == name); if (ours) print "declared" }
      ours && /^[ \t]+depends on / { sub(/^[ \t]+depends on /, ""); print }'
}

# The conditions in words, with those options that are off in the configuration.
explain_unmet() {
  local tree="$1" config="$2" name="${3#CONFIG_}" conditions option
  conditions="$(conditions_of "$tree" "$name")"
  [[ -n $conditions ]] || { echo "this kernel has no such option" && return; }
  conditions="$(grep -v '^declared$' <<<"$conditions" | sort -u | paste -s -d '&' | sed 's/&/ \&\& /g')"
  [[ -n $conditions ]] || { echo "it has no condition of its own: another option or its menu rules it" && return; }
  echo -n "it depends on $conditions; off are:"
  while IFS= read -r option; do
    grep -q "^CONFIG_$option=" "$config" || echo -n " $option"
  done < <(grep -oE '[A-Z][A-Z0-9_]+' <<<"$conditions" | sort -u)
  echo
}

# Fails, naming each option that the fragments ask for and the configuration has not.
check_options() {
  local tree="$1" config="$2" option value failed=no
  declare -A final=()
  while IFS='=' read -r option value; do
    final[$option]="$value"
  done < <(grep '^CONFIG_' "$config")
  for option in $(printf '%s\n' "${!asked[@]}" | sort); do
    [[ ${final[$option]:-n} == "${asked[$option]}" ]] && continue
    failed=yes
    echo "guest kernel: $option=${asked[$option]} of $(basename "${asked_in[$option]}") came out as" \
      "${final[$option]:-n}: $(explain_unmet "$tree" "$config" "$option")" >&2
  done
  [[ $failed == no ]] || die "the configuration is not what the fragments ask for; mend the options named above"
}

# Options that are on although no fragment asks for them, without those that only describe CPU or compiler.
list_unasked() {
  local option
  while IFS= read -r option; do
    [[ -n ${asked[$option]:-} ]] || echo "$option"
  done < <(sed -n 's/=y$//p' "$1" | grep -vE '^CONFIG_(HAVE|ARCH|CC|AS|GCC|GENERIC|TOOLS|LD|HAS)_')
}
