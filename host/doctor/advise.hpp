// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "doctor/capabilities.hpp"
#include "doctor/finding.hpp"

namespace mayfly::doctor {

/// A finding for each mechanism, in the order of printing. Pure: the same capabilities, the same advice.
[[nodiscard]] std::vector<Finding> advise(const Capabilities& host);

// Its parts, each added to `findings`.
/// What decides whether `mayfly run` works: processor, /dev/kvm, what of KVM mayfly cannot do without.
void advise_run(const Capabilities& host, std::vector<Finding>& findings);
void advise_kvm(const Capabilities& host, std::vector<Finding>& findings);
void advise_memory(const Capabilities& host, std::vector<Finding>& findings);
void advise_devices(const Capabilities& host, std::vector<Finding>& findings);
void advise_interrupts(const Capabilities& host, std::vector<Finding>& findings);
void advise_network(const Capabilities& host, std::vector<Finding>& findings);
void advise_isolation(const Capabilities& host, std::vector<Finding>& findings);

/// The finding for a parameter: on, off with its mend, or not told.
[[nodiscard]] Finding of_switch(const Mechanism& mechanism, Switch state, const char* mend);

}  // namespace mayfly::doctor
