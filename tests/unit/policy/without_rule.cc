#include "tests/unit/policy/without_rule.h"

#include <algorithm>
#include <vector>

#include "policy/rule.h"

namespace stockade::policy {

// The linker makes every call of Rules() from outside its own file a call of WrappedRules(), and
// calls Rules() itself by the other name.
const std::vector<const Rule*>& RealRules() asm("__real__ZN8stockade6policy5RulesEv");
const std::vector<const Rule*>& WrappedRules() asm("__wrap__ZN8stockade6policy5RulesEv");

namespace {

std::vector<const Rule*>& Remaining() {
  static std::vector<const Rule*> rules = RealRules();
  return rules;
}

// Rules of requests have no check.
bool JudgesHere(const Rule& rule) {
  return rule.check != nullptr || rule.check_by_policy != nullptr;
}

}  // namespace

const std::vector<const Rule*>& WrappedRules() { return Remaining(); }

std::vector<std::string_view> RulesToTakeOut() {
  std::vector<std::string_view> codes;
  for (const Rule* rule : Remaining()) {
    if (JudgesHere(*rule)) codes.push_back(rule->code);
  }
  return codes;
}

bool TakeOutRule(std::string_view code) {
  return std::erase_if(Remaining(), [code](const Rule* rule) {
           return rule->code == code && JudgesHere(*rule);
         }) == 1;
}

}  // namespace stockade::policy
