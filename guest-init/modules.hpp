// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "guest-init/failure.hpp"

namespace mayfly::init {

/// Loads kernel modules of the image's /lib/modules/RELEASE, each a name and after a blank its parameters, in
/// order, with those that they need. One that is loaded already is passed over. Error: the image has no list
/// of modules for this kernel or none of that name, or the kernel does not take one. Source: finit_module(2).
[[nodiscard]] Step load_modules(std::span<const char* const> modules) noexcept;

}  // namespace mayfly::init
