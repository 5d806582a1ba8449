# shellcheck shell=bash disable=SC2154,SC2016,SC2034
# SPDX-License-Identifier: Apache-2.0
#
# Guests with a network of their own, which passt makes of the host's sockets: `--net user`.

# make_way_out: an interface with an address, a default route and a resolver, which passt takes for the host's way out.
make_way_out() {
  [[ -e /sys/class/net/out0 ]] && return
  { busybox tunctl -t out0 && busybox ip address add 198.51.100.1/24 dev out0 && busybox ip link set out0 up &&
    busybox ip route add default via 198.51.100.254 dev out0; } >&2 || fail "cannot make a way out"
  echo 'nameserver 198.51.100.1' >/etc/resolv.conf
}

# Three services of the host: HTTP at an address of its own and at its loopback, and names, all of which are 198.51.100.1.
readonly USER_SERVER='
import hashlib, http.server, os, socket, sys, threading
blob = os.urandom(1 << 22)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(blob)))
        self.end_headers()
        self.wfile.write(blob)
    def do_POST(self):
        print(hashlib.sha256(self.rfile.read(int(self.headers["Content-Length"]))).hexdigest() == hashlib.sha256(blob).hexdigest(), flush=True)
        self.send_response(204)
        self.end_headers()
    def log_message(self, *_): pass
def names():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("198.51.100.1", 53))
        while True:
            query, peer = s.recvfrom(512)
            end = query.index(b"\0", 12) + 5
            is_a = query[end - 4:end - 2] == b"\0\1"
            answer = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + bytes([198, 51, 100, 1]) if is_a else b""
            s.sendto(query[:2] + b"\x81\x80\0\1" + bytes([0, int(is_a)]) + b"\0\0\0\0" + query[12:end] + answer, peer)
threading.Thread(target=names, daemon=True).start()
for address in (("127.0.0.1", 8001), ("198.51.100.1", 8000)):
    server = http.server.ThreadingHTTPServer(address, Handler)
    threading.Thread(target=server.serve_forever).start()
print(hashlib.sha256(blob).hexdigest(), flush=True)
open(sys.argv[1], "w").close()'

readonly USER_CLIENT='
import hashlib, socket, urllib.request
blob = urllib.request.urlopen("http://server.test:8000/", timeout=60).read()
urllib.request.urlopen(urllib.request.Request("http://server.test:8000/", blob), timeout=60)
print(hashlib.sha256(blob).hexdigest(), len(blob), open("/etc/resolv.conf").read().split())
try:
    socket.create_connection(("10.0.2.2", 8001), 3)
    print("reaches the loopback of the host")
except OSError:
    print("no loopback")'

start_services() {
  make_way_out
  python3 -c "$USER_SERVER" "$WORK/listening" >"$WORK/server" 2>"$WORK/server.err" &
  services=$!
  # shellcheck disable=SC2064  # the number as it is now
  trap "kill -KILL $services" EXIT
  await "$services" there "$WORK/listening"
}
# passts: the processes of passt, by number.
passts() { pgrep -x 'passt(\.avx2)?'; }
are_gone() { ! passts >/dev/null; }

case_net_user_reaches_what_the_host_reaches() {
  start_services
  mayfly_run --net user -- python3 -c "$USER_CLIENT" </dev/null
  expect_status 0
  are_gone || fail "there is still a passt"
  [[ "$(sed -n 2p "$WORK/server")" == True ]] || fail "what came back is not what was sent"
  expect_out "$(head -n 1 "$WORK/server") 4194304 ['nameserver', '10.0.2.3']"$'\nno loopback'
}

