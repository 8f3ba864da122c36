#include "operator/policy_reconciler.h"

#include <utility>

#include "base/strings.h"
#include "operator/sandbox_status.h"

namespace stockade::sandbox_operator {
namespace {

using codec::Json;
using std::chrono::milliseconds;

constexpr std::size_t kMaxMessage = 4096;

api::Condition Ready(const policy::CompiledPolicy& policy) {
  api::Condition ready;
  ready.type = "Ready";
  ready.observed_generation = policy.generation();
  if (policy.problem().empty()) {
    ready.status = "True";
    ready.reason = "Applied";
    ready.message = "every sandbox of the selected namespaces was judged by this policy";
  } else {
    ready.status = "False";
    ready.reason = "Invalid";
    ready.message = Truncate(
        "the policy cannot be understood, and no sandbox is admitted to the "
        "selected namespaces until it is corrected or deleted: " +
            policy.problem(),
        kMaxMessage);
  }
  return ready;
}

}  // namespace

Json ComputePolicyStatus(const policy::CompiledPolicy& policy, const PolicyCounts& counts,
                         const Json& before, std::chrono::system_clock::time_point now) {
  api::Condition ready = Ready(policy);
  const api::Condition was = FindCondition(before, ready.type);
  ready.last_transition_time =
      was.status == ready.status ? was.last_transition_time : FormatTime(now);
  return {{"observedGeneration", policy.generation()},
          {"selectedSandboxes", counts.selected},
          {"violatingSandboxes", counts.violating},
          {"conditions", Json::array({api::ToJson(ready)})}};
}

PolicyReconciler::PolicyReconciler(kube::Client& client, Caches& caches,
                                   const VerdictMemory& memory, const Clock& clock)
    : client_(client), caches_(caches), memory_(memory), clock_(clock) {}

PolicyCounts PolicyReconciler::Count(const policy::CompiledPolicy& policy) const {
  PolicyCounts counts;
  for (const auto& cached : caches_.namespaces.store().List()) {
    if (!policy.Selects(*cached->labels)) continue;
    for (const auto& sandbox : caches_.sandboxes.store().ListNamespace(cached->key.name)) {
      ++counts.selected;
      const auto violates =
          memory_.Violates(sandbox->key, policy.name(), policy.uid(), policy.generation());
      if (!violates) ++counts.unjudged;
      if (violates.value_or(false)) ++counts.violating;
    }
  }
  return counts;
}

runtime::ReconcileResult PolicyReconciler::Reconcile(const runtime::ObjectKey& key) {
  const auto cached = caches_.sandbox_policies.store().Get(key);
  if (!cached) {
    not_before_.erase(key.name);
    return {};
  }
  const auto now = clock_.SinceBoot();
  std::chrono::nanoseconds& not_before = not_before_[key.name];
  if (now < not_before) return {Status::Ok(), std::chrono::ceil<milliseconds>(not_before - now)};

  const PolicyCounts counts = Count(*cached->policy);
  if (counts.unjudged > 0) {
    not_before = now + kUnjudgedRetry;
    return {Status::Ok(), kUnjudgedRetry};
  }
  not_before = now + kInterval;
  return {Write(*cached, counts), std::nullopt};
}

Status PolicyReconciler::Write(const CachedSandboxPolicy& cached, const PolicyCounts& counts) {
  const Json before = cached.status.ToJson();
  const Json status = ComputePolicyStatus(*cached.policy, counts, before, clock_.Now());
  if (status == before) return Status::Ok();
  const Json patch = {{"metadata", {{"uid", cached.uid}}}, {"status", status}};
  const auto written = client_.Patch(kAgentSandboxPolicies, "", cached.key.name,
                                     kube::PatchType::kMerge, patch, "status");
  if (!written.ok()) {
    if (written.status().code() == StatusCode::kNotFound) return Status::Ok();
    return written.status().WithContext("writing the status of policy " + cached.key.name);
  }
  auto decoded = DecodeSandboxPolicy(written->root());
  if (!decoded.ok()) return decoded.status();
  caches_.sandbox_policies.store().RecordWrite(std::move(decoded).value());
  return Status::Ok();
}

}  // namespace stockade::sandbox_operator
