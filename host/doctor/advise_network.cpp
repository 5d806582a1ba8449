// SPDX-License-Identifier: Apache-2.0
#include "doctor/advise.hpp"

namespace mayfly::doctor {
namespace {

constexpr Mechanism kTaps{"network", "taps", "a guest is on a network of the host (--net tap=NAME)",
                          "Documentation/networking/tuntap.rst"};
constexpr Mechanism kVhost{
    "network", "vhost",
    "the kernel moves a tap's packets, without a switch to mayfly (--net tap=NAME,vhost=on)",
    "drivers/vhost/net.c"};
constexpr Mechanism kUser{"network", "user", "a guest has a network without any rights (--net user)",
                          "passt(1)"};

Finding check_taps(Switch taps) {
  if (!taps.has_value()) {
    return is_unknown(kTaps, "not recorded");
  }
  return *taps ? is_on(kTaps, "/dev/net/tun is there")
               : is_off(kTaps, "no /dev/net/tun",
                        "sudo modprobe tun; in a container: docker run --device /dev/net/tun");
}

Finding check_vhost(Switch vhost) {
  if (!vhost.has_value()) {
    return is_unknown(kVhost, "not recorded");
  }
  return *vhost ? is_on(kVhost, "/dev/vhost-net is there")
                : is_off(kVhost, "no /dev/vhost-net",
                         "sudo modprobe vhost_net; in a container: docker run --device /dev/vhost-net");
}

Finding check_user(const Capabilities& host) {
  if (!host.network.passt.has_value()) {
    return is_unknown(kUser, "not recorded");
  }
  if (!*host.network.passt) {
    return is_off(kUser, "no /usr/bin/passt", "sudo apt-get install passt, or have one in PATH");
  }
  if (host.isolation.user_namespaces == false) {
    return is_off(kUser, "for root alone, unless a profile of passt's own lets it make user namespaces",
                  "see isolation.user-namespaces");
  }
  return is_on(kUser, "passt is installed");
}

}  // namespace

void advise_network(const Capabilities& host, std::vector<Finding>& findings) {
  findings.push_back(check_taps(host.network.taps));
  findings.push_back(check_vhost(host.network.vhost));
  findings.push_back(check_user(host));
}

}  // namespace mayfly::doctor
