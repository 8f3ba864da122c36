#pragma once

#include <chrono>
#include <optional>

#include "api/agent_sandbox.h"

namespace stockade::sandbox_operator {

// The reason of Ready and of Finished at a sandbox's end.
inline constexpr const char* kExpiredReason = "Expired";

// The end of a sandbox that nothing uses.
struct IdleEnd {
  api::TimePoint at;
  std::chrono::seconds period{};      // from the last activity until then
  std::chrono::nanoseconds warned{};  // for how long this process has warned of it
  bool deletes = true;                // false: it is finished, and goes with the claim that has it
};

// From when on people are told of an end: an hour ahead, and of a short life for the last tenth of
// it. `created` is when that life began.
[[nodiscard]] api::TimePoint NoticeAt(api::TimePoint end, std::optional<api::TimePoint> created);

// How far a sandbox is on the way to its end.
struct SandboxLifetime {
  std::optional<api::TimePoint> end;  // nothing: it has none
  bool by_idleness = false;           // the end is because nothing uses it
  bool deletes = false;               // it is deleted at its end
  bool ends_soon = false;             // it is being warned of, and not there yet
  bool expired = false;
  bool ended = false;  // the status says so too: all that goes at the end is gone
  // When it is further on its way, as long as the wall clock does not jump.
  std::optional<std::chrono::milliseconds> look_again;
};

// Pure. What the status says of an end that was reached holds as long as the spec is the same: a
// clock that was set back, or that of another node, brings nothing back to life.
//
// An end by idleness needs more than its time: that this process has warned of it for as long as
// people are warned. So no clock that jumps ahead deletes anything before somebody could set it
// right, and nothing is deleted of which an operator that was away has not warned.
[[nodiscard]] SandboxLifetime LifetimeOf(const api::AgentSandbox& sandbox, api::TimePoint now,
                                         const std::optional<IdleEnd>& idle = std::nullopt);

// Whether a sandbox's status says, of the spec of that generation, that its end was reached and all
// that goes then is gone. Cheap: for every sandbox that is read.
[[nodiscard]] bool HasEnded(codec::JsonView status, std::int64_t generation);

}  // namespace stockade::sandbox_operator
