#include "cli/lint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "schema/schema_rules.h"

namespace stockade::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

LintReport LintText(const std::string& text) {
  Input input;
  ReadText("f", text, input);
  return Lint(input, {});
}

// "line:column CODE field" of each finding of the only object.
std::vector<std::string> FindingsOf(const std::string& text) {
  const LintReport report = LintText(text);
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_EQ(report.objects.size(), 1U);
  std::vector<std::string> lines;
  for (const LocatedFinding& located : report.objects.at(0).findings) {
    lines.push_back(std::to_string(located.position.line) + ":" +
                    std::to_string(located.position.column) + " " +
                    std::string(located.finding.code) + " " + located.finding.field);
  }
  return lines;
}

std::string Sandbox(const std::string& spec, const std::string& container = "") {
  return "apiVersion: stockade.dev/v1alpha1\n"
         "kind: AgentSandbox\n"
         "metadata: {name: a}\n"
         "spec:\n" +
         spec +
         "  podTemplate:\n"
         "    spec:\n"
         "      containers:\n"
         "        - name: agent\n"
         "          image: registry.example.com/agent:v1\n" +
         container;
}

TEST(LintTest, ACleanSandboxHasNoFindings) { EXPECT_THAT(FindingsOf(Sandbox("")), IsEmpty()); }

TEST(LintTest, ObjectsInsideAnyListAreJudged) {
  const std::string metadata =
      "metadata: {name: a}, spec: {isolaton: x, podTemplate: {spec: "
      "{containers: [{name: b, image: registry.example.com/a:v1}]}}}";
  EXPECT_THAT(
      FindingsOf("apiVersion: stockade.dev/v1alpha1\nkind: AgentSandboxList\nitems:\n  - {" +
                 metadata + "}\n"),
      ElementsAre("4:34 UnknownField spec.isolaton"));
  EXPECT_THAT(FindingsOf("apiVersion: v1\nkind: ConfigMap\nitems:\n  - {apiVersion: "
                         "stockade.dev/v1alpha1, kind: AgentSandbox,\n     " +
                         metadata + "}\n"),
              ElementsAre("5:34 UnknownField spec.isolaton"));
  EXPECT_THAT(FindingsOf(Sandbox("") + "items: []\n"), ElementsAre("10:1 UnknownField items"));
}

TEST(LintTest, MetadataIsJudgedAsTheApiServerReadsIt) {
  const auto with = [](const std::string& metadata) {
    std::string text = Sandbox("");
    const std::string old = "{name: a}";
    return text.replace(text.find(old), old.size(), metadata);
  };
  EXPECT_THAT(FindingsOf(with("{name: a, creationTimestamp: x}")),
              ElementsAre("3:21 FieldValueInvalid metadata.creationTimestamp"));
  EXPECT_THAT(FindingsOf(with("{name: 5}")),
              ElementsAre("3:12 FieldValueTypeInvalid metadata.name"));
}

TEST(LintTest, SchemaAndRulesAreToldTogetherInTheOrderOfTheText) {
  EXPECT_THAT(FindingsOf(Sandbox("  isolaton: GVisor\n",
                                 "          tyt: true\n"
                                 "          securityContext: {runAsUser: 0}\n")),
              ElementsAre("5:3 UnknownField spec.isolaton",
                          "11:11 UnknownField spec.podTemplate.spec.containers[0].tyt",
                          "12:29 RootUser spec.podTemplate.spec.containers[0].securityContext"
                          ".runAsUser"));
}

TEST(LintTest, ThePodIsJudgedEvenWhenAnotherPartIsWrong) {
  EXPECT_THAT(FindingsOf(Sandbox("  inputTrust: trusted\n",
                                 "          securityContext: {privileged: true}\n")),
              ElementsAre("5:3 FieldValueNotSupported spec.inputTrust",
                          "11:29 PrivilegedContainer "
                          "spec.podTemplate.spec.containers[0].securityContext.privileged"));
}

