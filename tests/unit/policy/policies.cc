#include "tests/unit/policy/policies.h"

#include <gtest/gtest.h>

#include "api/agent_sandbox.h"
#include "api/pod_view.h"
#include "codec/yaml.h"
#include "tests/unit/policy/objects.h"

namespace stockade::policy {

codec::JsonDocument PolicyObject(std::string_view name, const std::string& spec) {
  const auto parsed = codec::ParseYaml(spec);
  EXPECT_TRUE(parsed.ok()) << parsed.status().ToString() << "\n" << spec;
  return codec::ParseTrusted(
      {{"apiVersion", "stockade.dev/v1alpha1"},
       {"kind", "AgentSandboxPolicy"},
       {"metadata", {{"name", name}, {"uid", "u-" + std::string(name)}, {"generation", 1}}},
       {"spec", parsed.ok() ? parsed->root().ToJson() : codec::Json::object()}});
}

SharedPolicy MakePolicy(std::string_view name, const std::string& spec) {
  const codec::JsonDocument object = PolicyObject(name, spec);
  SharedPolicy policy = CompiledPolicy::Compile(object.root());
  EXPECT_EQ(policy->problem(), "");
  return policy;
}

codec::Json SandboxWith(const std::string& spec) {
  codec::Json sandbox = PlainSandbox();
  const auto parsed = codec::ParseYaml(spec.empty() ? "{}" : spec);
  EXPECT_TRUE(parsed.ok()) << parsed.status().ToString();
  if (parsed.ok()) sandbox["spec"].merge_patch(parsed->root().ToJson());
  return sandbox;
}

std::vector<PolicyFinding> JudgeByPolicies(const codec::Json& sandbox,
                                           const std::vector<SharedPolicy>& policies,
                                           const Facts& facts) {
  const codec::JsonDocument document = codec::ParseTrusted(sandbox);
  const auto decoded = api::DecodeAgentSandbox(document.root());
  EXPECT_TRUE(decoded.ok()) << decoded.status().ToString();
  if (!decoded.ok()) return {};
  const codec::JsonView pod_template = document.root()["spec"]["podTemplate"];
  return EvaluatePolicies(*decoded, api::PodView(pod_template, "spec.podTemplate"), facts,
                          policies);
}

std::vector<std::string> Summaries(const std::vector<PolicyFinding>& findings) {
  std::vector<std::string> result;
  for (const PolicyFinding& finding : findings) {
    result.push_back(finding.policy + " " + std::string(finding.finding.code) + " " +
                     finding.finding.field);
  }
  return result;
}

}  // namespace stockade::policy
