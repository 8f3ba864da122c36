#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace stockade::policy {

// A policy, a sandbox, and what the one finds in the other.
struct PolicyCase {
  std::string name;
  std::string policy;              // its spec, in YAML
  std::string sandbox;             // what of the sandbox's spec is set, in YAML
  std::vector<std::string> found;  // "Code field"
};

inline void PrintTo(const PolicyCase& c, std::ostream* out) { *out << c.name; }

// In egress_policy_rules_test.cc.
std::vector<PolicyCase> EgressPolicyCases();
std::vector<PolicyCase> CredentialPolicyCases();
// In agent_settings_rules_test.cc.
std::vector<PolicyCase> AgentSettingsPolicyCases();
// In lifetime_policy_rules_test.cc.
std::vector<PolicyCase> LifetimePolicyCases();

}  // namespace stockade::policy
