#include "policy/compiled_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "codec/yaml.h"
#include "policy/policy_set.h"
#include "tests/source_dir.h"
#include "tests/unit/policy/policies.h"

namespace stockade::policy {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Problems(const std::string& spec) {
  std::vector<std::string> lines;
  for (const auto& error : CheckPolicy(PolicyObject("p", spec).root())) {
    lines.push_back(error.path + ": " + error.message);
  }
  return lines;
}

TEST(RegistryPrefixTest, SaysWhatIsWrongAndWhatToWrite) {
  const std::pair<const char*, const char*> cases[] = {
      {"https://ghcr.io/acme", "begins with a scheme"},
      {"ghcr.io/*", "has a wildcard"},
      {"*.acme.example", "has a wildcard"},
      {"ghcr.io/acme/", "ends with \"/\""},
      {"ghcr.io/acme@sha256:00", "has a digest"},
      {"ghcr.io/acme:v1", "is no registry with a path"},
      {"ghcr.io//acme", "is no registry with a path"},
      {"ghcr.io/Acme", "is no registry with a path"},
      {"", "is no registry with a path"},
      {"acme", "names no registry"},
      {"acme/agents", "names no registry"},
  };
  for (const auto& [text, problem] : cases) {
    const auto prefix = RegistryPrefix::Parse(text);
    ASSERT_FALSE(prefix.ok()) << text;
    EXPECT_THAT(prefix.status().message(), HasSubstr(problem)) << text;
  }
  for (const char* text : {"ghcr.io", "ghcr.io/acme", "localhost:5000", "localhost", "r.example:80",
                           "[::1]:5000/a", "ghcr.io/acme/team-a/x_y"}) {
    EXPECT_TRUE(RegistryPrefix::Parse(text).ok()) << text;
  }
}

TEST(CheckPolicyTest, AcceptsAFullPolicy) {
  EXPECT_THAT(Problems(R"(
namespaceSelector: {matchLabels: {team: a}, matchExpressions: [
  {key: env, operator: In, values: [prod]}, {key: x/y, operator: NotIn, values: [a]},
  {key: z, operator: Exists}, {key: w, operator: DoesNotExist}]}
enforcement: Audit
minimumIsolation: GVisor
minimumIsolationForUntrusted: MicroVM
images: {allowedRegistries: [ghcr.io/acme], requireDigest: true}
resources: {max: {cpu: 4, memory: 8Gi, ephemeral-storage: 10Gi}}
egress: {allowedHosts: [api.example.com, '*.example.org'], deniedHosts: ['*.com.example'],
  forbidTunnel: true, maxHosts: 12}
credentials: {allowedSecrets: [{name: a.b}, {name: c, hosts: ['*.example.org']}]}
access: {forbidExec: true, forbidAttach: true, forbidPortForward: true})"),
              IsEmpty());
  EXPECT_THAT(Problems("{}"), IsEmpty());
}

TEST(CheckPolicyTest, NamesEveryFieldThatIsWrong) {
  EXPECT_THAT(
      Problems("{images: {allowedRegistries: [ghcr.io, acme]}, resources: {max: {cpu: 0, memory: "
               "-1Gi, ephemeral-storage: lots}}}"),
      ElementsAre(AllOf(HasSubstr("spec.images.allowedRegistries[1]: "), HasSubstr("no registry")),
                  HasSubstr("spec.resources.max.cpu: \"0\" is no quantity above zero"),
                  HasSubstr("spec.resources.max.ephemeral-storage: "),
                  HasSubstr("spec.resources.max.memory: ")));
  EXPECT_THAT(
      Problems(
          "{egress: {allowedHosts: [a.example, '10.0.0.1'], deniedHosts: ['*'], maxHosts: -1}, "
          "credentials: {allowedSecrets: [{hosts: [A.example]}]}}"),
      ElementsAre(HasSubstr("spec.egress.maxHosts: "),
                  HasSubstr("spec.credentials.allowedSecrets[0].name: ")));
  EXPECT_THAT(
      Problems("{egress: {allowedHosts: [a.example, '10.0.0.1'], deniedHosts: ['*', A.example]}, "
               "credentials: {allowedSecrets: [{name: b, hosts: ['https://a.example']}, {name: B}, "
               "{name: b}]}}"),
      ElementsAre(
          HasSubstr("spec.egress.allowedHosts[1]: \"10.0.0.1\" is an IP address"),
          HasSubstr("spec.egress.deniedHosts[0]: "), HasSubstr("spec.egress.deniedHosts[1]: "),
          HasSubstr("spec.credentials.allowedSecrets[0].name: the Secret \"b\" stands there twice"),
          HasSubstr("spec.credentials.allowedSecrets[0].hosts[0]: "),
          HasSubstr("spec.credentials.allowedSecrets[1].name: \"B\" is no name of a Secret"),
          HasSubstr("spec.credentials.allowedSecrets[2].name: the Secret \"b\" stands")));
  EXPECT_THAT(Problems("{enforcement: Deny, minimumIsolationForUntrusted: Container}"),
              ElementsAre(HasSubstr("spec.enforcement: "),
                          HasSubstr("spec.minimumIsolationForUntrusted: ")));
  EXPECT_THAT(Problems("{image: {}, access: {forbidexec: true}, resources: {max: {gpu: 1}}}"),
              ::testing::UnorderedElementsAre(HasSubstr("spec.image: is not a known field"),
                                              HasSubstr("spec.access.forbidexec: "),
                                              HasSubstr("spec.resources.max.gpu: ")));
}

TEST(CheckPolicyTest, RefusesSelectorsWithoutMeaning) {
  const auto selector = [](const std::string& expressions) {
    return Problems("namespaceSelector: {matchExpressions: [" + expressions + "]}");
  };
  EXPECT_THAT(selector("{key: a, operator: In}"),
              ElementsAre(HasSubstr("matchExpressions[0].values: must list at least one value")));
  EXPECT_THAT(selector("{key: a, operator: Exists, values: [b]}"),
              ElementsAre(HasSubstr("matchExpressions[0].values: must not be set")));
  EXPECT_THAT(selector("{key: a, operator: Equals, values: [b]}"),
              ElementsAre(HasSubstr("matchExpressions[0].operator: ")));
  EXPECT_THAT(selector("{key: '-a', operator: Exists}"),
              ElementsAre(HasSubstr("matchExpressions[0].key: must be a label key")));
  EXPECT_THAT(selector("{key: a, operator: In, values: ['b c']}"),
              ElementsAre(HasSubstr("matchExpressions[0].values: must be a label value")));
  EXPECT_THAT(Problems("namespaceSelector: {matchLabels: {'a b': c}}"),
              ElementsAre(HasSubstr("spec.namespaceSelector.matchLabels: ")));
}

TEST(CheckPolicyTest, RefusesSelectorsThatNeverMatch) {
  const auto contradicts = [](const std::string& selector) {
    const auto problems = Problems("namespaceSelector: " + selector);
    return problems.size() == 1 &&
           problems[0].starts_with("spec.namespaceSelector: selects no namespace");
  };
  EXPECT_TRUE(
      contradicts("{matchLabels: {a: b}, matchExpressions: [{key: a, operator: "
                  "DoesNotExist}]}"));
  EXPECT_TRUE(
      contradicts("{matchLabels: {a: b}, matchExpressions: [{key: a, operator: NotIn, "
                  "values: [b]}]}"));
  EXPECT_TRUE(
      contradicts("{matchExpressions: [{key: a, operator: In, values: [b]}, {key: a, "
                  "operator: In, values: [c]}]}"));
  EXPECT_TRUE(
      contradicts("{matchExpressions: [{key: a, operator: Exists}, {key: a, operator: "
                  "DoesNotExist}]}"));
  EXPECT_FALSE(
      contradicts("{matchExpressions: [{key: a, operator: Exists}, {key: a, operator: "
                  "NotIn, values: [b]}]}"));
  EXPECT_FALSE(
      contradicts("{matchExpressions: [{key: a, operator: In, values: [b, c]}, {key: a, "
                  "operator: NotIn, values: [b]}]}"));
  EXPECT_FALSE(
      contradicts("{matchExpressions: [{key: a, operator: DoesNotExist}, {key: a, "
                  "operator: NotIn, values: [b]}]}"));
}

TEST(CompiledPolicyTest, UnsetSelectorSelectsEveryNamespace) {
  const auto policy = MakePolicy("p", "{}");
  EXPECT_TRUE(policy->Selects({}));
  EXPECT_TRUE(policy->Selects({{"a", "b"}}));
  EXPECT_EQ(policy->enforcement(), api::Enforcement::kEnforce);
}

// Whoever stored it went around the webhook: it must not look like a policy that finds nothing.
TEST(CompiledPolicyTest, WhatCannotBeUnderstoodHasAProblemAndSelects) {
  const auto wrong_type = CompiledPolicy::Compile(
      PolicyObject("p", "{namespaceSelector: {matchLabels: {a: b}}, enforcement: 7}").root());
  EXPECT_THAT(wrong_type->problem(), HasSubstr("spec.enforcement"));
  EXPECT_EQ(wrong_type->name(), "p");
  EXPECT_TRUE(wrong_type->Selects({{"a", "b"}}));
  EXPECT_FALSE(wrong_type->Selects({}));
  const auto wrong_selector = CompiledPolicy::Compile(
      PolicyObject("p", "namespaceSelector: {matchExpressions: [{key: a, operator: In}]}").root());
  EXPECT_THAT(wrong_selector->problem(), HasSubstr("values"));
  EXPECT_TRUE(wrong_selector->Selects({}));
  const auto wrong_host =
      CompiledPolicy::Compile(PolicyObject("p", "egress: {deniedHosts: [Evil.example]}").root());
  EXPECT_THAT(wrong_host->problem(), HasSubstr("deniedHosts[0]"));
  const auto wrong_registry =
      CompiledPolicy::Compile(PolicyObject("p", "images: {allowedRegistries: [acme]}").root());
  EXPECT_THAT(wrong_registry->problem(), HasSubstr("allowedRegistries[0]"));
}

TEST(CompiledPolicyTest, WarnsOfAPolicyThatDemandsNothing) {
  EXPECT_EQ(WarningsOf(*MakePolicy("p", "{}")).size(), 1U);
  EXPECT_EQ(WarningsOf(*MakePolicy("p", "minimumIsolation: Container")).size(), 1U);
  EXPECT_EQ(WarningsOf(*MakePolicy("p", "egress: {forbidTunnel: false}")).size(), 1U);
  for (const char* spec : {"minimumIsolation: GVisor", "minimumIsolationForUntrusted: MicroVM",
                           "images: {requireDigest: true}", "resources: {max: {cpu: 1}}",
                           "images: {allowedRegistries: [ghcr.io]}", "access: {forbidExec: true}",
                           "egress: {allowedHosts: []}", "egress: {deniedHosts: [a.example]}",
                           "egress: {forbidTunnel: true}", "egress: {maxHosts: 0}",
                           "credentials: {allowedSecrets: []}", "lifetime: {required: true}",
                           "lifetime: {maxSeconds: 1}"}) {
    EXPECT_THAT(WarningsOf(*MakePolicy("p", spec)), IsEmpty()) << spec;
  }
}

TEST(PolicySetTest, GivesThoseThatSelectByName) {
  const PolicySet set({MakePolicy("c", "{}"),
                       MakePolicy("a",
                                  "namespaceSelector: {matchLabels: "
                                  "{team: x}}"),
                       MakePolicy("b", "namespaceSelector: {matchLabels: {team: z}}")});
  EXPECT_EQ(set.size(), 3U);
  const auto names = [](const std::vector<SharedPolicy>& policies) {
    std::vector<std::string> result;
    for (const auto& policy : policies) result.push_back(policy->name());
    return result;
  };
  EXPECT_THAT(names(set.Selecting({{"team", "x"}})), ElementsAre("a", "c"));
  EXPECT_THAT(names(set.Selecting({})), ElementsAre("c"));
  EXPECT_EQ(FirstBroken(set.policies()), nullptr);
  const std::vector<SharedPolicy> broken = {
      MakePolicy("a", "{}"), CompiledPolicy::Compile(PolicyObject("z", "enforcement: 7").root())};
  ASSERT_NE(FirstBroken(broken), nullptr);
  EXPECT_EQ(FirstBroken(broken)->name(), "z");
}

TEST(ExamplePoliciesTest, CanBeApplied) {
  std::size_t policies = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(STOCKADE_SOURCE_DIR "/examples/policies")) {
    std::ifstream file(entry.path());
    std::stringstream text;
    text << file.rdbuf();
    const auto document = codec::ParseYaml(text.str());
    ASSERT_TRUE(document.ok()) << entry.path() << ": " << document.status().ToString();
    for (const auto& error : CheckPolicy(document->root())) {
      ADD_FAILURE() << entry.path() << ": " << error.path << ": " << error.message;
    }
    EXPECT_THAT(WarningsOf(*CompiledPolicy::Compile(document->root())), IsEmpty());
    ++policies;
  }
  EXPECT_GE(policies, 2U);
}

}  // namespace
}  // namespace stockade::policy
