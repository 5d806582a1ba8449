# shellcheck shell=bash disable=SC2154,SC2016,SC2034
# SPDX-License-Identifier: Apache-2.0
#
# The workload: its input, output, arguments, environment and exit status.

case_python_answers_42() {
  mayfly_run -- python3 -c 'import json,sys; print(json.load(sys.stdin)["n"]*7)' <<<'{"n": 6}'
  expect_status 0
  expect_out 42
}

case_exit_status_is_the_workloads() {
  mayfly_run -- sh -c 'exit 7' </dev/null
  expect_status 7
}

case_unknown_command_is_127() {
  mayfly_run -- nosuch </dev/null
  expect_status 127
  expect_err_has nosuch
}

case_command_that_cannot_run_is_126() {
  mayfly_run -- /etc/passwd </dev/null
  expect_status 126
  expect_err_has /etc/passwd
}

case_death_by_signal_is_128_and_its_number() {
  mayfly_run -- sh -c 'kill -SEGV $$' </dev/null
  expect_status $((128 + 11))
}

case_stdout_and_stderr_stay_apart() {
  mayfly_run -- sh -c 'echo to-out; echo to-err >&2' </dev/null
  expect_status 0
  expect_out to-out
  [[ "$err" == to-err ]] || fail "stderr is '$err'"
}

case_environment_workdir_and_user_arrive() {
  mayfly_run --env 'GREETING=hello world' --workdir /usr --user nobody -- \
    sh -c 'echo "$GREETING|$PWD|$(id -un)"' </dev/null
  expect_status 0
  expect_out 'hello world|/usr|nobody'
}

case_unknown_user_is_named() {
  mayfly_run --user nosuchuser -- true </dev/null
  expect_status 125
  expect_err_has nosuchuser
}

case_arguments_of_any_bytes_and_64_kib() {
  local long
  long="$(head -c 98304 /dev/zero | tr '\0' x)"
  mayfly_run --env "LONG=$long" -- python3 -c \
    'import os,sys; print(len(os.environb[b"LONG"]), os.fsencode(sys.argv[1]).hex(), len(sys.argv[2]))' \
    $'\x01\xff\xfe "\'\\\n' "$long" </dev/null
  expect_status 0
  expect_out "98304 01fffe2022275c0a 98304"
}

# Several boots: what a kernel does on one CPU while another goes on has come in the wrong order in one of six.
case_four_cpus() {
  local boot
  for boot in {1..8}; do
    mayfly_run --cpus 4 -- nproc </dev/null
    expect_status 0
    expect_out 4
  done
}

# The kernel asks one CPU what all of them are told, and makes on one what is shown of the caches of all.
case_all_cpus_are_told_alike() {
  mayfly_run --cpus 3 -- python3 -c '
import pathlib
told = pathlib.Path("/proc/cpuinfo").read_text().strip().split("\n\n")
facts = [dict(line.split("\t: ") for line in cpu.replace("\t\t", "\t").splitlines() if "\t: " in line) for cpu in told]
same = ("flags", "bugs", "model name", "cache size", "address sizes", "siblings")
assert len(facts) == 3 and all(cpu[key] == facts[0][key] for cpu in facts for key in same), facts
assert len({cpu["apicid"] for cpu in facts}) == 3 and "lm" in facts[2]["flags"].split(), facts
def cache(cpu, index, name):
    return pathlib.Path(f"/sys/devices/system/cpu/cpu{cpu}/cache/index{index}/{name}").read_text().strip()
def sharing(cpu, index):
    spans = [span.split("-") for span in cache(cpu, index, "shared_cpu_list").split(",")]
    return {number for span in spans for number in range(int(span[0]), int(span[-1]) + 1)}
for index in range(3):
    for cpu in range(3):
        for name in ("level", "type", "size", "coherency_line_size"):
            assert cache(cpu, index, name) == cache(0, index, name), (cpu, index, name)
        assert cpu in sharing(cpu, index) and all(cpu in sharing(other, index) for other in sharing(cpu, index)), (cpu, index)
print("alike")' </dev/null
  expect_status 0
  expect_out alike
}

# Four of them started: 64 that wait for each other's turns on the lab's one processor take minutes. The others start in
# case_sixty_four_cpus_start, and all of them under Linux in ci/soak.
case_sixty_four_cpus_are_known() {
  mayfly_run --cpus 64 --memory 1G --cmdline-append maxcpus=4 -- sh -c 'nproc --all; nproc' </dev/null
  expect_status 0
  expect_out $'64\n4'
}

case_root_can_be_written_and_is_gone_afterwards() {
  local before after
  before="$(b2sum <"$IMAGE")"
  mayfly_run -- sh -c 'echo x >/usr/new && cat /usr/new && rm /usr/bin/env && ! ls /usr/bin/env 2>/dev/null' </dev/null
  expect_status 0
  expect_out x
  after="$(b2sum <"$IMAGE")"
  [[ "$before" == "$after" ]] || fail "the image was written to"
}

case_loopback_works() {
  mayfly_run -- python3 -c '
import socket
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
server.accept()[0].sendall(b"over loopback")
print(client.recv(99).decode())' </dev/null
  expect_status 0
  expect_out 'over loopback'
}

case_capabilities_are_a_containers() {
  mayfly_run -- sh -c 'grep -E "CapBnd|NoNewPrivs" /proc/self/status' </dev/null
  expect_status 0
  expect_out_has "NoNewPrivs:	1"
  [[ "$out" != *CapBnd:*1ffffffffff* ]] || fail "all capabilities are there: $out"
}

case_orphans_are_reaped_and_the_run_ends() {
  mayfly_run -- sh -c '(sleep 1000 &) ; (true &) ; echo done' </dev/null
  expect_status 0
  expect_out "done"
}
