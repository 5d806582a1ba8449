// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/event_loop.hpp"

namespace mayfly::io {

/// Calls a function of its owner when its descriptor is ready.
template <typename Owner>
class MemberHandler final : public EventHandler {
 public:
  MemberHandler(Owner& owner, void (Owner::*call)(Readiness) noexcept) noexcept
      : owner_(owner), call_(call) {}
  void ready(Readiness what) noexcept override { (owner_.*call_)(what); }

 private:
  Owner& owner_;
  void (Owner::*call_)(Readiness) noexcept;
};

}  // namespace mayfly::io
