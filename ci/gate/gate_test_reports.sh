# shellcheck shell=bash disable=SC2154  # gate, fake and work are set by gate_test and run_tests
# SPDX-License-Identifier: Apache-2.0
#
# Reports for people and machines. Source it.

# Leaves now, base, a history of six and a budget that fails in $work.
prepare_report() {
  local i
  describe image noise_percent=0.5
  describe kernel.base
  describe kernel
  echo '{"version": 1, "spans": {"exec_to_ready": {"wall": {"p50_ms": 38.5, "p95_ms": 60, "change_percent": 2}},
    "init_to_ready": {"wall": {"p50_ms": 2}}}, "exits": {"total": {"limit": 500}}}' >"$work/budget"
  for i in 1 2 3 4 5 6; do
    measure_fake old --boots 8 --label "commit $i" --append-history "$work/history" || fail "no history"
  done
  describe kernel guest_kernel_us=32000
  by_turns --boots 30 --label "commit 7" || fail "no measurement"
}

# A browser's picture of a report. $1: light or dark; $2: the page; $3: the picture.
photograph() {
  local scheme=1
  [[ $1 == light ]] || scheme=0
  timeout 120 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars \
    --user-data-dir="$work/browser.$1" --window-size=1100,2600 --blink-settings=preferredColorScheme="$scheme" \
    --screenshot="$3" "file://$2" >"$work/browser.log" 2>&1 || fail "the browser failed: $(tail -n 3 "$work/browser.log")"
}

test_html_report_is_drawn_in_a_browser_light_and_dark() {
  local scheme
  prepare_report
  gives 1 "$gate" check --budget "$work/budget" --history "$work/history" "$work/now" --html "$work/page.html"
  for scheme in light dark; do
    photograph "$scheme" "$work/page.html" "$work/$scheme.png"
    ci/gate/screenshot_check.py "$scheme" "$work/$scheme.png" || fail "the $scheme page is not drawn"
    [[ -z ${GATE_KEEP:-} ]] || cp "$work/$scheme.png" "$work/page.html" "$GATE_KEEP/"
  done
  [[ $(grep -o '<svg ' "$work/page.html" | wc -l) -ge 7 ]] || fail "drawings are missing"
}

test_reports_for_machines_are_well_formed() {
  prepare_report
  gives 1 "$gate" compare "$work/base" "$work/now" --allowed 2 --html "$work/page.html" --junit "$work/junit.xml" --json "$work/report.json" --markdown "$work/summary.md"
  python3 - "$work" <<'END' || fail "a report is not as it should be"
import json, sys, xml.etree.ElementTree as ElementTree
work = sys.argv[1]
suite = ElementTree.parse(f"{work}/junit.xml").getroot()
assert suite.get("tests") == "1" and suite.get("failures") == "1", suite.attrib
assert "guest_kernel" in suite.find("testcase/failure").text
report = json.load(open(f"{work}/report.json"))
assert report["verdict"] == "fail" and 0.03 < report["checks"][0]["value"] < 0.08, report["checks"]
assert report["differences"][0]["key"] == "guest.kernel", report["differences"]
page = open(f"{work}/page.html").read()
ElementTree.fromstring("<root>" + "".join(f"<svg {part.split('</svg>')[0]}</svg>" for part in page.split("<svg ")[1:]) + "</root>")
assert ":x: | exec_to_ready change" in open(f"{work}/summary.md").read()
END
  gives 0 "$gate" report "$work/now" --base "$work/base" --history "$work/history" --html "$work/page.html"
  says "exec_to_ready: median"
}