# A server of the guest for each protocol, which says what it got and from where.
readonly USER_GUEST='echo up; exec python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((\"\", 7000))
t = socket.create_server((\"\", 7000)).accept()[0]
t.sendall(b\"from the guest: \" + t.recv(100))
t.close()
said, peer = s.recvfrom(100)
s.sendto(b\"by packet: \" + said, peer)
# What is sent and has not left would go with the guest.
s.recvfrom(100)"'

# Until somebody answers: the guest is up before its server.
readonly USER_ASKS='
import socket, time
def tcp():
    with socket.create_connection(("127.0.0.1", 7001), 60) as s:
        s.sendall(b"hello")
        return b"".join(iter(lambda: s.recv(100), b""))
def udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.sendto(b"hello", ("198.51.100.1", 7002))
        return s.recv(100)
for ask in (tcp, udp):
    got = b""
    for attempt in range(600):
        try:
            got = ask()
        except OSError:
            pass
        if got:
            break
        time.sleep(0.1)
    print(got.decode())
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"end", ("198.51.100.1", 7002))'

case_net_user_forwards_ports_to_the_guest() {
  make_way_out
  start_vm a "$USER_GUEST" --net user,tcp=7001:7000,udp=198.51.100.1/7002:7000
  python3 -c "$USER_ASKS" >"$WORK/said" || fail "the ports do not answer"
  [[ "$(<"$WORK/said")" == $'from the guest: hello\nby packet: hello' ]] || fail "they say '$(<"$WORK/said")'"
  end_vm 0
}

# The second has the port at once: the first waits for its passt.
case_net_user_gives_its_ports_back() {
  make_way_out
  start_confined --net user,tcp=7001:7000
  [[ "$(passts | wc -l)" == 1 ]] || fail "there are these processes of passt: $(passts)"
  # main, two vCPUs, stdin, stdout, stderr, console, I/O
  expect_confined mnt ipc uts
  ((seen >= 8)) || fail "only $seen threads"
  mayfly_run --net user,tcp=7001:7000 --events 3 -- true </dev/null 3>"$WORK/events"
  expect_status 125
  expect_err_has "mayfly: --net user: passt (Failed to bind any port for '-t 127.0.0.1/7001:7000', exiting) has ended before the guest began"
  has_line "$WORK/events" '.*"event":"ended".*"outcome":"failed".*' || fail "the end is not told: $(<"$WORK/events")"
  end_confined
  mayfly_run --net user,tcp=7001:7000 -- true </dev/null
  expect_status 0
}

case_net_user_takes_its_passt_with_it() {
  make_way_out
  start_confined --net user
  passts >/dev/null || fail "there is no passt"
  kill -KILL "$vm"
  trap - EXIT
  await $$ are_gone
}

case_net_user_needs_no_rights() {
  start_services
  chmod 666 /dev/kvm
  status=0
  out="$(setpriv --reuid 65534 --regid 65534 --clear-groups "$MAYFLY" run --image "$IMAGE" --net user -- python3 -c "$USER_CLIENT" \
    2>"$WORK/err" </dev/null)" || status=$?
  err="$(<"$WORK/err")"
  expect_status 0
  expect_out "$(head -n 1 "$WORK/server") 4194304 ['nameserver', '10.0.2.3']"$'\nno loopback'
}

case_net_user_outlives_its_passt() {
  make_way_out
  start_confined --net user
  kill -KILL "$(passts)"
  await "$vm" has_line "$WORK/err" 'mayfly: passt of --net is gone; .*'
  echo still here >&5
  await "$vm" has_line "$WORK/out" 'still here'
  end_confined
}

case_net_user_without_passt_or_a_way_out_says_so() {
  make_way_out
  status=0
  err="$(PATH=/nowhere "$MAYFLY" run --image "$IMAGE" --net user -- true 2>&1 </dev/null)" || status=$?
  expect_status 125
  expect_err_has "--net user: cannot run passt, of the package of that name (apt-get install passt): No such file"
  busybox ip link delete out0
  mayfly_run --net user -- true </dev/null
  expect_status 125
  expect_err_has "--net user: passt (No external routable interface for IPv4; External interface not usable) has ended before the guest began"
}
