#include "webhook/guards/guard_request.h"

namespace stockade::webhook {

void GuardReport::AddByPolicy(const policy::CompiledPolicy& policy, std::string_view code,
                              std::string field, std::string problem, const std::string& remedy) {
  by_policies_.Begin(*policy::FindRule(code), policy);
  by_policies_.Add(std::move(field), std::move(problem), remedy, {});
}

GuardJudgement GuardReport::Take() {
  return {.floor = report_.Take(), .by_policies = by_policies_.Take()};
}

}  // namespace stockade::webhook
