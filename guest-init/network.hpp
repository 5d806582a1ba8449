// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "guest-init/failure.hpp"

namespace mayfly::init {

/// Brings the loopback interface up; the kernel gives it 127.0.0.1 and ::1.
[[nodiscard]] Step raise_loopback() noexcept;

/// Sets the host name, "mayfly" when `name` is empty.
[[nodiscard]] Step set_host_name(std::string_view name) noexcept;

}  // namespace mayfly::init
