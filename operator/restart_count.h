#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "api/agent_sandbox.h"
#include "codec/json.h"
#include "operator/cached_objects.h"

namespace stockade::sandbox_operator {

// How often a sandbox's pod was created again after it had failed by itself: status.restarts. It is
// written before the pod that failed goes, with that pod's uid, so that each failure counts once
// wherever an operator stops.
struct RestartCount {
  std::int64_t attempts = 0;
  std::string failed_pod_uid;     // for which the last attempt is, or was
  api::TimePoint next_attempt{};  // not before

  bool operator==(const RestartCount&) const = default;
};

// What the status says; nothing when it says nothing, or of another spec: whoever changes the spec
// starts the count anew.
[[nodiscard]] std::optional<RestartCount> ReadRestartCount(const api::AgentSandbox& sandbox);
[[nodiscard]] codec::Json ToJson(const RestartCount& count, std::int64_t generation);

// What is to become of a pod that failed.
struct RestartDecision {
  RestartCount count;
  bool counted = false;    // the count that was read has this failure
  bool exhausted = false;  // there were as many attempts as there may be: it stays as it is
  std::chrono::milliseconds wait{0};  // before the next attempt
};

// Pure. A pod that ran for ten minutes before it failed starts the count anew. A clock that was set
// back makes nobody wait longer than the wait itself.
[[nodiscard]] RestartDecision DecideRestart(const api::Restart& restart,
                                            const std::optional<RestartCount>& before,
                                            const CachedPod& failed, api::TimePoint now);

}  // namespace stockade::sandbox_operator
