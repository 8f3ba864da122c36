#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "policy/rule_groups.h"

namespace stockade::policy {

const std::vector<const Rule*>& Rules() {
  static const std::vector<const Rule*> table = [] {
    std::vector<const Rule*> rules;
    for (const std::span<const Rule> group : {SandboxRules(),
                                              EgressRules(),
                                              EgressCredentialRules(),
                                              AgentSettingsRules(),
                                              MountRules(),
                                              ImageRules(),
                                              MetadataRules(),
                                              ReservedRules(),
                                              PodRules(),
                                              SchedulingRules(),
                                              IdentityRules(),
                                              SecurityContextRules(),
                                              CredentialRules(),
                                              VolumeRules(),
                                              VolumeMountRules(),
                                              EnvRules(),
                                              ContainerRules(),
                                              ResourceRules(),
                                              ReviewedFieldRules(),
                                              PolicyRules(),
                                              EgressPolicyRules(),
                                              LifetimePolicyRules(),
                                              AgentSettingsPolicyRules(),
                                              GuardRules()}) {
      for (const Rule& rule : group) rules.push_back(&rule);
    }
    return rules;
  }();
  return table;
}

const Rule* FindRule(std::string_view code) {
  for (const Rule* rule : Rules()) {
    if (rule->code == code) return rule;
  }
  return nullptr;
}

}  // namespace stockade::policy
