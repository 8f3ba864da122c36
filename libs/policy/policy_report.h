#pragma once

#include <string>
#include <utility>
#include <vector>

#include "policy/compiled_policy.h"
#include "policy/evaluate.h"
#include "policy/quoting.h"
#include "policy/rule.h"

namespace stockade::policy {

// Collects what the rules that judge by policies find. Used by one evaluation, on one thread.
class PolicyReport {
 public:
  void Begin(const Rule& rule, const CompiledPolicy& policy) {
    rule_ = &rule;
    policy_ = &policy;
  }

  // `problem` says what is wrong with the value seen and `remedy` what to write instead; the
  // policy's name is added. `subject` and `amount` are those of PolicyFinding.
  void Add(std::string field, std::string problem, const std::string& remedy, std::string subject,
           const api::Quantity& amount = {}) {
    problem += "; " + remedy + " (policy " + Quote(policy_->name()) + ")";
    const bool enforced = policy_->enforcement() == api::Enforcement::kEnforce;
    findings_.push_back({.finding = {.code = rule_->code,
                                     .severity = enforced ? Severity::kError : Severity::kWarning,
                                     .field = std::move(field),
                                     .message = std::move(problem)},
                         .policy = policy_->name(),
                         .enforcement = policy_->enforcement(),
                         .subject = std::move(subject),
                         .amount = amount});
  }

  [[nodiscard]] std::vector<PolicyFinding> Take() { return std::move(findings_); }

 private:
  const Rule* rule_ = nullptr;
  const CompiledPolicy* policy_ = nullptr;
  std::vector<PolicyFinding> findings_;
};

}  // namespace stockade::policy
