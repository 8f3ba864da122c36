#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "policy/compiled_policy.h"
#include "policy/permission_rule.h"
#include "policy/policy_report.h"
#include "policy/policy_subject.h"
#include "policy/quoting.h"
#include "policy/rule_groups.h"

// Rules that an AgentSandboxPolicy brings for spec.agentSettings: each judges a sandbox by one
// policy, and finds nothing where the policy does not ask for it.
namespace stockade::policy {
namespace {

using api::PermissionList;

std::vector<PermissionRule> DeniedRules(const api::AgentSandbox& sandbox) {
  std::vector<PermissionRule> rules;
  if (!sandbox.spec.agent_settings) return rules;
  for (const std::string& text : sandbox.spec.agent_settings->permissions.deny) {
    auto rule = ParsePermissionRule(text, PermissionList::kDeny);
    if (rule.ok()) rules.push_back(std::move(rule).value());
  }
  return rules;
}

void CheckDenyMissing(PolicySubject& s, const CompiledPolicy& policy, PolicyReport& report) {
  if (policy.required_deny().empty()) return;
  const std::vector<PermissionRule> denied = DeniedRules(*s->sandbox);
  for (const PermissionRule& required : policy.required_deny()) {
    const bool covered = std::ranges::any_of(
        denied, [&required](const PermissionRule& rule) { return CoversDenied(rule, required); });
    if (covered) continue;
    const std::string text = required.Text();
    report.Add("spec.agentSettings.permissions.deny",
               "the agent is not denied " + Quote(text) + ", which requiredDeny names",
               "add " + Quote(text) + " to the list", text);
  }
}

void CheckBypassOpen(PolicySubject& s, const CompiledPolicy& policy, PolicyReport& report) {
  if (!policy.forbids_bypass()) return;
  const auto& settings = s->sandbox->spec.agent_settings;
  if (settings && settings->permissions.disable_bypass) return;
  report.Add(
      settings ? "spec.agentSettings.permissions.disableBypass" : "spec.agentSettings",
      settings ? "disableBypass is false, and forbidBypass is set"
               : "agentSettings is not set, so that every mode of the agent can be chosen, "
                 "and forbidBypass is set",
      settings ? "remove disableBypass, or write true" : "set it: agentSettings: {} is enough",
      "bypass");
}

constexpr std::array kRules = {
    Rule{.code = "PermissionDenyMissing",
         .judges = JudgedObject::kByPolicy,
         .check_by_policy = CheckDenyMissing,
         .fields = "agentSettings.permissions.deny[]",
         .summary = "Every sandbox denies its agent the rules of the policy's "
                    "agentSettings.requiredDeny, word for word or by the whole tool. What is "
                    "denied no other setting allows.",
         .remedy = "add the rule to agentSettings.permissions.deny",
         .references = {.principle = Principle::kLeastPrivilege}},
    Rule{.code = "PermissionBypassOpen",
         .judges = JudgedObject::kByPolicy,
         .check_by_policy = CheckBypassOpen,
         .fields = "agentSettings, agentSettings.permissions.disableBypass",
         .summary = "Where the policy's agentSettings.forbidBypass is set, every sandbox has "
                    "agentSettings, and leaves disableBypass true: nobody in it chooses a mode "
                    "that goes past the rules.",
         .remedy = "set agentSettings, and leave disableBypass true",
         .references = {.principle = Principle::kLeastPrivilege}},
};

}  // namespace

std::span<const Rule> AgentSettingsPolicyRules() { return kRules; }

}  // namespace stockade::policy
