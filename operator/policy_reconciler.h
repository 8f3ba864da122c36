#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "base/clock.h"
#include "codec/json.h"
#include "kube/client.h"
#include "operator/caches.h"
#include "operator/policy_verdicts.h"
#include "runtime/controller.h"

namespace stockade::sandbox_operator {

// How many sandboxes a policy selects, and how many of them it objects to.
struct PolicyCounts {
  std::int64_t selected = 0;
  std::int64_t violating = 0;
  std::int64_t unjudged = 0;  // by this version of the policy
};

// The status of a policy as it should stand in the API server. The condition keeps the
// lastTransitionTime of `before` unless its status changed. Pure.
[[nodiscard]] codec::Json ComputePolicyStatus(const policy::CompiledPolicy& policy,
                                              const PolicyCounts& counts, const codec::Json& before,
                                              std::chrono::system_clock::time_point now);

// Keeps the status of each AgentSandboxPolicy: its counts, once every sandbox that it selects was
// judged by this version of it. Sandboxes come and go all the time, so a policy is counted, and
// written when its counts changed, at most once in kInterval. For one worker.
class PolicyReconciler {
 public:
  static constexpr std::chrono::seconds kInterval{2};
  // While sandboxes are still to be judged.
  static constexpr std::chrono::milliseconds kUnjudgedRetry{500};

  PolicyReconciler(kube::Client& client, Caches& caches, const VerdictMemory& memory,
                   const Clock& clock);

  runtime::ReconcileResult Reconcile(const runtime::ObjectKey& key);

 private:
  [[nodiscard]] PolicyCounts Count(const policy::CompiledPolicy& policy) const;
  Status Write(const CachedSandboxPolicy& cached, const PolicyCounts& counts);

  kube::Client& client_;
  Caches& caches_;
  const VerdictMemory& memory_;
  const Clock& clock_;
  std::map<std::string, std::chrono::nanoseconds> not_before_;  // by name, on Clock::SinceBoot
};

}  // namespace stockade::sandbox_operator
