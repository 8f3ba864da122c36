#include "webhook/guards/guard_request.h"

namespace stockade::webhook {

void GuardReport::AddByPolicy(const policy::CompiledPolicy& policy, std::string_view code,
                              std::string field, std::string problem) {
  if (policy.enforcement() == api::Enforcement::kAudit) {
    audited_.push_back(policy.name() + "/" + std::string(code));
  } else if (policy.enforcement() == api::Enforcement::kEnforce) {
    Add(code, std::move(field), std::move(problem));
  } else {
    warnings_.push_back({code, policy::Severity::kWarning, std::move(field),
                         problem + "; " + std::string(policy::FindRule(code)->remedy)});
  }
}

GuardJudgement GuardReport::Take() {
  GuardJudgement judgement{.findings = report_.Take(), .audited = std::move(audited_)};
  for (policy::Finding& warning : warnings_) judgement.findings.push_back(std::move(warning));
  return judgement;
}

}  // namespace stockade::webhook
