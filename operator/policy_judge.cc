#include "operator/policy_judge.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "api/pod_view.h"
#include "policy/policy_set.h"

namespace stockade::sandbox_operator {

PolicyJudge::PolicyJudge(const Caches& caches, policy::Facts facts, VerdictMemory& memory)
    : caches_(caches), facts_(std::move(facts)), memory_(memory) {}

PolicyJudgement PolicyJudge::Judge(const api::AgentSandbox& sandbox) {
  const runtime::ObjectKey key{sandbox.metadata.namespace_name, sandbox.metadata.name};
  PolicyJudgement judgement;
  const auto found = caches_.namespaces.store().Get({"", key.namespace_name});
  if (!found) {
    judgement.namespace_known = false;
    memory_.Forget(key);
    return judgement;
  }
  std::vector<policy::SharedPolicy> policies;
  for (const auto& cached : caches_.sandbox_policies.store().List()) {
    if (cached->policy->Selects(*found->labels)) policies.push_back(cached->policy);
  }
  std::set<std::string_view> violated;
  if (!policies.empty()) {
    const codec::JsonDocument pod_template = api::ToDocument(sandbox.spec.pod_template);
    judgement.findings = policy::EvaluatePolicies(
        sandbox, api::PodView(pod_template.root(), "spec.podTemplate"), facts_, policies);
    for (const policy::PolicyFinding& finding : judgement.findings) violated.insert(finding.policy);
  }
  if (const policy::CompiledPolicy* broken = policy::FirstBroken(policies)) {
    judgement.broken = broken->name();
    judgement.problem = broken->problem();
  }
  PolicyVerdicts verdicts;
  for (const policy::SharedPolicy& policy : policies) {
    judgement.policies.push_back(policy->name());
    verdicts.push_back({policy->name(), policy->uid(), policy->generation(),
                        violated.contains(policy->name()) || !policy->problem().empty()});
  }
  memory_.Record(key, std::move(verdicts));
  return judgement;
}

}  // namespace stockade::sandbox_operator
