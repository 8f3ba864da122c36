#include "api/agent_sandbox_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "api/resources.h"
#include "codec/yaml.h"
#include "crd_schema.h"

namespace stockade::api {
namespace {

using codec::Json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

Result<AgentSandboxPolicy> Decode(const std::string& spec) {
  const auto document = codec::ParseYaml("metadata: {name: p, generation: 3}\nspec: " + spec);
  EXPECT_TRUE(document.ok()) << document.status().ToString();
  return DecodeAgentSandboxPolicy(document->root());
}

TEST(AgentSandboxPolicyTest, DecodesEveryField) {
  const auto policy = Decode(R"({
    namespaceSelector: {matchLabels: {team: a}}, enforcement: Audit, minimumIsolation: Container,
    minimumIsolationForUntrusted: MicroVM,
    images: {allowedRegistries: [ghcr.io/acme, quay.io], requireDigest: true},
    resources: {max: {cpu: 4, memory: 8Gi}},
    egress: {allowedHosts: [a.example], deniedHosts: [b.example], forbidTunnel: true, maxHosts: 3},
    credentials: {allowedSecrets: [{name: any}, {name: bound, hosts: [c.example]}]},
    access: {forbidExec: true, forbidAttach: true, forbidPortForward: true},
    lifetime: {maxSeconds: 60, required: true}})");
  ASSERT_TRUE(policy.ok()) << policy.status().ToString();
  EXPECT_EQ(policy->metadata.name, "p");
  EXPECT_EQ(policy->metadata.generation, 3);
  EXPECT_TRUE(policy->spec.namespace_selector.Matches({{"team", "a"}}));
  EXPECT_FALSE(policy->spec.namespace_selector.Matches({{"team", "b"}}));
  EXPECT_EQ(policy->spec.enforcement, Enforcement::kAudit);
  EXPECT_EQ(policy->spec.minimum_isolation, Isolation::kContainer);
  EXPECT_EQ(policy->spec.minimum_isolation_for_untrusted, Isolation::kMicroVM);
  EXPECT_THAT(policy->spec.images.allowed_registries, ElementsAre("ghcr.io/acme", "quay.io"));
  EXPECT_TRUE(policy->spec.images.require_digest);
  EXPECT_THAT(policy->spec.max_resources, ElementsAre(Pair("cpu", "4"), Pair("memory", "8Gi")));
  EXPECT_EQ(policy->spec.egress.allowed_hosts, std::vector<std::string>{"a.example"});
  EXPECT_THAT(policy->spec.egress.denied_hosts, ElementsAre("b.example"));
  EXPECT_TRUE(policy->spec.egress.forbid_tunnel);
  EXPECT_EQ(policy->spec.egress.max_hosts, 3);
  ASSERT_TRUE(policy->spec.credentials.allowed_secrets.has_value());
  const auto& secrets = *policy->spec.credentials.allowed_secrets;
  ASSERT_EQ(secrets.size(), 2U);
  EXPECT_EQ(secrets[0].name, "any");
  EXPECT_EQ(secrets[0].hosts, std::nullopt);
  EXPECT_EQ(secrets[1].hosts, std::vector<std::string>{"c.example"});
  EXPECT_EQ(policy->spec.access, (AccessRestrictions{true, true, true}));
  EXPECT_EQ(policy->spec.lifetime, (LifetimeRestrictions{std::chrono::seconds(60), true}));
}

TEST(AgentSandboxPolicyTest, DefaultsRestrictNothingAndSelectEverything) {
  const auto policy = Decode("{}");
  ASSERT_TRUE(policy.ok());
  EXPECT_TRUE(policy->spec.namespace_selector.SelectsEverything());
  EXPECT_EQ(policy->spec.enforcement, Enforcement::kEnforce);
  EXPECT_EQ(policy->spec.minimum_isolation, std::nullopt);
  EXPECT_EQ(policy->spec.minimum_isolation_for_untrusted, Isolation::kGVisor);
  EXPECT_TRUE(policy->spec.images.allowed_registries.empty());
  EXPECT_FALSE(policy->spec.images.require_digest);
  EXPECT_TRUE(policy->spec.max_resources.empty());
  EXPECT_EQ(policy->spec.egress.allowed_hosts, std::nullopt);
  EXPECT_TRUE(policy->spec.egress.denied_hosts.empty());
  EXPECT_FALSE(policy->spec.egress.forbid_tunnel);
  EXPECT_EQ(policy->spec.egress.max_hosts, std::nullopt);
  EXPECT_EQ(policy->spec.credentials.allowed_secrets, std::nullopt);
  EXPECT_EQ(policy->spec.access, AccessRestrictions{});
  EXPECT_EQ(policy->spec.lifetime, LifetimeRestrictions{});
}

// Nobody may be taken at his word for "none" and get "all".
TEST(AgentSandboxPolicyTest, AnEmptyListIsNotAnUnsetOne) {
  const auto policy = Decode("{egress: {allowedHosts: []}, credentials: {allowedSecrets: []}}");
  ASSERT_TRUE(policy.ok());
  EXPECT_EQ(policy->spec.egress.allowed_hosts, std::vector<std::string>{});
  ASSERT_TRUE(policy->spec.credentials.allowed_secrets.has_value());
  EXPECT_TRUE(policy->spec.credentials.allowed_secrets->empty());
}

TEST(AgentSandboxPolicyTest, NamesEveryFieldOfTheWrongType) {
  const auto policy = Decode(
      "{enforcement: deny, egress: {maxHosts: 2000}, credentials: {allowedSecrets: [{}]}, images: "
      "{requireDigest: 'yes'}, access: [], lifetime: {maxSeconds: 0}}");
  ASSERT_FALSE(policy.ok());
  for (const char* field :
       {"spec.enforcement", "spec.egress.maxHosts", "spec.credentials.allowedSecrets[0].name",
        "spec.images.requireDigest", "spec.access", "spec.lifetime.maxSeconds"}) {
    EXPECT_THAT(policy.status().message(), HasSubstr(field));
  }
  const auto without = DecodeAgentSandboxPolicy(codec::ParseTrusted(Json::object()).root());
  EXPECT_THAT(without.status().message(), HasSubstr("spec: is required"));
}

// A bound on what nobody has heard of would be taken for one that works.
TEST(AgentSandboxPolicyTest, AResourceThatNobodyKnowsIsAnError) {
  EXPECT_THAT(Decode("{resources: {max: {gpu: 1}}}").status().message(),
              HasSubstr("spec.resources.max.gpu"));
}

// ---- The CRD's source says the same

std::vector<codec::FieldError> Check(const Json& spec) {
  const Json object = {{"apiVersion", "v"}, {"kind", "k"}, {"spec", spec}};
  return CheckAgentSandboxPolicyFields(codec::ParseTrusted(object).root());
}

TEST(AgentSandboxPolicyCrdTest, TheDecoderKnowsEveryField) {
  for (const codec::FieldError& error :
       Check(Example(SpecSchemaOf("stockade.dev_agentsandboxpolicies.yaml")))) {
    ADD_FAILURE() << error.path << ": " << error.message;
  }
}

TEST(AgentSandboxPolicyCrdTest, TheDecoderKnowsNoOtherField) {
  const Json schema = SpecSchemaOf("stockade.dev_agentsandboxpolicies.yaml");
  const Json example = Example(schema);
  std::vector<std::string> pointers;
  FindObjects(schema, example, "", pointers);
  EXPECT_GE(pointers.size(), 5U);
  for (const std::string& pointer : pointers) {
    Json spec = example;
    spec[Json::json_pointer(pointer + "/notAField")] = 1;
    const auto errors = Check(spec);
    ASSERT_EQ(errors.size(), 1U) << pointer;
    EXPECT_THAT(errors[0].message, HasSubstr("is not a known field"));
  }
}

TEST(AgentSandboxPolicyCrdTest, EnumerationsAndDefaultsAgree) {
  const Json properties = SpecSchemaOf("stockade.dev_agentsandboxpolicies.yaml")["properties"];
  EXPECT_EQ(Enum(properties["enforcement"]),
            std::pair(Names(kEnforcementNames),
                      std::string(EnforcementName(AgentSandboxPolicySpec{}.enforcement))));
  EXPECT_EQ(
      Enum(properties["minimumIsolationForUntrusted"]),
      std::pair(
          Names(kUntrustedIsolationNames),
          std::string(IsolationName(AgentSandboxPolicySpec{}.minimum_isolation_for_untrusted))));
  EXPECT_EQ(properties["minimumIsolation"]["enum"].get<std::vector<std::string>>(),
            Names(kIsolationNames));
  std::set<std::string> resources;
  for (const auto& [name, schema] :
       properties["resources"]["properties"]["max"]["properties"].items()) {
    resources.insert(name);
  }
  EXPECT_EQ(resources, std::set<std::string>(kResourceNames.begin(), kResourceNames.end()));
}

}  // namespace
}  // namespace stockade::api
