#include "policy/sandbox_claims.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stockade::policy {
namespace {

using codec::Json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

api::AgentSandboxTemplate Template(const Json& spec, const Json& claims = Json::object()) {
  const Json object = {{"metadata", {{"name", "t"}}},
                       {"spec", {{"template", {{"spec", spec}}}, {"claims", claims}}}};
  auto decoded = api::DecodeAgentSandboxTemplate(codec::ParseTrusted(object).root());
  EXPECT_TRUE(decoded.ok()) << decoded.status().ToString();
  return std::move(decoded).value();
}

Json PodTemplate() {
  return Json::parse(R"({"podTemplate": {
      "metadata": {"labels": {"team": "a"}},
      "spec": {"initContainers": [{"name": "init", "image": "i"}],
               "containers": [{"name": "agent", "image": "i",
                               "env": [{"name": "MODE", "value": "x"}, {"name": "KEEP", "value": "y"}]},
                              {"name": "tool", "image": "i"}]}}})");
}

api::AgentSandboxClaim Claim() {
  api::AgentSandboxClaim claim;
  claim.metadata.name = "c";
  claim.spec.template_name = "t";
  return claim;
}

std::vector<std::string> Findings(const api::AgentSandboxClaim& claim) {
  std::vector<std::string> lines;
  for (const Finding& finding : EvaluateClaim(claim, {})) {
    lines.push_back(std::string(finding.code) + " " + finding.field);
  }
  return lines;
}

TEST(SandboxClaimsTest, AClaimThatAddsNothingChangesNothing) {
  EXPECT_EQ(SandboxSpecFor(Template(PodTemplate()), Claim()), PodTemplate());
}

TEST(SandboxClaimsTest, VariablesTakeThePlaceOfTheTemplatesInEveryContainer) {
  api::AgentSandboxClaim claim = Claim();
  claim.spec.env = {{"MODE", "z"}};
  const Json spec = SandboxSpecFor(Template(PodTemplate()), claim)["podTemplate"]["spec"];
  EXPECT_EQ(spec["containers"][0]["env"],
            Json::parse(R"([{"name": "MODE", "value": "z"}, {"name": "KEEP", "value": "y"}])"));
  EXPECT_EQ(spec["containers"][1]["env"], Json::parse(R"([{"name": "MODE", "value": "z"}])"));
  EXPECT_FALSE(spec["initContainers"][0].contains("env"));
}

TEST(SandboxClaimsTest, ValuesReferToNothing) {
  api::AgentSandboxClaim claim = Claim();
  claim.spec.env = {{"A", "$(KEEP) $$ $"}};
  const Json spec = SandboxSpecFor(Template(PodTemplate()), claim)["podTemplate"]["spec"];
  EXPECT_EQ(spec["containers"][1]["env"][0]["value"], "$$(KEEP) $$$$ $$");
}

TEST(SandboxClaimsTest, LabelsOfTheTemplateStay) {
  api::AgentSandboxClaim claim = Claim();
  claim.spec.pod_labels = {{"team", "b"}, {"user", "u"}};
  claim.spec.pod_annotations = {{"note", "n"}};
  const Json spec = SandboxSpecFor(Template(PodTemplate()), claim);
  EXPECT_EQ(spec["podTemplate"]["metadata"], Json::parse(R"({"labels": {"team": "a", "user": "u"},
                                                             "annotations": {"note": "n"}})"));
}

TEST(SandboxClaimsTest, OnlyTheTemplatesVariablesAreAllowed) {
  api::AgentSandboxClaim claim = Claim();
  claim.spec.env = {{"B", ""}, {"A", ""}, {"C", ""}};
  const auto refused = [&claim](const std::vector<std::string>& allowed) {
    return WhatIsNotAllowed(claim, Template(PodTemplate(), {{"env", allowed}})).variables;
  };
  EXPECT_THAT(refused({"C", "A"}), ElementsAre("B"));
  EXPECT_THAT(refused({}), ElementsAre("B", "A", "C"));
}

TEST(SandboxClaimsTest, OnlyTheTemplatesKeysAreAllowed) {
  api::AgentSandboxClaim claim = Claim();
  claim.spec.pod_labels = {{"app", "x"}, {"team", "x"}};
  claim.spec.pod_annotations = {{"note", "x"}, {"bad key", "x"}};
  const auto made_from = Template(PodTemplate(), {{"labels", {"team"}}, {"annotations", {"note"}}});
  EXPECT_THAT(WhatIsNotAllowed(claim, made_from).labels, ElementsAre("app"));
  EXPECT_THAT(WhatIsNotAllowed(claim, made_from).annotations, ElementsAre("bad key"));
}

TEST(SandboxClaimsTest, TheFloorJudgesWhatAClaimAdds) {
  api::AgentSandboxClaim claim = Claim();
  claim.spec.env = {{"MODE", "x"}, {"LD_PRELOAD", "/tmp/x.so"}, {"https_proxy", "http://x"}};
  claim.spec.pod_labels = {{"stockade.dev/sandbox", "other"}};
  claim.spec.pod_annotations = {{"dev.gvisor.spec.mount", "x"}};
  EXPECT_THAT(Findings(claim),
              ::testing::UnorderedElementsAre(
                  "ReservedLabel spec.podMetadata.labels[stockade.dev/sandbox]",
                  "PodMetadata spec.podMetadata.annotations[dev.gvisor.spec.mount]",
                  "DynamicLinkerEnv spec.env[1].name", "ProxyEnv spec.env[2].name"));
}

TEST(SandboxClaimsTest, ACleanClaimHasNoFindings) {
  api::AgentSandboxClaim claim = Claim();
  claim.spec.env = {{"MODE", "x"}};
  claim.spec.pod_labels = {{"team", "b"}};
  EXPECT_THAT(Findings(claim), IsEmpty());
}

}  // namespace
}  // namespace stockade::policy
