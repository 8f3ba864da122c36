#pragma once

#include <chrono>
#include <optional>

#include "api/agent_sandbox.h"

namespace stockade::sandbox_operator {

// The reason of Ready and of Finished at a sandbox's end.
inline constexpr const char* kExpiredReason = "Expired";

// How far a sandbox is on the way to its end.
struct SandboxLifetime {
  std::optional<api::TimePoint> end;  // nothing: it has none
  bool ends_soon = false;             // it is being warned of, and not there yet
  bool expired = false;
  bool ended = false;  // the status says so too: all that goes at the end is gone
  // When it is further on its way, as long as the wall clock does not jump.
  std::optional<std::chrono::milliseconds> look_again;
};

// Pure. What the status says of an end that was reached holds as long as the spec is the same: a
// clock that was set back, or that of another node, brings nothing back to life.
[[nodiscard]] SandboxLifetime LifetimeOf(const api::AgentSandbox& sandbox, api::TimePoint now);

// Whether a sandbox's status says, of the spec of that generation, that its end was reached and all
// that goes then is gone. Cheap: for every sandbox that is read.
[[nodiscard]] bool HasEnded(codec::JsonView status, std::int64_t generation);

}  // namespace stockade::sandbox_operator
