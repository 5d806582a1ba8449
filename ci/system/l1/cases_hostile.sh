# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: Apache-2.0
#
# A guest that attacks mayfly from all of its vCPUs; ci/hostile/README.md.

# attack OPTION...: with all devices.
attack() {
  [[ -e "$REPO/build/test/hostile-guest" ]] || fail "there is no guest: cmake --build build --target hostile-guest"
  make_queued_tap hostile0
  python3 "$REPO/ci/hostile/attack" --mayfly "$MAYFLY" --image "$IMAGE" --tap hostile0 "$@" >"$WORK/out" || {
    # Its address is that of others' taps.
    busybox ip link delete hostile0
    fail "$(tail -n 20 "$WORK/out")"
  }
  cat "$WORK/out" >&2
  busybox ip link delete hostile0 || fail "the tap cannot be removed"
}

# The second one may end the machine in any way. What the last ones were is in the log if one fails.
case_hostile_guest_gets_nowhere() {
  attack --seeds 1,4 --seconds "${HOSTILE_SECONDS:-1}" --rounds 5
}
