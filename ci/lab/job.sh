# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154  # The options are set in options.sh, the run in run.sh.
#
# The job that L1 runs: a directory with the command as a shell script, its stdin, and where its results go.

# Prints a word in single quotes, for any POSIX shell.
quoted() {
  local quote="'\\''"
  printf "'%s'" "${1//"'"/"$quote"}"
}

# Prints an `export` for each variable of the caller's environment that a shell can name.
_exported_environment() {
  local entry
  while IFS= read -r -d '' entry; do
    [[ ${entry%%=*} =~ ^[A-Za-z_][A-Za-z0-9_]*$ ]] || continue
    printf 'export %s=%s\n' "${entry%%=*}" "$(quoted "${entry#*=}")"
  done < <(env -0)
}

# Prints the command script: environment, directory, exec.
_command_script() {
  local word
  if [[ $mode == share ]]; then
    _exported_environment
  else
    # The caller's environment would move the stack, and so the counts, from machine to machine.
    printf 'export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n'
    printf 'mkdir -p %s\n' "$(quoted "$PWD")"
  fi
  printf 'export LAB_RESULTS=%s\n' "$(quoted "$results")"
  printf 'cd %s || exit %s\nexec' "$(quoted "$PWD")" "$kLabFailed"
  for word in "${command[@]}"; do
    printf ' %s' "$(quoted "$word")"
  done
  echo
}

# Writes the job into the directory. Uses the run's options: mode, command, stdin, results.
write_job() {
  local into="$1"
  mkdir -p "$into"
  _command_script >"$into/command"
  case $stdin in
    '') : >"$into/stdin" ;;
    -) cat >"$into/stdin" ;;
    *) cp -- "$stdin" "$into/stdin" ;;
  esac
  if [[ -n $results ]]; then
    printf '%s' "$results" >"$into/results"
  fi
}
