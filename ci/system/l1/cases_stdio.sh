# shellcheck shell=bash disable=SC2154,SC2016,SC2034
# SPDX-License-Identifier: Apache-2.0
#
# Stdio: byte-exact, apart, with back-pressure; terminals; signals.

# 100 MB in each of three directions at once, while the reader of stdout stalls.
case_hundred_megabytes_three_ways_while_a_reader_stalls() {
  local bytes="${CASE_STDIO_BYTES:-100000000}"
  cat >"$WORK/three.py" <<'PYTHON'
import hashlib, sys, threading
count = int(sys.argv[1])
def produce(stream, seed):
    block = hashlib.sha512(seed).digest() * 1024
    left = count
    while left:
        piece = block[:left]
        stream.write(piece)
        left -= len(piece)
    stream.flush()
threads = [threading.Thread(target=produce, args=(sys.stdout.buffer, b"out")),
           threading.Thread(target=produce, args=(sys.stderr.buffer, b"err"))]
[t.start() for t in threads]
digest, got = hashlib.sha256(), 0
while piece := sys.stdin.buffer.read(65536):
    digest.update(piece)
    got += len(piece)
[t.join() for t in threads]
with open("/dev/stdout", "w") as last:
    last.write(f"\n{got} {digest.hexdigest()}\n")
PYTHON
  cat >"$WORK/drive.py" <<'PYTHON'
import hashlib, subprocess, sys, threading, time
count, command = int(sys.argv[1]), sys.argv[2:]
def stream(seed):
    block = hashlib.sha512(seed).digest() * 1024
    return block * (count // len(block)) + block[:count % len(block)]
child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
found = {}
def feed():
    child.stdin.write(stream(b"in"))
    child.stdin.close()
def drain(name, pipe, stall):
    data = bytearray(pipe.read(100000))
    time.sleep(stall)
    data += pipe.read()
    found[name] = bytes(data)
threads = [threading.Thread(target=feed), threading.Thread(target=drain, args=("out", child.stdout, 5)),
           threading.Thread(target=drain, args=("err", child.stderr, 0))]
[t.start() for t in threads]
[t.join() for t in threads]
status = child.wait()
tail = f"\n{count} {hashlib.sha256(stream(b'in')).hexdigest()}\n".encode()
assert status == 0, (status, found["err"][-500:])
assert found["err"] == stream(b"err"), f"stderr differs, {len(found['err'])} bytes"
assert found["out"] == stream(b"out") + tail, f"stdout differs, {len(found['out'])} bytes, ends {found['out'][-90:]}"
print("same")
PYTHON
  local result
  result="$(timeout 900 python3 "$WORK/drive.py" "$bytes" \
    "$MAYFLY" run --image "$IMAGE" -- python3 -c "$(<"$WORK/three.py")" "$bytes" 2>&1)" || fail "$result"
  [[ "$result" == same ]] || fail "$result"
}

case_output_after_a_reader_went_away_ends_the_workload() {
  status=0
  timeout 100 "$MAYFLY" run --image "$IMAGE" -- sh -c 'yes; echo "yes ended: $?" >&2' 2>"$WORK/err" </dev/null | head -n 1 >"$WORK/out"
  [[ "$(<"$WORK/out")" == y ]] || fail "first line is '$(<"$WORK/out")'"
  [[ "$(<"$WORK/err")" == "yes ended: 141" ]] || fail "stderr is '$(<"$WORK/err")'"
}

case_end_of_stdin_arrives() {
  mayfly_run -- wc -c < <(head -c 12345 /dev/zero)
  expect_status 0
  expect_out 12345
}

case_terminal_with_its_size() {
  local result
  result="$(timeout 100 python3 "$REPO/ci/system/l1/pty_drive.py" "$MAYFLY" run --image "$IMAGE" -- sh -c 'test -t 0 && test -t 1 && stty size && read -r line && echo "got $line"')" ||
    fail "$result"
  [[ "$result" == *"33 101"* && "$result" == *"got typed"* ]] || fail "$result"
}

case_first_signal_goes_to_the_workload() {
  "$MAYFLY" run --image "$IMAGE" -- sh -c 'trap "echo caught; exit 9" TERM; echo up; while :; do sleep 0.1; done' \
    >"$WORK/out" 2>"$WORK/err" </dev/null &
  local pid=$!
  await "$pid" has_line "$WORK/out" up
  kill -TERM "$pid"
  status=0
  wait "$pid" || status=$?
  [[ "$status" == 9 && "$(<"$WORK/out")" == $'up\ncaught' ]] || fail "status $status, stdout $(<"$WORK/out")"
}

case_second_signal_ends_the_machine() {
  "$MAYFLY" run --image "$IMAGE" -- sh -c 'trap "echo caught" TERM; echo up; while :; do sleep 0.1; done' \
    >"$WORK/out" 2>"$WORK/err" </dev/null &
  local pid=$!
  await "$pid" has_line "$WORK/out" up
  kill -TERM "$pid"
  await "$pid" has_line "$WORK/out" caught
  kill -TERM "$pid"
  status=0
  wait "$pid" || status=$?
  [[ "$status" == 143 ]] || fail "status $status"
}
