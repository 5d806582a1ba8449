// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "doctor/advise.hpp"
#include "doctor/paths.hpp"

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

/// Of what a module of the host's kernel does, which is there when its device is.
Finding check_device(const Mechanism& mechanism, Switch is_there, const std::string& path,
                     const std::string& module) {
  if (!is_there.has_value()) {
    return is_unknown(mechanism, "not recorded");
  }
  return *is_there ? is_on(mechanism, path + " is there")
                   : is_off(mechanism, "no " + path,
                            "sudo modprobe " + module + "; in a container: docker run --device " + path);
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
  findings.push_back(check_device(kTaps, host.network.taps, kTapDevice, "tun"));
  findings.push_back(check_device(kVhost, host.network.vhost, kVhostNet, "vhost_net"));
  findings.push_back(check_user(host));
}

}  // namespace mayfly::doctor
