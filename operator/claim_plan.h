#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "api/agent_sandbox_claim.h"
#include "codec/json.h"
#include "operator/bound_sandbox.h"
#include "operator/sandbox_status.h"

// What is to be done for a claim, and what its status says. Pure.
namespace stockade::sandbox_operator {

using TimePoint = std::chrono::system_clock::time_point;

// Why a claim is finished: it gets nothing any more.
enum class ClaimEnd { kNone, kSandboxFinished, kExpired, kTimedOut };

// What has happened to a claim so far, by its status.
struct ClaimHistory {
  ClaimEnd end = ClaimEnd::kNone;
  std::optional<TimePoint> finished_at;
  std::optional<TimePoint> bound_at;
  std::optional<TimePoint> ready_at;  // first
  std::string sandbox_name;
  std::string sandbox_uid;
  std::optional<bool> warm;
};

[[nodiscard]] ClaimHistory ReadHistory(const api::AgentSandboxClaim& claim);

// It waits for a sandbox that it has, or that it is about to get: nothing stands in the way. One
// whose sandbox does not come up within `patience` is stuck, and not on its way.
[[nodiscard]] bool IsOnItsWay(const api::AgentSandboxClaim& claim, TimePoint now,
                              std::chrono::seconds patience);

struct ClaimPlan {
  // Its sandbox; nothing when it has none.
  std::optional<BoundSandbox> bound;
  // It is to get one.
  bool bind = false;
  // Its own that are to go: more than one, or what a finished claim leaves.
  std::vector<BoundSandbox> remove;
  // The claim itself is to go: its time after the end is over.
  bool delete_claim = false;
  ClaimEnd end = ClaimEnd::kNone;
  // When time alone changes the plan.
  std::optional<std::chrono::milliseconds> look_again;
};

// `own` are the sandboxes whose controller the claim is.
[[nodiscard]] ClaimPlan PlanClaim(const api::AgentSandboxClaim& claim,
                                  const std::vector<BoundSandbox>& own, TimePoint now);

// What the reconcile found out, from which the status follows.
struct ClaimOutcome {
  std::optional<BoundSandbox> bound;
  ClaimEnd end = ClaimEnd::kNone;
  // What is wrong with the template or the pool; nothing when both are there and can be used.
  std::optional<Blocker> source;
  // Why the claim has got no sandbox, when that is not in the source.
  std::optional<Blocker> blocker;
};

// The whole status of the claim, as it should stand in the API server. A condition keeps its
// lastTransitionTime unless its status changed, and a finished claim stays finished.
[[nodiscard]] codec::Json ComputeClaimStatus(const api::AgentSandboxClaim& claim,
                                             const ClaimOutcome& outcome, TimePoint now);

}  // namespace stockade::sandbox_operator
