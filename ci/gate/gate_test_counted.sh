# shellcheck shell=bash disable=SC2154  # gate, counted and work are set by gate_test and run_tests
# SPDX-License-Identifier: Apache-2.0
#
# What the lab counts: mayfly against its budget, and planted regressions against mayfly. Source it.

# An image of busybox alone, so that no Debian update moves the figures. $1: the image; more: options of mayfly-image.
build_small_image() {
  local output="$1"
  shift
  mkdir -p "$counted/root/bin"
  cp /bin/busybox "$counted/root/bin/busybox"
  build/bin/mayfly-image build --quiet --from "$counted/root" --output "$output" --entrypoint /bin/busybox --entrypoint true "$@"
}

# All variants take turns in one start of the lab.
measure_planted() {
  local image="$counted/image" test="$PWD/build/test" thp='["--pages=thp"]'
  build_small_image "$image" &&
    build_small_image "$counted/busy" --init "$test/gate-busy-init" &&
    ci/gate/planted/larger_kernel.py build/lib/mayfly/vmlinux "$counted/larger" &&
    ci/gate/planted/one_more_initcall.py build/lib/mayfly/vmlinux "$counted/initcall" || return
  cat >"$counted/plan" <<END
{"version": 1, "variants": [
  {"name": "product", "image": "$image", "options": $thp},
  {"name": "unchanged", "image": "$image", "options": $thp},
  {"name": "busy", "image": "$counted/busy", "options": $thp},
  {"name": "device", "image": "$image", "mayfly": "$test/gate-mayfly-one-more-device", "options": $thp},
  {"name": "kernel", "image": "$image", "kernel": "$counted/larger", "options": $thp},
  {"name": "initcall", "image": "$image", "kernel": "$counted/initcall", "options": $thp},
  {"name": "pages", "image": "$image", "options": ["--pages=4k"]}]}
END
  "$gate" measure --counted --plan "$counted/plan" --output-directory "$counted" --boots 7 --warm-up 2
}

# against_product STATUS VARIANT TEXT...
against_product() {
  local wanted="$1" variant="$2"
  shift 2
  [[ -s $counted/$variant.json ]] || fail "the lab gave no measurement; the reason is above"
  gives "$wanted" "$gate" compare "$counted/product.json" "$counted/$variant.json"
  says "$@"
}

test_counted_mayfly_keeps_its_own_budget() {
  [[ -s $counted/product.json ]] || fail "the lab gave no measurement; the reason is above"
  gives 0 "$gate" check --budget ci/gate/budget.json "$counted/product.json"
}

test_counted_unchanged_boots_pass() { against_product 0 unchanged "ok    exec_to_ready change"; }

test_counted_busy_loop_of_half_a_percent_in_init_is_found() {
  against_product 1 busy "the phase that grew most is guest_init" "likely cause: the image is another one"
}

test_counted_one_more_pci_device_is_found() {
  [[ -s $counted/device.json ]] || fail "the lab gave no measurement; the reason is above"
  # Some 0.5 % of what the guest does to init, which leaves no doubt at seven boots. It makes no exit to mayfly: what the guest
  # reads of a device that it does not use is memory.
  gives 1 "$gate" compare --budget ci/gate/budget.json "$counted/product.json" "$counted/device.json"
  says "FAIL  first_entry_to_init change" "likely cause: the mayfly is another one"
}

test_counted_larger_kernel_is_found() {
  against_product 1 kernel "likely cause: the kernel is another one, 2.00"
  # The thread that reads it, or the main one that waits for it.
  grep -qE "the phase that grew most is (kernel_read|enter)" "$work/out" || fail "another phase grew most: $(<"$work/out")"
}

test_counted_one_more_initcall_is_found() {
  against_product 1 initcall "the phase that grew most is guest_kernel" "likely cause: the kernel is another one"
}

test_counted_lost_huge_pages_are_found() {
  against_product 1 pages "likely cause: guest memory is made of 4k pages, not of thp as before"
}
