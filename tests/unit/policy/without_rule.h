#pragma once

#include <string_view>
#include <vector>

// For the mutation check alone, in the test programs of the rules, each of which has its own: that
// of the rules with a check (without_rule.cc), and that of the webhook's guards
// (tests/unit/webhook/guards/without_rule.cc). The seam is the linker's (--wrap, see their
// CMakeLists.txt): what is shipped has none. From the main thread.
namespace stockade::policy {

// The codes of the rules that this program can do without.
std::vector<std::string_view> RulesToTakeOut();

// From now on nothing is found by the rule of that code, which stays known to FindRule. False when
// it is none of RulesToTakeOut. To be called before anything is judged.
bool TakeOutRule(std::string_view code);

}  // namespace stockade::policy