TEST(LintTest, WhatTheRulesCannotJudgeIsSaid) {
  const LintReport report = LintText(Sandbox("  mounts: 3\n"));
  ASSERT_EQ(report.objects.size(), 1U);
  EXPECT_TRUE(report.objects[0].by_schema_alone);
  EXPECT_THAT(report.notes, ElementsAre("f: AgentSandbox default/a was judged by its schema alone; "
                                        "correct these errors to have it judged by the rules"));
}

TEST(LintTest, WhatTheFloorSaysTheSchemaDoesNotRepeat) {
  EXPECT_THAT(FindingsOf("apiVersion: stockade.dev/v1alpha1\n"
                         "kind: AgentSandbox\n"
                         "metadata: {name: a}\n"
                         "spec: {podTemplate: {spec: {containers: [{name: stockade-a, image: "
                         "registry.example.com/agent:v1}]}}}\n"),
              ElementsAre("4:43 ReservedName spec.podTemplate.spec.containers[0].name"));
}

TEST(LintTest, MissingFieldsStandAtTheirParent) {
  EXPECT_THAT(FindingsOf("apiVersion: stockade.dev/v1alpha1\nkind: AgentSandbox\nmetadata:\n"
                         "  name: a\nspec: {}\n"),
              ElementsAre("5:1 FieldValueRequired spec.podTemplate"));
}

TEST(LintTest, OtherVersionsAndKindsOfTheGroupAreFindings) {
  EXPECT_THAT(FindingsOf("apiVersion: stockade.dev/v1\nkind: AgentSandbox\nmetadata: {name: a}\n"),
              ElementsAre("1:1 FieldValueNotSupported apiVersion"));
  EXPECT_THAT(FindingsOf("apiVersion: stockade.dev/v1alpha1\nkind: AgentSandbx\n"),
              ElementsAre("2:1 FieldValueNotSupported kind"));
}

// kubectl finds no such kind, or refuses the object.
TEST(LintTest, AnApiVersionThatIsMisspeltOrMissingIsAFinding) {
  const auto finding = [](const std::string& head) {
    const LintReport report = LintText(head + "metadata: {name: a}\n");
    if (report.objects.size() != 1 || report.objects[0].findings.size() != 1) return std::string();
    const policy::Finding& found = report.objects[0].findings[0].finding;
    return std::string(found.code) + " " + found.field + ": " + found.message;
  };
  for (const char* version : {"stockade.dv/v1alpha1", "Stockade.dev/v1alpha1", "stockade/v1alpha1",
                              "v1alpha1", "v1", "stockade.dev", "stockade.dev/v2"}) {
    EXPECT_EQ(finding("apiVersion: " + std::string(version) + "\nkind: AgentSandbox\n"),
              "FieldValueNotSupported apiVersion: must be stockade.dev/v1alpha1, not \"" +
                  std::string(version) + "\"");
  }
  EXPECT_EQ(finding("kind: AgentSandbox\n"),
            "FieldValueRequired apiVersion: is required and not set; it must be "
            "stockade.dev/v1alpha1");
  EXPECT_EQ(finding("apiVersion: stockade.dev/v1alpha1\n"),
            "FieldValueRequired kind: is required and not set; stockade.dev has AgentSandboxClaim, "
            "AgentSandbox, AgentSandboxPolicy, AgentSandboxPool and AgentSandboxTemplate");
}

TEST(LintTest, ATemplateIsJudgedAsTheSandboxThatItMakes) {
  EXPECT_THAT(
      FindingsOf("apiVersion: stockade.dev/v1alpha1\n"
                 "kind: AgentSandboxTemplate\n"
                 "metadata: {name: a}\n"
                 "spec:\n"
                 "  template:\n"
                 "    spec:\n"
                 "      podTemplate:\n"
                 "        spec:\n"
                 "          hostNetwork: true\n"
                 "          containers: [{name: agent, image: registry.example.com/a:v1}]\n"),
      ElementsAre("9:11 HostNamespace spec.template.spec.podTemplate.spec.hostNetwork"));
}

