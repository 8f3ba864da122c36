#include "policy/evaluate.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "policy/compiled_policy.h"
#include "policy/policy_report.h"
#include "policy/policy_subject.h"
#include "policy/report.h"
#include "policy/subject.h"

namespace stockade::policy {
namespace {

std::vector<Finding> Judge(const Subject& subject) {
  const JudgedObject judged =
      subject.rendered() ? JudgedObject::kRenderedPod : JudgedObject::kSandbox;
  Report report;
  for (const Rule* rule : Rules()) {
    if (rule->judges != judged && rule->judges != JudgedObject::kBoth) continue;
    report.BeginRule(*rule);
    rule->check(subject, report);
  }
  return report.Take();
}

using Policies = std::span<const std::shared_ptr<const CompiledPolicy>>;

std::vector<PolicyFinding> JudgeByPolicies(const Subject& subject, Policies policies) {
  if (policies.empty()) return {};
  PolicySubject policy_subject(subject);
  PolicyReport report;
  for (const Rule* rule : Rules()) {
    if (rule->check_by_policy == nullptr) continue;
    for (const auto& policy : policies) {
      if (!policy->problem().empty()) continue;
      report.Begin(*rule, *policy);
      rule->check_by_policy(policy_subject, *policy, report);
    }
  }
  return report.Take();
}

}  // namespace

std::array<api::Quantity, api::kResourceCount> Facts::DefaultLimits() {
  std::array<api::Quantity, api::kResourceCount> limits;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    limits[i] = api::Quantity::Parse(api::kDefaultLimits[i]).value();
  }
  return limits;
}

std::vector<PolicyFinding> EvaluatePolicies(const api::AgentSandbox& sandbox,
                                            api::PodView pod_template, const Facts& facts,
                                            Policies policies) {
  if (policies.empty()) return {};
  return JudgeByPolicies(MakeSubject(&sandbox, pod_template, {}, facts), policies);
}

Judgement Evaluate(const api::AgentSandbox& sandbox, api::PodView pod_template, const Facts& facts,
                   Policies policies) {
  const Subject subject = MakeSubject(&sandbox, pod_template, {}, facts);
  return {Judge(subject), JudgeByPolicies(subject, policies)};
}

void MarkWhatStands(std::vector<PolicyFinding>& now, const std::vector<PolicyFinding>& before) {
  using Key = std::tuple<std::string_view, std::string_view, std::string_view>;
  const auto key_of = [](const PolicyFinding& finding) {
    return Key(finding.finding.code, finding.policy, finding.subject);
  };
  std::multimap<Key, const PolicyFinding*> known;
  for (const PolicyFinding& finding : before) known.emplace(key_of(finding), &finding);
  const auto mark = [&](auto&& covers) {
    for (PolicyFinding& finding : now) {
      if (finding.stands) continue;
      const auto [first, last] = known.equal_range(key_of(finding));
      const auto covering = std::find_if(
          first, last, [&](const auto& entry) { return covers(*entry.second, finding); });
      if (covering == last) continue;
      known.erase(covering);
      finding.stands = true;
    }
  };
  // First what is where it was, so that of two alike the one that came is named.
  mark([](const PolicyFinding& was, const PolicyFinding& is) {
    return was.amount == is.amount && was.finding.field == is.finding.field;
  });
  mark([](const PolicyFinding& was, const PolicyFinding& is) { return was.amount >= is.amount; });
}

std::vector<Finding> EvaluateSandbox(const api::AgentSandbox& sandbox, api::PodView pod_template,
                                     const Facts& facts) {
  return Judge(MakeSubject(&sandbox, pod_template, {}, facts));
}

std::vector<Finding> EvaluateRenderedPod(api::PodView pod, std::string_view runtime_class,
                                         const Facts& facts) {
  return Judge(MakeSubject(nullptr, pod, runtime_class, facts));
}

bool HasErrors(const std::vector<Finding>& findings) {
  return std::ranges::any_of(
      findings, [](const Finding& finding) { return finding.severity == Severity::kError; });
}

}  // namespace stockade::policy
