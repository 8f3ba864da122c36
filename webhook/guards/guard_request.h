#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "policy/compiled_policy.h"
#include "policy/evaluate.h"
#include "policy/policy_report.h"
#include "policy/report.h"
#include "policy/rule.h"
#include "webhook/admission_review.h"
#include "webhook/cluster_view.h"
#include "webhook/guards/guard_config.h"
#include "webhook/guards/requester.h"

namespace stockade::webhook {

// What a guard judges by, for the time of one review. A guard is a function of it that gives a
// judgement, or an error when the cluster's state is not known: then the request is denied.
struct GuardRequest {
  const AdmissionRequest& admission;
  Requester requester;
  const ClusterView& view;
  const GuardConfig& config;

  [[nodiscard]] bool ByOperator() const { return requester == Requester::kOperator; }
};

using GuardJudgement = policy::Judgement;
using GuardFindings = Result<GuardJudgement>;

// Collects findings by the codes of policy/guard_rules.h. Used by one review, on one thread.
class GuardReport {
 public:
  // `problem` says what is wrong; the rule's remedy is added to it, or `remedy` where this case has
  // one of its own.
  void Add(std::string_view code, std::string field, std::string problem) {
    report_.BeginRule(*policy::FindRule(code));
    report_.Add(std::move(field), std::move(problem));
  }
  void Add(std::string_view code, std::string field, std::string problem, std::string_view remedy) {
    report_.BeginRule(*policy::FindRule(code));
    report_.Add(std::move(field), std::move(problem), remedy);
  }

  // By a policy that selects the namespace, as its enforcement says; its name is added.
  void AddByPolicy(const policy::CompiledPolicy& policy, std::string_view code, std::string field,
                   std::string problem, const std::string& remedy);

  [[nodiscard]] GuardJudgement Take();

 private:
  policy::Report report_;
  policy::PolicyReport by_policies_;
};

}  // namespace stockade::webhook