TEST(LintTest, AClaimIsJudgedByWhatItAdds) {
  EXPECT_THAT(FindingsOf("apiVersion: stockade.dev/v1alpha1\n"
                         "kind: AgentSandboxClaim\n"
                         "metadata: {name: a}\n"
                         "spec:\n"
                         "  poolRef: {name: p}\n"
                         "  env:\n"
                         "    - name: LD_PRELOAD\n"
                         "      value: x\n"),
              ElementsAre("7:7 DynamicLinkerEnv spec.env[0].name"));
}

TEST(LintTest, AKindOfAnotherProjectIsLeftAloneAndSaidToBe) {
  const LintReport report =
      LintText("apiVersion: agents.example.com/v1\nkind: AgentSandbox\nmetadata: {name: a}\n");
  EXPECT_THAT(report.objects, IsEmpty());
  EXPECT_EQ(report.ignored.at("AgentSandbox"), 1U);
  EXPECT_THAT(report.notes,
              ElementsAre("f: an AgentSandbox of \"agents.example.com/v1\" is left alone; the "
                          "apiVersion of Stockade's is stockade.dev/v1alpha1"));
}

TEST(LintTest, APrefixOfWhichNoNameCanBeMadeIsAFinding) {
  const auto findings = [](const std::string& prefix) {
    std::string text = Sandbox("");
    text.replace(text.find("name: a"), 7, "generateName: " + prefix);
    return FindingsOf(text);
  };
  EXPECT_THAT(findings(std::string(45, 'a')), IsEmpty());
  for (const std::string& prefix : {std::string(46, 'a'), std::string("A-"), std::string("-a")}) {
    EXPECT_THAT(findings(prefix), ElementsAre("3:12 SandboxName metadata.generateName")) << prefix;
  }
}

TEST(LintTest, UnknownFieldsOfTheStatusAreFindings) {
  EXPECT_THAT(FindingsOf(Sandbox("") + "status:\n  conditionz: []\n  observedGeneration: text\n"),
              ElementsAre("11:3 UnknownField status.conditionz"));
}

TEST(LintTest, KindsOfOthersAreCounted) {
  const LintReport report = LintText(
      "apiVersion: v1\nkind: A\n---\napiVersion: x/v1\nkind: A\n---\n"
      "apiVersion: config.stockade.dev/v1alpha1\nkind: OperatorConfiguration\n");
  EXPECT_THAT(report.objects, IsEmpty());
  EXPECT_EQ(report.ignored.at("A"), 2U);
  EXPECT_EQ(report.ignored.at("OperatorConfiguration"), 1U);
}

TEST(LintTest, NamesAndNamespacesAreThoseOfTheManifestOrTheOptions) {
  Input input;
  ReadText("f",
           "{apiVersion: stockade.dev/v1alpha1, kind: AgentSandbox, metadata: {generateName: a-}, "
           "spec: {podTemplate: {spec: {containers: [{name: agent, image: "
           "registry.example.com/agent:v1}]}}}}",
           input);
  std::optional<api::AgentSandbox> sandbox;
  const LintedObject linted =
      LintObject(input.objects.at(0),
                 LintContext(input, {.facts = {}, .default_namespace = "agents"}), &sandbox);
  EXPECT_EQ(linted.Title(), "AgentSandbox agents/a-*");
  ASSERT_TRUE(sandbox.has_value());
  EXPECT_EQ(sandbox->metadata.namespace_name, "agents");
}

constexpr const char* kPolicy =
    "apiVersion: stockade.dev/v1alpha1\n"
    "kind: AgentSandboxPolicy\n"
    "metadata: {name: research}\n"
    "spec: {namespaceSelector: {matchLabels: {team: research}}, images: {requireDigest: true}";

// "LEVEL CODE POLICY" of each finding of the sandboxes in a text.
std::vector<std::string> LevelsOf(const std::string& text, const LintOptions& options = {}) {
  Input input;
  ReadText("f", text, input);
  std::vector<std::string> levels;
  for (const LintedObject& object : Lint(input, options).objects) {
    if (object.kind != "AgentSandbox") continue;
    for (const LocatedFinding& located : object.findings) {
      levels.push_back(std::string(LevelName(located.level())) + " " +
                       std::string(located.finding.code) + " " + located.policy);
    }
  }
  return levels;
}

