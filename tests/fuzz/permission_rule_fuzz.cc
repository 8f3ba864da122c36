// A permission rule of the agent, in each of the lists. What is read must be read again as the same
// from its own text, and a rule that allow takes the stricter lists take too.
#include <array>
#include <string>

#include "fuzzing.h"
#include "policy/permission_rule.h"

using stockade::api::PermissionList;
using stockade::fuzz::Require;
using namespace stockade::policy;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = stockade::fuzz::TextOf(data, size);
  for (const PermissionList list :
       std::array{PermissionList::kAllow, PermissionList::kAsk, PermissionList::kDeny}) {
    const auto rule = ParsePermissionRule(text, list);
    if (!rule.ok()) {
      Require(rule.status().message().find("; ") != std::string::npos, "a problem has a remedy",
              rule.status().message());
      continue;
    }
    const std::string whole = rule->Text();
    const auto again = ParsePermissionRule(whole, list);
    Require(again.ok() && again->Text() == whole, "a rule is what it says", whole);
    Require(CoversDenied(*rule, *again) && CoversDenied(*again, *rule), "a rule covers itself",
            whole);
    if (list == PermissionList::kAllow) {
      Require(ParsePermissionRule(text, PermissionList::kDeny).ok(), "deny takes what allow takes",
              whole);
    }
    if (const auto problem = IgnoredProblem(*rule)) {
      Require(problem->find("; ") != std::string::npos, "a problem has a remedy", *problem);
    }
    (void)BroadProblem(*rule);
    (void)FetchedHost(*rule);
  }
  return 0;
}
