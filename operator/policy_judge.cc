#include "operator/policy_judge.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "api/pod_view.h"
#include "policy/policy_set.h"

namespace stockade::sandbox_operator {
namespace {

// Those that select the namespace; nothing when that was not read yet.
std::optional<std::vector<policy::SharedPolicy>> PoliciesOf(const Caches& caches,
                                                            const std::string& namespace_name) {
  const auto found = caches.namespaces.store().Get({"", namespace_name});
  if (!found) return std::nullopt;
  std::vector<policy::SharedPolicy> policies;
  for (const auto& cached : caches.sandbox_policies.store().List()) {
    if (cached->policy->Selects(*found->labels)) policies.push_back(cached->policy);
  }
  return policies;
}

PolicyJudgement NamespaceUnknown() {
  PolicyJudgement judgement;
  judgement.namespace_known = false;
  return judgement;
}

PolicyJudgement JudgeBy(const std::vector<policy::SharedPolicy>& policies,
                        const policy::Facts& facts, const api::AgentSandbox& sandbox) {
  PolicyJudgement judgement;
  if (!policies.empty()) {
    const codec::JsonDocument pod_template = api::ToDocument(sandbox.spec.pod_template);
    judgement.findings = policy::EvaluatePolicies(
        sandbox, api::PodView(pod_template.root(), "spec.podTemplate"), facts, policies);
  }
  if (const policy::CompiledPolicy* broken = policy::FirstBroken(policies)) {
    judgement.broken = broken->name();
    judgement.problem = broken->problem();
  }
  for (const policy::SharedPolicy& policy : policies) judgement.policies.push_back(policy->name());
  return judgement;
}

}  // namespace

bool PolicyJudgement::Refuses() const {
  return !broken.empty() || std::ranges::any_of(findings, [](const policy::PolicyFinding& finding) {
    return finding.enforcement == api::Enforcement::kEnforce;
  });
}

PolicyJudgement JudgeByPolicies(const Caches& caches, const policy::Facts& facts,
                                const api::AgentSandbox& sandbox) {
  const auto policies = PoliciesOf(caches, sandbox.metadata.namespace_name);
  return policies ? JudgeBy(*policies, facts, sandbox) : NamespaceUnknown();
}

PolicyJudge::PolicyJudge(const Caches& caches, policy::Facts facts, VerdictMemory& memory)
    : caches_(caches), facts_(std::move(facts)), memory_(memory) {}

PolicyJudgement PolicyJudge::Judge(const api::AgentSandbox& sandbox) {
  const runtime::ObjectKey key{sandbox.metadata.namespace_name, sandbox.metadata.name};
  const auto policies = PoliciesOf(caches_, key.namespace_name);
  if (!policies) {
    memory_.Forget(key);
    return NamespaceUnknown();
  }
  PolicyJudgement judgement = JudgeBy(*policies, facts_, sandbox);
  std::set<std::string_view> violated;
  for (const policy::PolicyFinding& finding : judgement.findings) violated.insert(finding.policy);
  PolicyVerdicts verdicts;
  for (const policy::SharedPolicy& policy : *policies) {
    verdicts.push_back({policy->name(), policy->uid(), policy->generation(),
                        violated.contains(policy->name()) || !policy->problem().empty()});
  }
  memory_.Record(key, std::move(verdicts));
  return judgement;
}

}  // namespace stockade::sandbox_operator
