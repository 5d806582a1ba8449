# shellcheck shell=bash disable=SC2154,SC2034
# SPDX-License-Identifier: Apache-2.0
#
# What every thread of a process, $vm, is to have given up.

# field FILE NAME: of a /proc/.../status.
field() { sed -n "s/^$2:[[:space:]]*//p" "$1"; }

# expect_fields STATUS NAME VALUE...: pairs.
expect_fields() {
  local file="$1"
  shift
  while (($# > 0)); do
    [[ "$(field "$file" "$1")" == "$2" ]] || fail "$(field "$file" Name) $(field "$file" Pid): $1 is '$(field "$file" "$1")', not '$2'"
    shift 2
  done
}

readonly NO_CAPABILITY=0000000000000000

# Of a thread of vhost, since Linux 6.4 one of the process: it never leaves the kernel, so no program of ours uses what it has.
is_of_vhost() { grep -q vhost_task_fn "$1/stack"; }

# expect_confined NAMESPACE...: of every thread of $vm, how many there are goes into $seen.
expect_confined() {
  local task namespace
  seen=0
  for task in /proc/"$vm"/task/*; do
    # One that has ended since has nothing left.
    cat "$task/status" >"$WORK/thread" 2>/dev/null || continue
    seen=$((seen + 1))
    is_of_vhost "$task" || expect_fields "$WORK/thread" Seccomp 2 NoNewPrivs 1 CapInh $NO_CAPABILITY CapPrm $NO_CAPABILITY \
      CapEff $NO_CAPABILITY CapBnd $NO_CAPABILITY CapAmb $NO_CAPABILITY
    for namespace in "$@"; do
      [[ "$(readlink "$task/ns/$namespace")" != "$(readlink "/proc/self/ns/$namespace")" ]] || fail "$task has the host's $namespace"
    done
  done
}
