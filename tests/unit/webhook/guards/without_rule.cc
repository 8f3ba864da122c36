#include "tests/unit/policy/without_rule.h"

#include <algorithm>
#include <string>

#include "policy/guard_rules.h"
#include "policy/rule.h"
#include "webhook/guards/guard_request.h"

namespace stockade::webhook {

// The linker makes every call of GuardReport::Take() from outside its own file a call of
// WrappedTake(), and calls Take() itself by the other name. A member function is called like one
// whose first parameter is the object.
GuardJudgement RealTake(GuardReport& report) asm("__real__ZN8stockade7webhook11GuardReport4TakeEv");
GuardJudgement WrappedTake(GuardReport& report) asm(
    "__wrap__ZN8stockade7webhook11GuardReport4TakeEv");

namespace {

std::string& TakenOut() {
  static std::string code;
  return code;
}

}  // namespace

GuardJudgement WrappedTake(GuardReport& report) {
  GuardJudgement judgement = RealTake(report);
  const std::string& code = TakenOut();
  std::erase_if(judgement.floor,
                [&code](const policy::Finding& finding) { return finding.code == code; });
  std::erase_if(judgement.by_policies, [&code](const policy::PolicyFinding& finding) {
    return finding.finding.code == code;
  });
  return judgement;
}

}  // namespace stockade::webhook

namespace stockade::policy {

std::vector<std::string_view> RulesToTakeOut() {
  std::vector<std::string_view> codes = {kEphemeralContainer};
  for (const Rule* rule : Rules()) {
    if (rule->judges == JudgedObject::kRequest && rule->code != kCredentialNotReadable) {
      codes.push_back(rule->code);
    }
  }
  return codes;
}

bool TakeOutRule(std::string_view code) {
  const std::vector<std::string_view> codes = RulesToTakeOut();
  if (std::ranges::find(codes, code) == codes.end()) return false;
  webhook::TakenOut() = code;
  return true;
}

}  // namespace stockade::policy
