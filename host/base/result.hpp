// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tl/expected.hpp>

namespace mayfly {

/// A value, or why foreign bytes were refused. Fault is a small enum with a `describe(Fault)` sentence.
template <typename T, typename Fault>
using Result = tl::expected<T, Fault>;

using tl::unexpected;

}  // namespace mayfly
