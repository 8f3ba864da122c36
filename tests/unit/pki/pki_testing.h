#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "pki/authority.h"

namespace stockade::pki {

inline constexpr std::chrono::hours kDay{24};

// 2026-01-01T00:00:00Z.
inline TimePoint Start() { return std::chrono::system_clock::from_time_t(1767225600); }

// An authority that must be possible.
inline Authority MakeAuthority(AuthorityOptions options = {}, TimePoint now = Start()) {
  if (options.name.empty()) options.name = "test authority";
  if (options.lifetime.count() == 0) options.lifetime = 365 * kDay;
  return Authority::Create(options, now).value();
}

inline SandboxIdentity AnIdentity() {
  return {.trust_domain = "stockade.example",
          .namespace_name = "team-a",
          .profile = "0123abcd",
          .sandbox = "agent",
          .uid = "4b1bd21e-0000-4000-8000-000000000000"};
}

}  // namespace stockade::pki
