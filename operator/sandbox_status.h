#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/agent_sandbox.h"
#include "codec/json.h"
#include "operator/cached_objects.h"
#include "operator/pod_diagnosis.h"
#include "operator/policy_judge.h"
#include "operator/restart_count.h"
#include "operator/sandbox_idleness.h"
#include "operator/sandbox_lifetime.h"
#include "policy/evaluate.h"
#include "render/render.h"

namespace stockade::sandbox_operator {

// Of EgressIsolated: what the canary found as the pod began does not hold any more.
inline constexpr std::string_view kProbeFailsReason = "ProbeFails";

// Why a sandbox has no pod, or not the one it should have, when the reason is not in the pod.
struct Blocker {
  std::string reason;    // CamelCase, for the condition Ready
  std::string message;   // what is wrong and what would help
  bool stalled = false;  // waiting will not help
};

// A sandbox's egress gateway, as its objects and its pods tell of it.
struct GatewayView {
  std::string name;
  std::string address;                  // empty: not known yet
  std::string profile;                  // hash
  std::vector<std::string> hosts = {};  // "host:port" that it leads to
  bool available = false;
  // What its pods say of why they do not run; empty when they say nothing.
  std::string trouble;
  bool credentials_missing = false;  // of Secrets or keys that are not there
};

// All that a reconcile found out, from which the status follows.
struct Observation {
  std::vector<policy::Finding> findings;  // of the floor; errors keep the pod away
  PolicyJudgement by_policies;
  std::optional<Blocker> blocker;
  std::shared_ptr<const CachedPod> pod;  // null when there is none
  bool unknown_pod = false;              // it could not be looked up, so nothing can be said of it
  bool outdated = false;                 // the operator's part of the pod would be rendered anew
  bool deny_all_in_place = false;
  // The operator makes gateways, and the sandbox asks for one.
  bool has_gateway = false;
  GatewayView gateway;
  bool gateway_deny_all_in_place = false;
  // What its agent does not trust of what the gateway shows to it, or will; empty when it does.
  std::string distrust;
  // When something is to be renewed, though nothing may have changed.
  std::optional<std::chrono::milliseconds> look_again;
  SandboxLifetime lifetime;
  Idleness idleness;
  // All that goes at the sandbox's end is gone.
  bool ended = false;
  // What the status is to say of restarts, and what becomes of a pod that has failed.
  std::optional<RestartCount> restarts;
  std::optional<RestartDecision> restart;
  std::string widened_by;          // name of another policy that lets traffic through, or empty
  std::string gateway_widened_by;  // the same for the pods of its gateway
};

// The whole status of `sandbox`, as it should stand in the API server. A condition keeps the
// lastTransitionTime that `sandbox.status` has for it unless its status changed. Pure.
[[nodiscard]] codec::Json ComputeStatus(const api::AgentSandbox& sandbox,
                                        const Observation& observation,
                                        const render::Profile& profile,
                                        std::chrono::system_clock::time_point now);

// What to change of a NetworkPolicy that widens: the end of a sentence. Gateways too, since a
// policy that selects them is refused like one that selects sandboxes.
[[nodiscard]] std::string ExcludeFromPodSelector();

// Status, reason, message and time of the condition of that type in a status; empty when there is
// none.
[[nodiscard]] api::Condition FindCondition(const codec::Json& status, std::string_view type);

// True when the status says no more than that the pod is on its way: not worth a write of its own
// while the pod is young.
[[nodiscard]] bool IsMereProgress(const Observation& observation);

}  // namespace stockade::sandbox_operator
