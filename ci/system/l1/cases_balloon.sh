# shellcheck shell=bash disable=SC2154,SC2016,SC2034
# SPDX-License-Identifier: Apache-2.0
#
# The balloon: what it lends, and when; what the host has of it; how the guest gets it back.

# What the guest runs to fill memory with a pattern and read it back, as the argument of python3 -c.
fill_memory="$(<"$REPO/ci/system/l1/fill_memory.py")"

# expect_balloon CONDITION: holds of what the last run's timeline says of the balloon, such as 'acks_later == 0'.
expect_balloon() {
  [[ "$(json "$WORK/t.json" "eval('$1', {}, t['balloon'])")" == True ]] ||
    fail "not so: $1; $(json "$WORK/t.json" 't["balloon"]')"
}

huge_pages() {
  echo "$1" >/proc/sys/vm/nr_hugepages
  [[ "$(</proc/sys/vm/nr_hugepages)" == "$1" ]] || fail "the host has $(</proc/sys/vm/nr_hugepages) huge pages, not $1"
}

# Huge pages that are in use or promised.
huge_pages_taken() { echo $(($(meminfo HugePages_Total) - $(meminfo HugePages_Free) + $(meminfo HugePages_Rsvd))); }

# The console's driver is of the device level, and says when it is there.
case_balloon_lends_before_any_driver_of_the_device_level() {
  mayfly_run --memory 2G --balloon 1G --pages 4k --timeline "$WORK/t.json" -- dmesg </dev/null
  expect_status 0
  local lent console
  lent="$(grep -n 'virtio_balloon_early: 1024 MiB lent' <<<"$out" | cut -d : -f 1)"
  console="$(grep -n 'console \[hvc0\] enabled' <<<"$out" | cut -d : -f 1)"
  [[ -n "$lent" && -n "$console" ]] || fail "not in the log: lent '$lent', console '$console'"
  ((lent < console)) || fail "lent in line $lent, after the console's line $console"
  expect_balloon 'held_bytes_max == 1 << 30'
  # 1 GiB, and so 512 MiB at least, with one notification.
  expect_balloon 'inflate_notifications == 1'
  expect_balloon 'inflate_entries <= 16'
}

case_balloon_is_not_there_unless_asked_for() {
  mayfly_run --timeline "$WORK/t.json" -- sh -c 'ls /sys/bus/virtio/devices; dmesg | grep -c balloon_early' </dev/null
  expect_out $'virtio0\nvirtio1\nvirtio2\n0'
  [[ "$(json "$WORK/t.json" '"balloon" in t')" == False ]] || fail 'the timeline has one'
}

case_balloon_comes_back_when_memory_is_short() {
  huge_pages 600
  CASE_SECONDS=900 mayfly_run --memory 1G --balloon 768M --pages 2m --timeline "$WORK/t.json" -- \
    sh -c 'python3 -c "$1" 700 && dmesg' sh "$fill_memory" </dev/null
  huge_pages 0
  expect_status 0
  [[ "$out" == same$'\n'* ]] || fail "${out%%$'\n'*}"
  ! grep -iE 'out of memory|oom-kill|allocation failure|blocked for' <<<"$out" >&2 || fail "the guest suffered"
  expect_balloon 'held_bytes_max == 768 << 20'
  expect_balloon 'acks_later == 0'
  # Taken back by tens of MiB, not page by page.
  expect_balloon 'deflate_notifications > 0'
  expect_balloon 'deflate_notifications <= 40'
}

# steps OPTION... -- COMMAND...: a guest whose balloon follows step; its stdin is descriptor 5.
steps() {
  rm -f "$WORK/go"
  mkfifo "$WORK/go"
  timeout --kill-after=5 "${CASE_SECONDS:-900}" "$MAYFLY" run --id steps --image "$IMAGE" "$@" \
    >"$WORK/out" 2>"$WORK/err" <"$WORK/go" &
  steps_pid=$!
  exec 5>"$WORK/go"
}

# step SIZE BYTES: has the balloon follow; how much of the guest the host then has goes into $populated.
step() {
  "$MAYFLY" balloon steps "$1" || fail "the balloon does not take $1; stderr: $(<"$WORK/err")"
  await "$steps_pid" balloon_has "$2"
}

balloon_has() {
  local held
  "$MAYFLY" status steps --json >"$WORK/status.json" || return
  read -r held populated < <(json "$WORK/status.json" "'%d %d' % (t['balloon']['held_bytes'], t['memory']['populated_bytes'])")
  [[ "$held" == "$1" ]]
}

