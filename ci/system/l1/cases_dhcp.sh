# shellcheck shell=bash disable=SC2154,SC2016
# SPDX-License-Identifier: Apache-2.0
#
# Guests that get their address by DHCP: of dnsmasq, of nobody, of a server that is broken or hostile, and for longer than a lease lasts.

# serve_dhcp LEASE-TIME [OPTION]...: dnsmasq at net0, whose process is $server; names of no network, and nothing of this host's.
serve_dhcp() {
  local lease="$1"
  shift
  dnsmasq --keep-in-foreground --no-resolv --no-hosts --port=0 --interface=net0 --bind-interfaces --user=root --conf-file=/dev/null \
    --pid-file="$WORK/dnsmasq.pid" --dhcp-leasefile="$WORK/leases" --dhcp-authoritative --log-dhcp --log-facility="$WORK/dnsmasq.log" \
    --dhcp-range="10.77.0.50,10.77.0.60,$lease" --dhcp-option=option:dns-server,10.77.0.1,9.9.9.9 --domain=lab.example "$@" >&2 &
  server=$!
  # shellcheck disable=SC2064  # the number as it is now
  trap "kill -KILL $server 2>/dev/null" EXIT
  await "$server" grep -q 'DHCP, IP range' "$WORK/dnsmasq.log"
}

# serve_dhcp_as KIND: as dhcp_server.py has it, whose process is $server; what it does is in $WORK/served.
serve_dhcp_as() {
  python3 "$REPO/ci/system/l1/dhcp_server.py" "$1" >"$WORK/served" 2>&1 &
  server=$!
  # shellcheck disable=SC2064  # the number as it is now
  trap "kill -KILL $server 2>/dev/null" EXIT
  await "$server" has_line "$WORK/served" serves
}

# What a guest says of its network, of one interface.
readonly DHCP_GUEST='
import fcntl, socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
def asked(request):
    return fcntl.ioctl(s, request, struct.pack("16s240x", b"eth0"))
address, mask = (socket.inet_ntoa(asked(number)[20:24]) for number in (0x8915, 0x891b))
mtu, = struct.unpack_from("i", asked(0x8921), 16)
routes = [line.split() for line in open("/proc/net/route")][1:]
gateways = [socket.inet_ntoa(struct.pack("<I", int(route[2], 16))) for route in routes if route[1] == "00000000"]
print(address.rsplit(".", 1)[0], mask, mtu, gateways, open("/etc/resolv.conf").read().split())'

case_dhcp_gives_address_route_and_names() {
  make_tap net0
  serve_dhcp 1h --dhcp-option=option:mtu,1400
  mayfly_run --net tap=net0,ip=dhcp -- python3 -c "$DHCP_GUEST"
  expect_status 0
  expect_out "10.77.0 255.255.255.0 1400 ['10.77.0.1'] ['search', 'lab.example', 'nameserver', '10.77.0.1', 'nameserver', '9.9.9.9']"
  [[ "$(<"$WORK/leases")" == *' 10.77.0.'* ]] || fail "the server has given nothing"
  # What the command line says of names goes before.
  mayfly_run --net tap=net0,ip=dhcp,dns=1.1.1.1 -- cat /etc/resolv.conf
  expect_status 0
  expect_out_has 'nameserver 1.1.1.1'
  [[ "$out" != *9.9.9.9* ]] || fail "resolv.conf is '$out'"
}

# Of a server of our own: dnsmasq's shortest lease is two minutes.
case_dhcp_lease_is_renewed_and_given_up_when_it_ends() {
  make_tap net0
  serve_dhcp_as short
  start_vm a "$TICK" --memory 256M --net tap=net0,ip=dhcp
  # shellcheck disable=SC2064
  trap "kill -KILL $server $vm 2>/dev/null" EXIT
  await "$vm" has_line "$WORK/served" 'renews 10.77.0.70'
  busybox ping -c 1 -W 30 10.77.0.70 >/dev/null || fail "the guest does not answer"
  # From then on the server is silent to who renews, and offers another address.
  kill -USR1 "$server"
  await "$vm" has_line "$WORK/served" 'gives 10.77.0.71'
  busybox ping -c 1 -W 30 10.77.0.71 >/dev/null || fail "the guest does not answer at its new address"
  ! busybox ping -c 1 -W 1 10.77.0.70 >/dev/null || fail "the guest keeps an address that is no longer its own"
  expect_answer 0 '' stop a
  end_vm 7
}

case_dhcp_without_a_server_is_an_error() {
  make_tap net0
  mayfly_run --net tap=net0,ip=dhcp,dhcp-timeout=2s -- true
  expect_status 125
  expect_err_has 'getting an address by DHCP for eth0 (net0): no server answers, within 2 s; does one serve net0'
}

case_dhcp_server_that_is_hostile_is_not_believed() {
  make_tap net0
  serve_dhcp_as hostile
  mayfly_run --net tap=net0,ip=dhcp,dhcp-timeout=4s -- true
  expect_status 125
  expect_err_has 'DHCP for eth0 (net0): what answers gives none that can be used, within 4 s'
}