TEST(LintTest, PoliciesJudgeTheNamespacesThatTheySelect) {
  const std::string sandbox = "---\n" + Sandbox("");
  const std::string policy = std::string(kPolicy) + "}\n";
  EXPECT_THAT(LevelsOf(policy + sandbox), IsEmpty()) << "nobody said that it selects default";
  EXPECT_THAT(LevelsOf(policy + sandbox +
                       "---\n{apiVersion: v1, kind: Namespace, metadata: {name: default, labels: "
                       "{team: research}}}\n"),
              ElementsAre("error ImageDigest research"));
  EXPECT_THAT(
      LevelsOf(
          policy + sandbox,
          {.facts = {}, .policies = {}, .namespace_labels = api::StringMap{{"team", "research"}}}),
      ElementsAre("error ImageDigest research"));
}

TEST(LintTest, EnforcementDecidesTheLevel) {
  const LintOptions options{
      .facts = {}, .policies = {}, .namespace_labels = api::StringMap{{"team", "research"}}};
  const std::string sandbox = "---\n" + Sandbox("");
  EXPECT_THAT(LevelsOf(std::string(kPolicy) + ", enforcement: Warn}\n" + sandbox, options),
              ElementsAre("warning ImageDigest research"));
  EXPECT_THAT(LevelsOf(std::string(kPolicy) + ", enforcement: Audit}\n" + sandbox, options),
              ElementsAre("note ImageDigest research"));
}

TEST(LintTest, WhatIsNotKnownOfANamespaceIsSaid) {
  const LintReport report = LintText(std::string(kPolicy) + "}\n---\n" + Sandbox(""));
  ASSERT_EQ(report.notes.size(), 1U);
  EXPECT_THAT(report.notes[0], ::testing::HasSubstr("give its labels with --namespace-labels"));

  // Nothing else is asked for.
  for (const char* selector :
       {"", "namespaceSelector: {}, ",
        "namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: default}}, "}) {
    const std::string policy =
        "apiVersion: stockade.dev/v1alpha1\nkind: AgentSandboxPolicy\nmetadata: {name: p}\n"
        "spec: {" +
        std::string(selector) + "images: {requireDigest: true}}\n---\n";
    EXPECT_THAT(LintText(policy + Sandbox("")).notes, IsEmpty()) << selector;
    EXPECT_THAT(LevelsOf(policy + Sandbox("")), ElementsAre("error ImageDigest p")) << selector;
  }
}

TEST(LintTest, PoliciesAreJudgedThemselves) {
  EXPECT_THAT(FindingsOf("apiVersion: stockade.dev/v1alpha1\n"
                         "kind: AgentSandboxPolicy\n"
                         "metadata: {name: p}\n"
                         "spec:\n"
                         "  enforcment: Warn\n"
                         "  images: {allowedRegistries: ['https://ghcr.io']}\n"),
              ElementsAre("5:3 UnknownField spec.enforcment",
                          "6:32 FieldValueInvalid spec.images.allowedRegistries[0]"));
  EXPECT_THAT(FindingsOf("apiVersion: stockade.dev/v1alpha1\n"
                         "kind: AgentSandboxPolicy\n"
                         "metadata: {name: p}\n"
                         "spec: {}\n"),
              ElementsAre("4:1 FieldValueInvalid spec"))
      << "it demands nothing";
}

// SARIF, explain and policy test go by the code alone.
TEST(LintTest, NoTwoRulesHaveOneCode) {
  std::set<std::string_view> codes;
  for (const policy::Rule* rule : AllRules()) {
    EXPECT_TRUE(codes.insert(rule->code).second) << rule->code;
    EXPECT_EQ(FindAnyRule(rule->code), rule);
    EXPECT_FALSE(rule->summary.empty()) << rule->code;
    EXPECT_FALSE(rule->remedy.empty()) << rule->code;
  }
  EXPECT_TRUE(codes.contains(schema::kUnknownField));
  EXPECT_TRUE(codes.contains("RootUser"));
  EXPECT_EQ(FindAnyRule("NoSuchRule"), nullptr);
}

}  // namespace
}  // namespace stockade::cli
