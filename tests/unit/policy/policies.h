#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"
#include "policy/compiled_policy.h"
#include "policy/evaluate.h"
#include "policy/policy_set.h"

// AgentSandboxPolicies for the tests, and what they say of a sandbox.
namespace stockade::policy {

// The object of a policy with that spec in YAML.
codec::JsonDocument PolicyObject(std::string_view name, const std::string& spec);
// The same, compiled; the test fails when it has a problem.
SharedPolicy MakePolicy(std::string_view name, const std::string& spec);

// A plain sandbox with these fields of its spec, in YAML.
codec::Json SandboxWith(const std::string& spec);

// What the policies find in a sandbox, which must be one that decodes.
std::vector<PolicyFinding> JudgeByPolicies(const codec::Json& sandbox,
                                           const std::vector<SharedPolicy>& policies,
                                           const Facts& facts = {});

// "policy Code field" of each finding.
std::vector<std::string> Summaries(const std::vector<PolicyFinding>& findings);

}  // namespace stockade::policy