end_steps() {
  exec 5>&-
  status=0
  wait "$steps_pid" || status=$?
  out="$(<"$WORK/out")" err="$(<"$WORK/err")"
}

# Memory that the guest has used goes back to the host, and comes back as good as new.
case_balloon_is_resized_while_the_guest_runs() {
  local pages full
  huge_pages 600
  for pages in thp 2m; do
    steps --memory 1G --balloon 0 --pages "$pages" -- \
      sh -c 'python3 -c "$1" 600 && echo filled && read -r go && python3 -c "$1" 600' sh "$fill_memory"
    (await "$steps_pid" has_line "$WORK/out" filled)
    step 0 0
    full="$populated"
    ((full > 600 << 20)) || fail "$pages: only $full bytes are populated after 600 MiB were written"
    step 512M 536870912
    ((populated <= 512 << 20)) || fail "$pages: $populated bytes are populated with half of the guest lent, $full before"
    step 128M 134217728
    step 0 0
    echo go >&5
    end_steps
    expect_status 0
    expect_out $'same\nfilled\nsame'
  done
  huge_pages 0
}

case_balloon_moves_under_load() {
  steps --memory 1G --balloon 512M --pages 4k -- sh -c 'echo up; python3 -c "$1" 250 4 && read -r go' sh "$fill_memory"
  (await "$steps_pid" has_line "$WORK/out" up)
  local turn
  for turn in 1 2 3; do
    step 64M 67108864
    step 448M 469762048
  done
  step 0 0
  echo go >&5
  end_steps
  expect_status 0
  expect_out $'up\nsame'
}

case_balloon_returns_all_when_its_device_goes() {
  CASE_SECONDS=600 mayfly_run --memory 1G --balloon 512M --timeline "$WORK/t.json" -- sh -c '
    device=$(readlink -f /sys/bus/virtio/drivers/virtio_balloon_early/virtio*)
    free() { sed -n "s/^MemFree: *\([0-9]*\).*/\1/p" /proc/meminfo; }
    before=$(free); echo 1 >"${device%/*}/remove"; after=$(free)
    echo $(((after - before) / 1024 > 500)); python3 -c "$1" 700; dmesg | grep -E "WARNING|BUG"' sh "$fill_memory" </dev/null
  expect_out $'1\nsame'
}

# What the guest has touched is free for others once it is lent.
case_balloon_gives_huge_pages_back() {
  local taken
  huge_pages 600
  steps --memory 1G --balloon 0 --pages 2m -- sh -c 'python3 -c "$1" 850 && echo filled && read -r go' sh "$fill_memory"
  (await "$steps_pid" has_line "$WORK/out" filled)
  [[ "$(huge_pages_taken)" == 512 ]] || fail "$(huge_pages_taken) huge pages are taken by a guest of 1 GiB"
  step 512M 536870912
  taken="$(huge_pages_taken)"
  step 0 0
  [[ "$(huge_pages_taken)" == 512 ]] || fail "$(huge_pages_taken) huge pages are promised to a guest whose balloon is empty"
  echo go >&5
  end_steps
  huge_pages 0
  expect_status 0
  # The guest lends what is free, of which up to 120 MiB was never touched.
  ((taken >= 256 && taken <= 256 + 64)) || fail "$taken huge pages are taken with half of the guest lent"
}

# What others have taken of the host's pool meanwhile cannot come back: the guest waits, and lives.
case_balloon_that_the_host_cannot_give_back_waits_and_says_so() {
  huge_pages 512
  CASE_SECONDS=900 steps --memory 1G --balloon 0 --pages 2m -- \
    sh -c 'python3 -c "$1" 850; echo filled; read -r go; python3 -c "$1" 850' sh "$fill_memory"
  (await "$steps_pid" has_line "$WORK/out" filled)
  step 512M 536870912
  huge_pages "$(huge_pages_taken)"
  echo go >&5
  (await "$steps_pid" has_line "$WORK/err" 'mayfly: the guest wants memory back from its balloon, .* 2m pages left; the guest waits for it')
  kill -TERM "$steps_pid"
  end_steps
  huge_pages 0
  [[ "$out" == $'same\nfilled' ]] || fail "stdout is '$out'"
  [[ "$(grep -c 'wants memory back' "$WORK/err")" == 1 ]] || fail "not said once: $err"
}
