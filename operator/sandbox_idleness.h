#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "api/agent_sandbox.h"

namespace stockade::sandbox_operator {

// The reason of Ready while a sandbox is suspended because nothing used it.
inline constexpr const char* kIdleReason = "Idle";
// Who the API server records as the one that set spec.operatingMode then: whoever sets it later
// takes it over, so that nothing has to be remembered of a suspension but this.
inline constexpr std::string_view kIdleFieldManager = "stockade-idle";

// What is known of a sandbox's use beside its status.
struct UseSeen {
  // When the sidecar of its pod last ended because the pod had been idle for as long as it takes.
  std::optional<api::TimePoint> idle_exit;
  // When the oldest of the agent's containers that run began; nothing when none does.
  std::optional<api::TimePoint> agent_start;
  std::optional<api::TimePoint> entered;  // the last exec, attach or port-forward that was told of
  // When the operator suspended it; nothing when somebody else did, or has set the mode since.
  std::optional<api::TimePoint> suspended_at;
  bool pooled = false;  // a pool has it, and nobody yet
};

struct Idleness {
  // For the status; nothing where idleness is no matter.
  std::optional<api::TimePoint> last_activity;
  bool suspend = false;    // it is to be suspended now
  bool suspended = false;  // it is, because nothing used it
  // When it is to be deleted, of one that is suspended.
  std::optional<api::TimePoint> end;
};

// Pure. Times of the pod are its node's, the others' the API server's or another process'; none
// that is ahead of `now` is believed.
[[nodiscard]] Idleness JudgeIdleness(const api::AgentSandbox& sandbox, const UseSeen& seen,
                                     api::TimePoint now);

// How fresh the sidecar's word has to be: an operator that was away waits for the next one, so that
// what has been used since is not suspended.
inline constexpr std::chrono::seconds kIdleExitFreshness{60};
// By how much the agent may have begun after the sidecar and still have been idle all the time.
inline constexpr std::chrono::seconds kStartAllowance{30};

}  // namespace stockade::sandbox_operator
