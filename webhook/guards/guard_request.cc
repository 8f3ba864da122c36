#include "webhook/guards/guard_request.h"

namespace stockade::webhook {

void GuardReport::AddByPolicy(const policy::CompiledPolicy& policy, std::string_view code,
                              std::string field, std::string problem) {
  const policy::Rule& rule = *policy::FindRule(code);
  by_policies_.Begin(rule, policy);
  by_policies_.Add(std::move(field), std::move(problem), std::string(rule.remedy), {});
}

GuardJudgement GuardReport::Take() {
  return {.floor = report_.Take(), .by_policies = by_policies_.Take()};
}

}  // namespace stockade::webhook
