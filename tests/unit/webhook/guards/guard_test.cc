#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/names.h"
#include "guard_case.h"
#include "policy/compiled_policy.h"
#include "policy/guard_rules.h"
#include "policy/rule.h"
#include "tests/fakes/fake_cluster_view.h"
#include "tests/unit/sanitizers.h"
#include "webhook/guards/connect_guard.h"
#include "webhook/guards/guard_handler.h"
#include "webhook/guards/network_policy_guard.h"

namespace stockade::webhook {
namespace {

using codec::Json;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::StartsWith;

// The namespace "team" with three sandboxes, and what nobody uses.
testing::FakeClusterView TestCluster() {
  testing::FakeClusterView view;
  const auto add = [&view](const std::string& name, api::Access access) {
    view.sandboxes[{"team", name}] = {access,
                                      {{"app", name},
                                       {"app.kubernetes.io/managed-by", "stockade"},
                                       {"stockade.dev/sandbox", name}},
                                      false};
  };
  add("agent", {});
  add("closed", {.exec = api::Permission::kDeny,
                 .attach = api::Permission::kDeny,
                 .port_forward = api::Permission::kDeny});
  add("open", {.exec = api::Permission::kAllow,
               .attach = api::Permission::kAllow,
               .port_forward = api::Permission::kAllow});
  view.runtime_classes.insert("gvisor");
  return view;
}

// The same, and the namespace "out" with a sandbox and its gateway.
testing::FakeClusterView ClusterWithGateway() {
  testing::FakeClusterView view = TestCluster();
  view.sandboxes[{"out", "surfer"}] = {
      .access = {}, .labels = {{"stockade.dev/sandbox", "surfer"}}, .has_gateway = true};
  return view;
}

GuardConfig TestConfig() {
  GuardConfig config;
  config.trusted_users = {"cni"};
  config.trusted_groups = {"platform"};
  return config;
}

AdmissionResponse Answer(const Json& review, const ClusterView& view) {
  const codec::JsonDocument document = codec::ParseTrusted(review);
  const auto request = DecodeAdmissionReview(document.root());
  EXPECT_TRUE(request.ok()) << request.status().ToString();
  if (!request.ok()) return {};
  return GuardHandler(view, TestConfig()).Review(*request);
}

// The gateway is there for who asks about its namespace, so that it is no matter of other cases.
AdmissionResponse Answer(const Json& review) {
  return Answer(review, review["request"].value("namespace", "") == "out" ? ClusterWithGateway()
                                                                          : TestCluster());
}

std::vector<std::string> FindingsOf(const AdmissionResponse& response) {
  std::vector<std::string> findings;
  findings.reserve(response.causes.size());
  for (const Cause& cause : response.causes) findings.push_back(cause.reason + " " + cause.field);
  return findings;
}

class GuardTest : public ::testing::TestWithParam<GuardCase> {};

TEST_P(GuardTest, SaysWhatIsExpected) {
  const AdmissionResponse response = Answer(*GetParam().review);
  EXPECT_EQ(response.allowed, GetParam().findings.empty()) << response.message;
  EXPECT_THAT(FindingsOf(response), ElementsAreArray(GetParam().findings)) << response.message;
  EXPECT_THAT(response.warnings, IsEmpty());
}

TEST_P(GuardTest, IsTheSameInADryRun) {
  Json dry_run = *GetParam().review;
  dry_run["request"]["dryRun"] = true;
  EXPECT_EQ(Answer(dry_run).message, Answer(*GetParam().review).message);
}

std::string NameOf(const ::testing::TestParamInfo<GuardCase>& info) {
  std::string name;
  for (const char c : std::string(info.param.name)) {
    name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Pods, GuardTest, ::testing::ValuesIn(PodCases()), NameOf);
INSTANTIATE_TEST_SUITE_P(PodUpdates, GuardTest, ::testing::ValuesIn(PodUpdateCases()), NameOf);
INSTANTIATE_TEST_SUITE_P(Connections, GuardTest, ::testing::ValuesIn(ConnectCases()), NameOf);
INSTANTIATE_TEST_SUITE_P(OwnedObjects, GuardTest, ::testing::ValuesIn(OwnedObjectCases()), NameOf);
INSTANTIATE_TEST_SUITE_P(Gateways, GuardTest, ::testing::ValuesIn(GatewayCases()), NameOf);
INSTANTIATE_TEST_SUITE_P(NetworkPolicies, GuardTest, ::testing::ValuesIn(NetworkPolicyCases()),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(RuntimeClasses, GuardTest, ::testing::ValuesIn(RuntimeClassCases()),
                         NameOf);

TEST(GuardRulesTest, EachIsFoundByACase) {
  std::set<std::string> found;
  for (const GuardCase& test : AllGuardCases()) {
    for (const std::string& finding : test.findings) {
      found.insert(finding.substr(0, finding.find(' ')));
    }
  }
  for (const policy::Rule* rule : policy::Rules()) {
    if (rule->judges != policy::JudgedObject::kRequest) continue;
    // Of AgentSandboxes: agent_sandbox_handler_test.cc has it.
    if (rule->code == policy::kCredentialNotReadable) continue;
    EXPECT_THAT(found, Contains(rule->code));
  }
  EXPECT_THAT(found, Contains(policy::kEphemeralContainer));
}

TEST(GuardHandlerTest, RefusalSaysWhatWhoAndWhatToDo) {
  const AdmissionResponse response =
      Answer(Review({"CREATE", "pods", "Pod"}, User("alice"), SandboxPod()));
  EXPECT_EQ(response.message,
            "Pod \"team/asb-agent\" is refused by 1 rule:\n"
            "- metadata.labels[stockade.dev/sandbox]: [ForgedSandboxPod] \"alice\" is not the "
            "operator, which makes the pods of sandboxes; remove the label; create an "
            "AgentSandbox to run an agent");
  EXPECT_EQ(response.audit_annotations.at("findings"), "ForgedSandboxPod");
}

TEST(GuardHandlerTest, RefusalOfADeletionSaysSo) {
  Json review = Review({"DELETE", "pods", "Pod"}, User("alice"), nullptr, SandboxPod());
  review["request"]["options"] = {{"gracePeriodSeconds", 0}};
  EXPECT_THAT(Answer(review).message,
              StartsWith("deletion of Pod \"team/asb-agent\" is refused by 1 rule:\n"));
}

TEST(GuardHandlerTest, ContentsOfASecretAreNotTold) {
  Json secret = {
      {"kind", "Secret"},
      {"metadata", {{"name", "s"}, {"labels", {{"app.kubernetes.io/managed-by", "stockade"}}}}},
      {"data", {{"token", "aHVudGVyMg=="}}}};
  const Json review = Review({"UPDATE", "secrets", "Secret"}, User("alice"),
                             With(secret, "/data/token", "bmV3"), secret);
  const AdmissionResponse response = Answer(review);
  EXPECT_FALSE(response.allowed);
  EXPECT_THAT(response.message, AllOf(HasSubstr("data[token]"), Not(HasSubstr("aHVudGVyMg==")),
                                      Not(HasSubstr("bmV3"))));
}

std::shared_ptr<const policy::CompiledPolicy> ForbidAll(const char* enforcement) {
  const codec::JsonDocument document = codec::ParseTrusted(
      {{"metadata", {{"name", "doors"}}},
       {"spec",
        {{"enforcement", enforcement},
         {"access",
          {{"forbidExec", true}, {"forbidAttach", true}, {"forbidPortForward", true}}}}}});
  return policy::CompiledPolicy::Compile(document.root());
}

Json Stream(const char* part, const char* pod) {
  return Review({"CONNECT", part, "PodExecOptions"}, User("alice"),
                {{"container", "agent"}, {"metadata", {{"name", pod}}}});
}

TEST(GuardHandlerTest, PoliciesShutDoorsAsTheyAreEnforced) {
  const struct {
    const char* part;
    const char* pod;
    const char* finding;
  } kCases[] = {{"pods/exec", "asb-agent", "ExecForbidden spec.access.exec"},
                {"pods/attach", "asb-agent", "ExecForbidden spec.access.attach"},
                {"pods/portforward", "asb-open", "PortForward spec.access.portForward"}};
  for (const auto& test : kCases) {
    const std::string code =
        std::string(test.finding).substr(0, std::string(test.finding).find(' '));
    testing::FakeClusterView view = TestCluster();
    view.policies = {ForbidAll("Enforce")};
    AdmissionResponse response = Answer(Stream(test.part, test.pod), view);
    EXPECT_FALSE(response.allowed);
    EXPECT_THAT(FindingsOf(response), ElementsAreArray({std::string(test.finding)}));
    EXPECT_THAT(response.message, HasSubstr("(policy \"doors\")"));
    // Policies' and not the floor's: what is counted goes by these annotations, too.
    EXPECT_THAT(response.audit_annotations, ElementsAre(Pair("policies-enforce", "doors/" + code)));

    view.policies = {ForbidAll("Warn")};
    response = Answer(Stream(test.part, test.pod), view);
    EXPECT_TRUE(response.allowed) << response.message;
    EXPECT_THAT(response.warnings, ElementsAre(HasSubstr("[" + code + "]")));
    EXPECT_THAT(response.audit_annotations, ElementsAre(Pair("policies-warn", "doors/" + code)));

    view.policies = {ForbidAll("Audit")};
    response = Answer(Stream(test.part, test.pod), view);
    EXPECT_TRUE(response.allowed) << response.message;
    EXPECT_THAT(response.warnings, IsEmpty());
    EXPECT_THAT(response.audit_annotations, ElementsAre(Pair("policies-audit", "doors/" + code)));
  }
}

TEST(GuardHandlerTest, WhatTheSandboxShutsIsTheFloorsThoughAPolicyShutsItToo) {
  testing::FakeClusterView view = TestCluster();
  view.policies = {ForbidAll("Enforce")};
  const AdmissionResponse response = Answer(Stream("pods/exec", "asb-closed"), view);
  EXPECT_THAT(FindingsOf(response),
              ElementsAre("ExecForbidden spec.access.exec", "ExecForbidden spec.access.exec"));
  EXPECT_THAT(response.audit_annotations,
              ElementsAre(Pair("findings", "ExecForbidden"),
                          Pair("policies-enforce", "doors/ExecForbidden")));
}

// Asking for it in the sandbox would be refused, or change nothing.
TEST(GuardHandlerTest, WhatAPolicyShutsIsNotSaidToBeTheSandboxsToOpen) {
  testing::FakeClusterView view = TestCluster();
  view.policies = {ForbidAll("Enforce")};
  EXPECT_EQ(Answer(Stream("pods/exec", "asb-agent"), view).message,
            "pods/exec \"team/asb-agent\" is refused by 1 rule:\n"
            "- spec.access.exec: [ExecForbidden] access.forbidExec is set; ask whoever owns the "
            "policy: spec.access cannot allow it (policy \"doors\")");
  EXPECT_EQ(Answer(Stream("pods/portforward", "asb-open"), view).message,
            "pods/portforward \"team/asb-open\" is refused by 1 rule:\n"
            "- spec.access.portForward: [PortForward] access.forbidPortForward is set; allow peers "
            "in spec.ingress, or ask whoever owns the policy: spec.access cannot allow it (policy "
            "\"doors\")");
  // Where the sandbox says Deny as well.
  for (const auto& [part, pod] :
       {std::pair("pods/exec", "asb-closed"), std::pair("pods/attach", "asb-closed"),
        std::pair("pods/portforward", "asb-agent")}) {
    const std::string message = Answer(Stream(part, pod), view).message;
    EXPECT_THAT(message, HasSubstr("Allow would not help while the policy \"doors\" forbids it"));
    EXPECT_THAT(message, Not(AnyOf(HasSubstr("portForward: Allow"), HasSubstr("allow it in"))));
  }
  // A policy that only warns leaves it to the sandbox.
  view.policies = {ForbidAll("Warn")};
  EXPECT_THAT(Answer(Stream("pods/portforward", "asb-agent"), view).message,
              HasSubstr("write spec.access.portForward: Allow"));
}

TEST(GuardHandlerTest, PolicyThatCannotBeUnderstoodShutsEveryDoor) {
  testing::FakeClusterView view = TestCluster();
  view.policies = {ForbidAll("Sometimes")};
  ASSERT_NE(view.policies[0]->problem(), "");
  for (const char* const part : {"pods/exec", "pods/attach", "pods/portforward"}) {
    const AdmissionResponse response = Answer(Stream(part, "asb-open"), view);
    EXPECT_FALSE(response.allowed);
    EXPECT_THAT(response.message,
                HasSubstr("the AgentSandboxPolicy \"doors\" cannot be understood"));
  }
}

// Whatever the state of the cluster decides is refused while it is not known (CVE-2025-46342).
TEST(GuardHandlerTest, UnknownStateIsNotTakenForHarmless) {
  auto view = TestCluster();
  view.synced = Status(StatusCode::kUnavailable, "the cache of AgentSandboxes is not complete");
  Json exec = Review({"CONNECT", "pods/exec", "PodExecOptions"}, User("alice"),
                     {{"container", "agent"}, {"metadata", {{"name", "asb-agent"}}}});
  const Json policy = {{"kind", "NetworkPolicy"},
                       {"metadata", {{"name", "theirs"}}},
                       {"spec", {{"podSelector", Json::object()}, {"egress", {1}}}}};
  const Json runtime_class = {{"metadata", {{"name", "gvisor"}}}};
  const Json cilium = {{"metadata", {{"name", "theirs"}}}, {"spec", {{"egress", {1}}}}};
  const struct {
    const char* name;
    Json review;
  } kCases[] = {
      {"exec", exec},
      {"port-forward", Review({"CONNECT", "pods/portforward", "PodPortForwardOptions"},
                              User("alice"), {{"metadata", {{"name", "asb-agent"}}}})},
      {"policy", Review({"CREATE", "networking.k8s.io/networkpolicies", "NetworkPolicy"},
                        User("alice"), policy)},
      {"policy of a plugin",
       Review({"CREATE", "cilium.io/ciliumnetworkpolicies", "CiliumNetworkPolicy"}, User("alice"),
              cilium)},
      {"RuntimeClass", Review({"DELETE", "node.k8s.io/runtimeclasses", "RuntimeClass"}, Admin(),
                              nullptr, runtime_class)},
  };
  for (const auto& test : kCases) {
    const AdmissionResponse response = Answer(test.review, view);
    EXPECT_FALSE(response.allowed) << test.name;
    EXPECT_THAT(response.message, HasSubstr("cannot be judged: the cache of AgentSandboxes"))
        << test.name;
  }
}

TEST(GuardHandlerTest, RefusesARegistrationThatIsWrong) {
  const struct {
    const char* name;
    Json review;
  } kCases[] = {
      {"another resource", Review({"CREATE", "nodes", "Node"}, User("alice"), OtherPod())},
      {"another group",
       Review({"CREATE", "apps.k8s.io/deployments", "Deployment"}, User("alice"), OtherPod())},
      {"a subresource without a guard", Review({"UPDATE", "services/somethingnew", "Service"},
                                               User("alice"), OtherPod(), OtherPod())},
      {"a subresource of pods without a guard",
       Review({"CREATE", "pods/somethingnew", "Pod"}, User("alice"), OtherPod())},
      {"a stream without a guard",
       Review({"CONNECT", "pods/somethingnew", "Options"}, User("alice"), OtherPod())},
      {"a stream to a node",
       Review({"CONNECT", "nodes/proxy", "NodeProxyOptions"}, User("alice"), OtherPod())},
      {"a stream of a policy",
       Review({"CONNECT", "networking.k8s.io/networkpolicies", "x"}, User("alice"), OtherPod())},
      {"exec that is no stream",
       Review({"CREATE", "pods/exec", "PodExecOptions"}, User("alice"), OtherPod())},
  };
  for (const auto& test : kCases) {
    const AdmissionResponse response = Answer(test.review);
    EXPECT_FALSE(response.allowed) << test.name;
    EXPECT_THAT(response.message,
                AnyOf(HasSubstr("correct the rules"), HasSubstr("the guards know no")))
        << test.name;
  }
}

// No API server sends such objects; whoever does must not bring the webhook down.
TEST(GuardHandlerTest, ObjectsOfAnyShapeGetAnAnswer) {
  const Json strange[] = {nullptr,
                          1,
                          "x",
                          Json::array({1, "x", nullptr, Json::object()}),
                          Json::object({{"0", 1}}),
                          Json::array({Json::array()})};
  std::size_t answers = 0;
  std::size_t number = 0;
  constexpr std::size_t kStride = kUnderSanitizer ? 5 : 1;
  for (const GuardCase& test : AllGuardCases()) {
    if (number++ % kStride != 0) continue;
    for (const char* const pointer :
         {"/metadata", "/metadata/labels", "/metadata/ownerReferences", "/metadata/finalizers",
          "/spec", "/spec/containers", "/spec/egress", "/spec/endpointSelector",
          "/spec/endpointSelector/matchExpressions", "/spec/podSelector", "/spec/selector",
          "/specs", "/status", "/data", "/deleteOptions", "/container"}) {
      for (const Json& value : strange) {
        for (const char* const which : {"object", "oldObject"}) {
          Json review = *test.review;
          Json& object = review["request"][which];
          const Json::json_pointer path(pointer);
          if (!object.is_object() ||
              (!path.parent_pointer().empty() && !(object.contains(path.parent_pointer()) &&
                                                   object[path.parent_pointer()].is_object()))) {
            continue;
          }
          object[path] = value;
          const AdmissionResponse response = Answer(review);
          EXPECT_TRUE(response.allowed || !response.message.empty()) << test.name << pointer;
          ++answers;
        }
      }
    }
  }
  EXPECT_GT(answers, 10'000U / kStride);
}

TEST(GuardHandlerTest, RefusesAReviewWithoutTheObjectsToJudge) {
  for (const Json& review :
       {Review({"UPDATE", "pods", "Pod"}, User("alice"), SandboxPod()),
        Review({"DELETE", "pods", "Pod"}, User("alice"), nullptr, nullptr),
        Review({"CONNECT", "pods/exec", "PodExecOptions"}, User("alice"), nullptr)}) {
    const AdmissionResponse response = Answer(review);
    EXPECT_FALSE(response.allowed);
    EXPECT_THAT(response.message, HasSubstr("the review lacks the object"));
  }
}

// A configuration without a name for the operator makes nobody the operator.
TEST(GuardHandlerTest, EmptyNamesAreNobodys) {
  GuardConfig config;
  config.operator_user = "";
  config.trusted_users = {""};
  Json review = Review({"CREATE", "pods", "Pod"}, User(""), SandboxPod());
  const codec::JsonDocument document = codec::ParseTrusted(review);
  const auto request = DecodeAdmissionReview(document.root());
  ASSERT_TRUE(request.ok());
  const testing::FakeClusterView view = TestCluster();
  EXPECT_FALSE(GuardHandler(view, config).Review(*request).allowed);
}

TEST(ProxyNameTest, IsRecognisedInEveryForm) {
  for (const char* const name :
       {"asb-agent", "asb-agent:80", "http:asb-agent:", "https:asb-agent:443", ":asb-agent:x"}) {
    EXPECT_TRUE(IsProxyNameOfSandbox(name)) << name;
  }
  for (const char* const name : {"web", "web:80", "http:web:", "my-asb-agent", ""}) {
    EXPECT_FALSE(IsProxyNameOfSandbox(name)) << name;
  }
}

TEST(CalicoSelectorTest, ExcludesSandboxesOnlyWhereItIsCertain) {
  for (const char* const selector :
       {"!has(stockade.dev/sandbox)", "app == 'a' && !has(stockade.dev/sandbox)",
        "! has( stockade.dev/sandbox )&&all()", "!has(stockade.dev/sandbox) && a == \"x\""}) {
    EXPECT_TRUE(CalicoSelectorExcludes(selector, api::kSandboxLabel)) << selector;
  }
  for (const char* const selector :
       {"", "all()", "has(stockade.dev/sandbox)", "!has(stockade.dev/sandboxes)",
        "all() || !has(stockade.dev/sandbox)", "!(has(a) && !has(stockade.dev/sandbox))",
        "a == '&& !has(stockade.dev/sandbox) &&'", "a == 'x && !has(stockade.dev/sandbox)'",
        "a == \"'\" && b == '&&!has(stockade.dev/sandbox)&&'", "!!has(stockade.dev/sandbox)"}) {
    EXPECT_FALSE(CalicoSelectorExcludes(selector, api::kSandboxLabel)) << selector;
  }
}

}  // namespace
}  // namespace stockade::webhook
