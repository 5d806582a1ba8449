// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace mayfly::control {

/// True for what a VM may be called: 1 to 64 letters, digits, '-', '_' and '.', of which neither '-' nor '.'
/// comes first. Any thread.
[[nodiscard]] bool is_vm_id(std::string_view text) noexcept;

/// Throws Error that names the text, unless it is one.
void require_vm_id(std::string_view text);

/// A new one, of 8 hexadecimal digits. Throws Error when the kernel has no random numbers yet.
[[nodiscard]] std::string random_vm_id();

}  // namespace mayfly::control
