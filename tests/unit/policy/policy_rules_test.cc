#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/unit/policy/objects.h"
#include "tests/unit/policy/policies.h"
#include "tests/unit/policy/policy_cases.h"

// The rules that judge by policies, each by a table: a policy, a sandbox, and the fields that are
// found.
namespace stockade::policy {
namespace {

using codec::Json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr std::string_view kDigest =
    "@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

using Case = PolicyCase;

class PolicyRuleTest : public ::testing::TestWithParam<Case> {};

TEST_P(PolicyRuleTest, FindsWhatThePolicyForbids) {
  const Case& c = GetParam();
  const auto findings = JudgeByPolicies(SandboxWith(c.sandbox), {MakePolicy("p", c.policy)});
  std::vector<std::string> found;
  for (const PolicyFinding& finding : findings) {
    found.push_back(std::string(finding.finding.code) + " " + finding.finding.field);
    EXPECT_THAT(finding.finding.message, HasSubstr("(policy \"p\")"));
    EXPECT_EQ(finding.finding.severity, Severity::kError);
    EXPECT_FALSE(finding.subject.empty());
  }
  EXPECT_EQ(found, c.found);
}

const std::string kContainers = "podTemplate: {spec: {containers: ";

std::vector<Case> IsolationCases() {
  return {
      {"AtTheMinimum", "minimumIsolation: GVisor", "isolation: GVisor", {}},
      {"DefaultIsGVisor", "minimumIsolation: GVisor", "", {}},
      {"AboveTheMinimum", "minimumIsolation: GVisor", "isolation: MicroVM", {}},
      {"BelowTheMinimum",
       "minimumIsolation: MicroVM",
       "isolation: GVisor",
       {"IsolationBelowMinimum spec.isolation"}},
      {"TrustDoesNotHelp",
       "minimumIsolation: GVisor",
       "{isolation: Container, inputTrust: Trusted}",
       {"IsolationBelowMinimum spec.isolation"}},
      {"UntrustedBelow",
       "minimumIsolationForUntrusted: MicroVM",
       "isolation: GVisor",
       {"IsolationBelowMinimum spec.isolation"}},
      {"UntrustedAtTheMinimum", "minimumIsolationForUntrusted: MicroVM", "isolation: MicroVM", {}},
      {"TrustedNeedsLess",
       "minimumIsolationForUntrusted: MicroVM",
       "{isolation: Container, inputTrust: Trusted}",
       {}},
      {"TheFloorSpeaksForItself",
       "minimumIsolationForUntrusted: GVisor",
       "isolation: Container",
       {}},
      // Each stands for itself: one that an update adds must not hide behind the other.
      {"TwoFindingsWhereBothAsk",
       "{minimumIsolation: MicroVM, minimumIsolationForUntrusted: MicroVM}",
       "isolation: GVisor",
       {"IsolationBelowMinimum spec.isolation", "IsolationBelowMinimum spec.isolation"}},
  };
}

std::vector<Case> ImageCases() {
  const std::string acme = "images: {allowedRegistries: [ghcr.io/acme]}";
  const std::string field = "spec.podTemplate.spec.containers[0].image";
  const auto with = [](const std::string& image) {
    return kContainers + "[{name: agent, image: '" + image + "'}]}}";
  };
  std::vector<Case> cases = {
      {"Below", acme, with("ghcr.io/acme/agent:1"), {}},
      {"FarBelow", acme, with("ghcr.io/acme/team/agent:1"), {}},
      {"Itself",
       "images: {allowedRegistries: [ghcr.io/acme/agent]}",
       with("ghcr.io/acme/agent:1"),
       {}},
      {"SegmentThatBeginsAlike",
       acme,
       with("ghcr.io/acme-evil/agent:1"),
       {"ImageRegistry " + field}},
      {"HostThatBeginsAlike",
       "images: {allowedRegistries: [ghcr.io]}",
       with("ghcr.io.evil.example/agent:1"),
       {"ImageRegistry " + field}},
      {"AnotherPort",
       "images: {allowedRegistries: ['r.example:5000']}",
       with("r.example/a:1"),
       {"ImageRegistry " + field}},
      {"SamePort",
       "images: {allowedRegistries: ['r.example:5000']}",
       with("r.example:5000/a:1"),
       {}},
      {"UpperCaseHost",
       "images: {allowedRegistries: [GHCR.io/acme]}",
       with("ghcr.IO/acme/a:1"),
       {}},
      {"NoRegistry",
       "images: {allowedRegistries: [docker.io]}",
       with("python:3.13"),
       {"ImageRegistry " + field}},
      {"HubWrittenOut",
       "images: {allowedRegistries: [docker.io/library]}",
       with("docker.io/library/python:3.13"),
       {}},
      {"HubShortForm",
       "images: {allowedRegistries: [docker.io/library]}",
       with("docker.io/python:3.13"),
       {}},
      {"HubShortFormIsNoOwner",
       "images: {allowedRegistries: [docker.io/python]}",
       with("docker.io/python:3.13"),
       {"ImageRegistry " + field}},
      {"OneOfSeveral",
       "images: {allowedRegistries: [quay.io/x, ghcr.io/acme]}",
       with("ghcr.io/acme/agent:1"),
       {}},
      {"Digest", "images: {requireDigest: true}", with("ghcr.io/a/b" + std::string(kDigest)), {}},
      {"TagAndDigest",
       "images: {requireDigest: true}",
       with("ghcr.io/a/b:1" + std::string(kDigest)),
       {}},
      {"TagAlone",
       "images: {requireDigest: true}",
       with("ghcr.io/a/b:1"),
       {"ImageDigest " + field}},
      {"DigestNotRequired", "images: {requireDigest: false}", with("ghcr.io/a/b:1"), {}},
      {"Both",
       "images: {requireDigest: true, allowedRegistries: [quay.io]}",
       with("ghcr.io/a/b:1"),
       {"ImageRegistry " + field, "ImageDigest " + field}},
      {"EveryPosition",
       acme,
       "podTemplate: {spec: {"
       "initContainers: [{name: i, image: 'x.io/i:1'}, "
       "{name: s, image: 'x.io/s:1', restartPolicy: Always}], "
       "containers: [{name: c, image: 'x.io/c:1'}], "
       "ephemeralContainers: [{name: e, image: 'x.io/e:1'}], "
       "volumes: [{name: v, image: {reference: 'x.io/v:1'}}]}}\n"
       "mounts: [{name: m, mountPath: /m, image: {reference: 'x.io/m:1'}}]",
       {"ImageRegistry spec.mounts[0].image.reference",
        "ImageRegistry spec.podTemplate.spec.volumes[0].image.reference",
        "ImageRegistry spec.podTemplate.spec.initContainers[0].image",
        "ImageRegistry spec.podTemplate.spec.initContainers[1].image",
        "ImageRegistry spec.podTemplate.spec.containers[0].image",
        "ImageRegistry spec.podTemplate.spec.ephemeralContainers[0].image"}},
  };
  return cases;
}

std::vector<Case> ResourceCases() {
  const std::string cpu =
      "ResourceAboveMaximum spec.podTemplate.spec.containers[0].resources"
      ".limits[cpu]";
  const auto with = [](const std::string& resources) {
    return kContainers + "[{name: agent, image: 'x.io/a:1', resources: " + resources + "}]}}";
  };
  return {
      {"Below", "resources: {max: {cpu: 4}}", with("{limits: {cpu: 3}}"), {}},
      {"Equal", "resources: {max: {cpu: 4}}", with("{limits: {cpu: 4000m}}"), {}},
      {"Above", "resources: {max: {cpu: 4}}", with("{limits: {cpu: 4001m}}"), {cpu}},
      {"DefaultBelow", "resources: {max: {cpu: 2}}", "", {}},
      {"DefaultAbove", "resources: {max: {cpu: 1}}", "", {cpu}},
      {"RequestRaisesTheDefault",
       "resources: {max: {cpu: 2}}",
       with("{requests: {cpu: 3}}"),
       {cpu}},
      {"Memory",
       "resources: {max: {memory: 1Gi}}",
       with("{limits: {memory: 1025Mi}}"),
       {"ResourceAboveMaximum spec.podTemplate.spec.containers[0].resources.limits[memory]"}},
      {"Disk",
       "resources: {max: {ephemeral-storage: 1Gi}}",
       "",
       {"ResourceAboveMaximum spec.podTemplate.spec.containers[0].resources"
        ".limits[ephemeral-storage]"}},
      {"Together",
       "resources: {max: {cpu: 4}}",
       kContainers + "[{name: a, image: 'x.io/a:1', resources: {limits: {cpu: 2}}}, "
                     "{name: b, image: 'x.io/b:1', resources: {limits: {cpu: 2500m}}}]}}",
       {"ResourceAboveMaximum spec.podTemplate.spec.containers[1].resources.limits[cpu]"}},
      {"InitContainersRunAlone",
       "resources: {max: {cpu: 4}}",
       "podTemplate: {spec: {"
       "initContainers: [{name: i, image: 'x.io/i:1', resources: {limits: {cpu: 4}}}], "
       "containers: [{name: c, image: 'x.io/c:1', resources: {limits: {cpu: 4}}}]}}",
       {}},
      {"SidecarsRunBeside",
       "resources: {max: {cpu: 4}}",
       "podTemplate: {spec: {"
       "initContainers: [{name: s, image: 'x.io/i:1', restartPolicy: Always, "
       "resources: {limits: {cpu: 1}}}], "
       "containers: [{name: c, image: 'x.io/c:1', resources: {limits: {cpu: 4}}}]}}",
       {cpu}},
      {"InitContainerBesideAnEarlierSidecar",
       "resources: {max: {cpu: 4}}",
       "podTemplate: {spec: {"
       "initContainers: [{name: s, image: 'x.io/i:1', restartPolicy: Always, "
       "resources: {limits: {cpu: 1}}}, "
       "{name: i, image: 'x.io/i:1', resources: {limits: {cpu: 3500m}}}], "
       "containers: [{name: c, image: 'x.io/c:1', resources: {limits: {cpu: 1}}}]}}",
       {"ResourceAboveMaximum spec.podTemplate.spec.initContainers[1].resources.limits[cpu]"}},
      {"ThePodsOwnLimitDecides",
       "resources: {max: {cpu: 4}}",
       "podTemplate: {spec: {resources: {limits: {cpu: 4}}, "
       "containers: [{name: a, image: 'x.io/a:1'}, {name: b, image: 'x.io/b:1'}, "
       "{name: c, image: 'x.io/c:1'}]}}",
       {}},
      {"ThePodsOwnLimitAbove",
       "resources: {max: {cpu: 4}}",
       "podTemplate: {spec: {resources: {limits: {cpu: 5}}, "
       "containers: [{name: a, image: 'x.io/a:1'}]}}",
       {"ResourceAboveMaximum spec.podTemplate.spec.resources.limits[cpu]"}},
  };
}

std::vector<Case> AccessCases() {
  return {
      {"PortForwardAsked",
       "access: {forbidPortForward: true}",
       "access: {portForward: Allow}",
       {"AccessForbidden spec.access.portForward"}},
      {"PortForwardNotAsked", "access: {forbidPortForward: true}", "", {}},
      {"PortForwardNotForbidden", "access: {forbidExec: true}", "access: {portForward: Allow}", {}},
      // Shut at the door; the sandbox need not say so.
      {"ExecIsNoFinding",
       "access: {forbidExec: true, forbidAttach: true}",
       "access: {exec: Allow}",
       {}},
  };
}

std::string NameOf(const ::testing::TestParamInfo<Case>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Isolation, PolicyRuleTest, ::testing::ValuesIn(IsolationCases()), NameOf);
INSTANTIATE_TEST_SUITE_P(Image, PolicyRuleTest, ::testing::ValuesIn(ImageCases()), NameOf);
INSTANTIATE_TEST_SUITE_P(Resource, PolicyRuleTest, ::testing::ValuesIn(ResourceCases()), NameOf);
INSTANTIATE_TEST_SUITE_P(Access, PolicyRuleTest, ::testing::ValuesIn(AccessCases()), NameOf);
INSTANTIATE_TEST_SUITE_P(Egress, PolicyRuleTest, ::testing::ValuesIn(EgressPolicyCases()), NameOf);
INSTANTIATE_TEST_SUITE_P(Credential, PolicyRuleTest, ::testing::ValuesIn(CredentialPolicyCases()),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(AgentSettings, PolicyRuleTest,
                         ::testing::ValuesIn(AgentSettingsPolicyCases()), NameOf);
INSTANTIATE_TEST_SUITE_P(Lifetime, PolicyRuleTest, ::testing::ValuesIn(LifetimePolicyCases()),
                         NameOf);

TEST(PolicyRulesTest, EveryRuleOfAPolicyHasACaseThatBreaksItAndOneThatPasses) {
  std::set<std::string> broken;
  for (const auto& cases :
       {IsolationCases(), ImageCases(), ResourceCases(), AccessCases(), EgressPolicyCases(),
        CredentialPolicyCases(), AgentSettingsPolicyCases(), LifetimePolicyCases()}) {
    for (const Case& c : cases) {
      for (const std::string& found : c.found) broken.insert(found.substr(0, found.find(' ')));
    }
  }
  std::set<std::string> rules;
  for (const Rule* rule : Rules()) {
    if (rule->judges == JudgedObject::kByPolicy) rules.emplace(rule->code);
  }
  EXPECT_EQ(broken, rules);
}

TEST(EvaluatePoliciesTest, AllThatApplyApplyTogether) {
  Json sandbox = PlainSandbox();
  sandbox["spec"]["access"] = {{"portForward", "Allow"}};
  const auto findings =
      JudgeByPolicies(sandbox, {MakePolicy("a", "minimumIsolation: MicroVM"),
                                MakePolicy("b", "{minimumIsolation: MicroVM, enforcement: Warn}"),
                                MakePolicy("c",
                                           "{access: {forbidPortForward: true}, "
                                           "enforcement: Audit}")});
  EXPECT_THAT(Summaries(findings), ElementsAre("a IsolationBelowMinimum spec.isolation",
                                               "b IsolationBelowMinimum spec.isolation",
                                               "c AccessForbidden spec.access.portForward"));
  EXPECT_EQ(findings[0].finding.severity, Severity::kError);
  EXPECT_EQ(findings[1].finding.severity, Severity::kWarning);
  EXPECT_EQ(findings[1].enforcement, api::Enforcement::kWarn);
  EXPECT_EQ(findings[2].finding.severity, Severity::kWarning);
  EXPECT_EQ(findings[2].enforcement, api::Enforcement::kAudit);
}

TEST(EvaluatePoliciesTest, NoPolicyFindsNothing) {
  EXPECT_THAT(JudgeByPolicies(PlainSandbox(), {}), IsEmpty());
}

TEST(EvaluatePoliciesTest, MessageSaysWhatIsWrongAndWhatToWrite) {
  const auto findings = JudgeByPolicies(
      PlainSandbox(), {MakePolicy("reg", "images: {allowedRegistries: [ghcr.io/acme]}"),
                       MakePolicy("size", "resources: {max: {cpu: 500m}}")});
  ASSERT_THAT(findings, SizeIs(2));
  EXPECT_EQ(findings[0].finding.message,
            "\"docker.io/library/python:3.13-slim\" comes from no allowed registry; use an image "
            "of ghcr.io/acme (policy \"reg\")");
  EXPECT_EQ(findings[1].finding.message,
            "the sandbox may use 2 of cpu, as this limit is unset and a default takes its place; "
            "set limits of at most 500m for all of its containers together (policy \"size\")");
}

TEST(EvaluatePoliciesTest, DefaultLimitsAreThoseOfTheFacts) {
  Facts facts;
  facts.default_limits[0] = api::Quantity::Parse("100m").value();
  EXPECT_THAT(
      JudgeByPolicies(PlainSandbox(), {MakePolicy("p", "resources: {max: {cpu: 500m}}")}, facts),
      IsEmpty());
}

TEST(EvaluateTest, GivesBothAtOnce) {
  Json sandbox = PlainSandbox();
  sandbox["spec"]["podTemplate"]["spec"]["hostPID"] = true;
  const codec::JsonDocument document = codec::ParseTrusted(sandbox);
  const auto decoded = api::DecodeAgentSandbox(document.root());
  ASSERT_TRUE(decoded.ok());
  const std::vector<SharedPolicy> policies = {MakePolicy("p", "minimumIsolation: MicroVM")};
  const Judgement judgement =
      Evaluate(*decoded, api::PodView(document.root()["spec"]["podTemplate"], "spec.podTemplate"),
               {}, policies);
  EXPECT_THAT(ErrorsOf(judgement.floor),
              ElementsAre("HostNamespace spec.podTemplate.spec.hostPID"));
  EXPECT_THAT(Summaries(judgement.by_policies),
              ElementsAre("p IsolationBelowMinimum spec.isolation"));
}

// ---- What an update adds

class WhatStandsTest : public ::testing::Test {
 protected:
  std::vector<std::string> Added(const std::string& before, const std::string& now) const {
    return AddedTo(JudgeByPolicies(SandboxWith(before), policies_),
                   JudgeByPolicies(SandboxWith(now), policies_));
  }
  static std::vector<std::string> AddedTo(const std::vector<PolicyFinding>& before,
                                          std::vector<PolicyFinding> now) {
    MarkWhatStands(now, before);
    std::erase_if(now, [](const PolicyFinding& finding) { return finding.stands; });
    return Summaries(now);
  }
  static std::string Containers(const std::string& list) { return kContainers + list + "}}"; }

  std::vector<SharedPolicy> policies_ = {
      MakePolicy("p",
                 "{images: {allowedRegistries: [ghcr.io/acme]}, resources: {max: {cpu: 4}}, "
                 "minimumIsolation: MicroVM}")};
  const std::string micro_ = "\nisolation: MicroVM";
};

TEST_F(WhatStandsTest, WhatWasThereBeforeIsNotAdded) {
  const std::string bad = Containers("[{name: a, image: 'x.io/a:1'}]");
  EXPECT_THAT(Added(bad, bad), IsEmpty());
  EXPECT_THAT(Added(bad, bad + "\ninputTrust: Trusted"), IsEmpty());
}

TEST_F(WhatStandsTest, AnotherForbiddenImageIsAdded) {
  EXPECT_THAT(Added(Containers("[{name: a, image: 'x.io/a:1'}]"),
                    Containers("[{name: a, image: 'x.io/a:2'}]")),
              ElementsAre("p ImageRegistry spec.podTemplate.spec.containers[0].image"));
}

TEST_F(WhatStandsTest, AContainerThatMovesAddsNothing) {
  EXPECT_THAT(
      Added(Containers("[{name: a, image: 'x.io/a:1'}]"),
            Containers("[{name: b, image: 'ghcr.io/acme/b:1'}, {name: a, image: 'x.io/a:1'}]")),
      IsEmpty());
  // Nor does it hide what has taken its place.
  EXPECT_THAT(Added(Containers("[{name: a, image: 'x.io/a:1'}]"),
                    Containers("[{name: b, image: 'y.io/b:1'}, {name: a, image: 'x.io/a:1'}]")),
              ElementsAre("p ImageRegistry spec.podTemplate.spec.containers[0].image"));
}

TEST_F(WhatStandsTest, ASecondContainerWithTheSameImageIsAdded) {
  EXPECT_THAT(Added(Containers("[{name: a, image: 'x.io/a:1', resources: {limits: {cpu: 1}}}]"),
                    Containers("[{name: a, image: 'x.io/a:1', resources: {limits: {cpu: 1}}}, "
                               "{name: b, image: 'x.io/a:1', resources: {limits: {cpu: 1}}}]")),
              SizeIs(1));
}

TEST_F(WhatStandsTest, OfTwoAlikeTheOneThatCameIsNamed) {
  EXPECT_THAT(Added(Containers("[{name: a, image: 'x.io/a:1'}]"),
                    "podTemplate: {spec: {initContainers: [{name: i, image: 'x.io/a:1'}], "
                    "containers: [{name: a, image: 'x.io/a:1'}]}}"),
              ElementsAre("p ImageRegistry spec.podTemplate.spec.initContainers[0].image"));
}

TEST_F(WhatStandsTest, ContainersThatChangePlacesAddNothing) {
  const auto with = [](const std::string& first, const std::string& second) {
    return Containers(
        "[{name: a, image: 'ghcr.io/acme/a:1', resources: {limits: {cpu: " + first +
        "}}}, {name: b, image: 'ghcr.io/acme/a:1', resources: {limits: {cpu: " + second + "}}}]");
  };
  EXPECT_THAT(Added(with("8", "9"), with("9", "8")), IsEmpty());
  EXPECT_THAT(Added(with("8", "9"), with("9", "9")), SizeIs(1));
}

TEST_F(WhatStandsTest, AnImageThatBecomesAVolumeIsAdded) {
  EXPECT_THAT(
      Added(Containers("[{name: a, image: 'x.io/a:1'}]"),
            "podTemplate: {spec: {containers: [{name: a, image: 'ghcr.io/acme/a:1'}], volumes: "
            "[{name: v, image: {reference: 'x.io/a:1'}}]}}"),
      ElementsAre("p ImageRegistry spec.podTemplate.spec.volumes[0].image.reference"));
}

TEST_F(WhatStandsTest, MoreOfAResourceIsAddedAndLessIsNot) {
  const auto with = [](const std::string& cpu) {
    return Containers("[{name: a, image: 'ghcr.io/acme/a:1', resources: {limits: {cpu: " + cpu +
                      "}}}]");
  };
  EXPECT_THAT(Added(with("8"), with("9")),
              ElementsAre("p ResourceAboveMaximum spec.podTemplate.spec.containers[0].resources"
                          ".limits[cpu]"));
  EXPECT_THAT(Added(with("8"), with("8000m")), IsEmpty());
  EXPECT_THAT(Added(with("8"), with("5")), IsEmpty());
  EXPECT_THAT(Added(with("1"), with("5")), SizeIs(1));
}

TEST_F(WhatStandsTest, WeakerIsolationIsAddedAndStrongerIsNot) {
  const std::string trusted = "inputTrust: Trusted\nisolation: ";
  EXPECT_THAT(Added(trusted + "GVisor", trusted + "Container"),
              ElementsAre("p IsolationBelowMinimum spec.isolation"));
  EXPECT_THAT(Added(trusted + "Container", trusted + "GVisor"), IsEmpty());
}

TEST_F(WhatStandsTest, WhatOnePolicyKnewAnotherMayStillAdd) {
  const auto before =
      JudgeByPolicies(PlainSandbox(), {MakePolicy("a", "minimumIsolation: MicroVM")});
  const auto now = JudgeByPolicies(PlainSandbox(), {MakePolicy("b", "minimumIsolation: MicroVM")});
  EXPECT_THAT(AddedTo(before, now), SizeIs(1));
}

}  // namespace
}  // namespace stockade::policy
