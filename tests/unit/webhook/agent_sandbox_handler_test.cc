#include "webhook/agent_sandbox_handler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "reviews.h"
#include "tests/fakes/fake_cluster_view.h"
#include "tests/fakes/fake_secret_access.h"

namespace stockade::webhook {
namespace {

using codec::Json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

AdmissionResponse Answer(const Json& review, const policy::Facts& facts = {},
                         const SecretAccess& secrets = testing::FakeSecretAccess()) {
  const codec::JsonDocument document = codec::ParseTrusted(review);
  const auto request = DecodeAdmissionReview(document.root());
  EXPECT_TRUE(request.ok()) << request.status().ToString();
  const testing::FakeClusterView cluster;
  return request.ok() ? AgentSandboxHandler(facts, cluster, secrets).Review(*request)
                      : AdmissionResponse();
}

Json& PodSpec(Json& sandbox) { return sandbox["spec"]["podTemplate"]["spec"]; }

Json Privileged() {
  Json sandbox = GoodSandbox();
  PodSpec(sandbox)["containers"][0]["securityContext"]["privileged"] = true;
  return sandbox;
}

Json Deleting(Json sandbox) {
  sandbox["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  sandbox["metadata"]["finalizers"] = {"example.com/cleanup"};
  return sandbox;
}

std::vector<std::string> Codes(const AdmissionResponse& response) {
  std::vector<std::string> codes;
  for (const Cause& cause : response.causes) codes.push_back(cause.reason);
  return codes;
}

TEST(AgentSandboxHandlerTest, AllowsWhatIsClean) {
  for (const char* const operation : {"CREATE", "UPDATE"}) {
    const AdmissionResponse response = Answer(ReviewOf(operation, GoodSandbox(), GoodSandbox()));
    EXPECT_TRUE(response.allowed) << response.message;
    EXPECT_THAT(response.warnings, IsEmpty());
    EXPECT_THAT(response.audit_annotations, IsEmpty());
  }
}

TEST(AgentSandboxHandlerTest, DenialSaysWhatWhereAndWhatToDo) {
  const AdmissionResponse response = Answer(ReviewOf("CREATE", Privileged()));
  EXPECT_FALSE(response.allowed);
  constexpr const char* kField = "spec.podTemplate.spec.containers[0].securityContext.privileged";
  EXPECT_THAT(response.message, StartsWith("AgentSandbox \"team/agent\" is refused by 1 rule:\n- " +
                                           std::string(kField) + ": [PrivilegedContainer] "));
  ASSERT_THAT(response.causes, SizeIs(1));
  EXPECT_EQ(response.causes[0].reason, "PrivilegedContainer");
  EXPECT_EQ(response.causes[0].field, kField);
  const policy::Rule* const rule = policy::FindRule("PrivilegedContainer");
  ASSERT_NE(rule, nullptr);
  EXPECT_THAT(response.causes[0].message, HasSubstr(std::string(rule->remedy)));
  EXPECT_THAT(response.message, HasSubstr(response.causes[0].message));
  EXPECT_EQ(response.group, "stockade.dev");
  EXPECT_EQ(response.kind, "AgentSandbox");
  EXPECT_EQ(response.name, "agent");
  EXPECT_EQ(response.audit_annotations.at("findings"), "PrivilegedContainer");
}

TEST(AgentSandboxHandlerTest, ReportsAllFindingsAtOnce) {
  Json sandbox = Privileged();
  PodSpec(sandbox)["hostNetwork"] = true;
  PodSpec(sandbox)["hostPID"] = true;
  PodSpec(sandbox)["containers"][0]["securityContext"]["runAsUser"] = 0;
  PodSpec(sandbox)["initContainers"] = {
      {{"name", "stockade-init"}, {"image", "registry.example/agent:1"}}};
  const AdmissionResponse response = Answer(ReviewOf("CREATE", sandbox));
  EXPECT_FALSE(response.allowed);
  EXPECT_THAT(Codes(response),
              ::testing::UnorderedElementsAre("HostNamespace", "HostNamespace", "RootUser",
                                              "ReservedName", "PrivilegedContainer"));
  EXPECT_THAT(response.message, HasSubstr("is refused by 4 rules:\n"));
  for (const Cause& cause : response.causes) {
    EXPECT_THAT(response.message, HasSubstr("\n- " + cause.field + ": [" + cause.reason + "] "));
  }
}

TEST(AgentSandboxHandlerTest, WarnsOfWhatIsLegalButUnwise) {
  Json sandbox = GoodSandbox();
  PodSpec(sandbox)["containers"][0]["image"] = "registry.example/agent";
  const AdmissionResponse response = Answer(ReviewOf("CREATE", sandbox));
  EXPECT_TRUE(response.allowed) << response.message;
  EXPECT_THAT(
      response.warnings,
      ElementsAre(AllOf(StartsWith("spec.podTemplate.spec.containers[0].image: [ImageFloating] "),
                        HasSubstr("registry.example/agent"))));
  EXPECT_EQ(response.audit_annotations.at("findings"), "ImageFloating");
  EXPECT_THAT(response.causes, IsEmpty());
}

TEST(AgentSandboxHandlerTest, DenialCarriesTheWarningsToo) {
  Json sandbox = Privileged();
  PodSpec(sandbox)["containers"][0]["image"] = "registry.example/agent:latest";
  const AdmissionResponse response = Answer(ReviewOf("CREATE", sandbox));
  EXPECT_FALSE(response.allowed);
  EXPECT_THAT(Codes(response), ElementsAre("PrivilegedContainer"));
  EXPECT_THAT(response.warnings, ElementsAre(HasSubstr("[ImageFloating]")));
}

// CVE-2021-25735: what counts is what will be stored.
TEST(AgentSandboxHandlerTest, JudgesTheNewObjectAndNeverTheOldOne) {
  EXPECT_FALSE(Answer(ReviewOf("UPDATE", Privileged(), GoodSandbox())).allowed);
  EXPECT_TRUE(Answer(ReviewOf("UPDATE", GoodSandbox(), Privileged())).allowed);
  // No ratchet: that the old object was as bad excuses nothing.
  EXPECT_FALSE(Answer(ReviewOf("UPDATE", Privileged(), Privileged())).allowed);
  // An old object in a CREATE is none.
  EXPECT_FALSE(Answer(ReviewOf("CREATE", Privileged(), GoodSandbox())).allowed);
}

// CVE-2023-34091: a finalizer keeps an object, and its pod, alive as long as its owner likes.
TEST(AgentSandboxHandlerTest, JudgesAnObjectThatIsBeingDeleted) {
  EXPECT_FALSE(Answer(ReviewOf("CREATE", Deleting(Privileged()))).allowed);
  EXPECT_FALSE(Answer(ReviewOf("UPDATE", Deleting(Privileged()), GoodSandbox())).allowed);
  EXPECT_FALSE(Answer(ReviewOf("UPDATE", Deleting(Privileged()), Deleting(GoodSandbox()))).allowed);
  EXPECT_FALSE(Answer(ReviewOf("UPDATE", Privileged(), Deleting(Privileged()))).allowed);
  EXPECT_TRUE(Answer(ReviewOf("UPDATE", Deleting(GoodSandbox()), Deleting(GoodSandbox()))).allowed);
}

TEST(AgentSandboxHandlerTest, LetsAnOldBadObjectGo) {
  // Stored before the webhook was there: it is being deleted, and only its finalizer changes.
  Json without_finalizer = Deleting(Privileged());
  without_finalizer["metadata"].erase("finalizers");
  EXPECT_TRUE(Answer(ReviewOf("UPDATE", without_finalizer, Deleting(Privileged()))).allowed);
  // The order of keys is no change of the spec, any value is.
  Json changed = without_finalizer;
  PodSpec(changed)["containers"][0]["image"] = "registry.example/agent:2";
  EXPECT_FALSE(Answer(ReviewOf("UPDATE", changed, Deleting(Privileged()))).allowed);
  // Null counts as unset, as everywhere in Kubernetes.
  without_finalizer["metadata"]["deletionTimestamp"] = nullptr;
  EXPECT_FALSE(Answer(ReviewOf("UPDATE", without_finalizer, Deleting(Privileged()))).allowed);
}

TEST(AgentSandboxHandlerTest, DryRunIsJudgedAlike) {
  Json review = ReviewOf("CREATE", Privileged());
  const AdmissionResponse real = Answer(review);
  review["request"]["dryRun"] = true;
  const AdmissionResponse dry = Answer(review);
  EXPECT_FALSE(dry.allowed);
  EXPECT_EQ(dry.message, real.message);
}

TEST(AgentSandboxHandlerTest, DescribesAnObjectWhoseNameIsToBeGenerated) {
  Json sandbox = Privileged();
  sandbox["metadata"].erase("name");
  sandbox["metadata"]["generateName"] = "agent-";
  Json review = ReviewOf("CREATE", sandbox);
  review["request"].erase("name");
  EXPECT_THAT(Answer(review).message, StartsWith("AgentSandbox \"team/agent-*\" is refused by"));
}

TEST(AgentSandboxHandlerTest, GeneratedNameIsJudgedByItsObject) {
  Json sandbox = GoodSandbox();
  sandbox["metadata"].erase("name");
  sandbox["metadata"]["generateName"] = "agent-";
  Json review = ReviewOf("CREATE", sandbox);
  review["request"]["name"] = "";
  EXPECT_TRUE(Answer(review).allowed) << Answer(review).message;
}

TEST(AgentSandboxHandlerTest, RefusesARegistrationThatIsWrong) {
  const struct {
    const char* name;
    std::function<void(Json&)> damage;
    const char* message;
  } kCases[] = {
      {"another kind", [](Json& r) { r["request"]["kind"]["kind"] = "Pod"; }, "not Pod of"},
      {"another group", [](Json& r) { r["request"]["kind"]["group"] = "apps"; }, "of \"apps\""},
      {"no group", [](Json& r) { r["request"]["kind"].erase("group"); }, "of \"\""},
      {"another resource", [](Json& r) { r["request"]["resource"]["resource"] = "pods"; },
       "not pods of"},
      {"another group's resource", [](Json& r) { r["request"]["resource"]["group"] = "apps"; },
       "not agentsandboxes of \"apps\""},
      {"another version", [](Json& r) { r["request"]["kind"]["version"] = "v1"; },
       "judges stockade.dev/v1alpha1, not v1"},
      {"a subresource", [](Json& r) { r["request"]["subResource"] = "status"; },
       "not the subresource status"},
      {"deletion", [](Json& r) { r["request"]["operation"] = "DELETE"; },
       "judges CREATE and UPDATE, not DELETE"},
      {"connection", [](Json& r) { r["request"]["operation"] = "CONNECT"; }, "not CONNECT"},
      {"an object of another kind", [](Json& r) { r["request"]["object"]["kind"] = "Pod"; },
       "request.object is no stockade.dev/v1alpha1 AgentSandbox"},
      {"an object of another version",
       [](Json& r) { r["request"]["object"]["apiVersion"] = "stockade.dev/v1"; },
       "request.object is no"},
      {"an object without kind", [](Json& r) { r["request"]["object"].erase("kind"); },
       "request.object is no"},
  };
  for (const auto& test : kCases) {
    Json review = ReviewOf("CREATE", GoodSandbox());
    test.damage(review);
    const AdmissionResponse response = Answer(review);
    EXPECT_FALSE(response.allowed) << test.name;
    EXPECT_THAT(response.message, HasSubstr(test.message)) << test.name;
  }
}

TEST(AgentSandboxHandlerTest, RefusesWhatCannotBeUnderstoodWithEveryError) {
  Json sandbox = GoodSandbox();
  sandbox["spec"]["isolation"] = "gvisor";
  sandbox["spec"]["mounts"] = "none";
  sandbox["spec"]["operatingMode"] = 1;
  const AdmissionResponse response = Answer(ReviewOf("CREATE", sandbox));
  EXPECT_FALSE(response.allowed);
  EXPECT_THAT(
      response.message,
      AllOf(HasSubstr("cannot be understood:"), HasSubstr("\n- spec.isolation: "),
            HasSubstr("did you mean \"GVisor\"?"), HasSubstr("\n- spec.mounts: must be a list"),
            HasSubstr("\n- spec.operatingMode: ")));
  EXPECT_THAT(Codes(response),
              ElementsAre("FieldValueInvalid", "FieldValueInvalid", "FieldValueInvalid"));
}

TEST(AgentSandboxHandlerTest, RefusesAnObjectWithoutASpec) {
  for (const Json& spec : {Json(nullptr), Json::object(), Json("x"), Json::array()}) {
    Json sandbox = GoodSandbox();
    sandbox["spec"] = spec;
    EXPECT_FALSE(Answer(ReviewOf("CREATE", sandbox)).allowed) << spec;
  }
  Json sandbox = GoodSandbox();
  sandbox.erase("spec");
  EXPECT_FALSE(Answer(ReviewOf("CREATE", sandbox)).allowed);
  sandbox = GoodSandbox();
  sandbox["spec"]["podTemplate"]["spec"] = "x";
  EXPECT_FALSE(Answer(ReviewOf("CREATE", sandbox)).allowed);
}

TEST(AgentSandboxHandlerTest, KeepsTheAnswerToManyFindingsShort) {
  Json sandbox = GoodSandbox();
  Json container = PodSpec(sandbox)["containers"][0];
  container["securityContext"]["privileged"] = true;
  for (int i = 0; i < 1000; ++i) {
    container["name"] = "agent-" + std::to_string(i);
    PodSpec(sandbox)["containers"].push_back(container);
  }
  const AdmissionResponse response = Answer(ReviewOf("CREATE", sandbox));
  EXPECT_FALSE(response.allowed);
  EXPECT_THAT(response.causes, SizeIs(200));
  EXPECT_THAT(response.message, HasSubstr("\n- and 800 more"));
}

TEST(AgentSandboxHandlerTest, QuotesLongAndStrangeNamesShort) {
  Json review = ReviewOf("CREATE", Privileged());
  review["request"]["name"] = std::string(100'000, 'n');
  review["request"]["namespace"] = std::string(100'000, 's');
  EXPECT_LT(Answer(review).message.size(), 2000U);
}

TEST(AgentSandboxHandlerTest, UsesTheConfiguredFacts) {
  Json sandbox = GoodSandbox();
  sandbox["spec"]["podTemplate"]["metadata"]["annotations"]["corp.example/owner"] = "team";
  const Json review = ReviewOf("CREATE", sandbox);
  policy::Facts facts;
  EXPECT_THAT(Codes(Answer(review, facts)), ElementsAre("PodMetadata"));
  facts.allowed_metadata_prefixes.push_back("corp.example");
  EXPECT_TRUE(Answer(review, facts).allowed);
}

// Who may not read a Secret cannot have the gateway send it somewhere.
Json WithCredentials() {
  Json sandbox = GoodSandbox();
  sandbox["spec"]["credentials"] = Json::parse(R"([
    {"name": "forge", "header": {"name": "Authorization", "prefix": "Bearer ",
                                 "secretKeyRef": {"name": "forge-token", "key": "token"}}},
    {"name": "index", "basicAuth": {"username": "ci",
                                    "secretKeyRef": {"name": "index-password", "key": "p"}}},
    {"name": "cloud", "aws": {"roleARN": "arn:aws:iam::123456789012:role/agent",
                              "region": "eu-central-1", "service": "s3"}}])");
  sandbox["spec"]["egress"] = Json::parse(R"({"allow": [
    {"host": "forge.example.com", "credential": "forge"},
    {"host": "index.example.com", "credential": "index"},
    {"host": "bucket.s3.eu-central-1.amazonaws.com", "credential": "cloud"}]})");
  return sandbox;
}

TEST(AgentSandboxHandlerTest, WhoNamesASecretMustBeAllowedToReadIt) {
  testing::FakeSecretAccess secrets;
  EXPECT_TRUE(Answer(ReviewOf("CREATE", WithCredentials()), {}, secrets).allowed);
  EXPECT_THAT(secrets.asked, ElementsAre("forge-token", "index-password"));
  secrets.refused = {"index-password", "another"};
  const AdmissionResponse response = Answer(ReviewOf("CREATE", WithCredentials()), {}, secrets);
  EXPECT_FALSE(response.allowed);
  EXPECT_THAT(Codes(response), ElementsAre("CredentialNotReadable"));
  EXPECT_EQ(response.causes[0].field, "spec.credentials[1].basicAuth.secretKeyRef.name");
  EXPECT_THAT(response.message, HasSubstr("may not get the Secret \"index-password\""));
  secrets.refused = {"forge-token", "index-password"};
  EXPECT_THAT(Codes(Answer(ReviewOf("CREATE", WithCredentials()), {}, secrets)), SizeIs(2));
}

TEST(AgentSandboxHandlerTest, SoMustWhoChangesWhereItGoes) {
  testing::FakeSecretAccess secrets;
  secrets.refused = {"forge-token"};
  Json before = WithCredentials();
  Json moved = before;
  moved["spec"]["egress"]["allow"][0]["host"] = "forge.example.net";
  Json renamed = before;
  renamed["spec"]["credentials"][0]["header"]["name"] = "X-Token";
  for (const Json& after : {moved, renamed}) {
    EXPECT_THAT(Codes(Answer(ReviewOf("UPDATE", after, before), {}, secrets)),
                ElementsAre("CredentialNotReadable"));
  }
  // What leaves both as they are, or takes the Secret out, is anybody's to do.
  Json labelled = before;
  labelled["metadata"]["labels"]["team"] = "blue";
  labelled["spec"]["suspend"] = true;
  EXPECT_TRUE(Answer(ReviewOf("UPDATE", labelled, before), {}, secrets).allowed);
  Json without = before;
  without["spec"]["credentials"].erase(0);
  without["spec"]["egress"]["allow"].erase(0);
  EXPECT_TRUE(Answer(ReviewOf("UPDATE", without, before), {}, secrets).allowed);
}

TEST(AgentSandboxHandlerTest, WhatMayBeReadAndIsNotKnownIsRefused) {
  testing::FakeSecretAccess secrets;
  secrets.known = Status(StatusCode::kUnavailable, "the API server is away");
  const AdmissionResponse response = Answer(ReviewOf("CREATE", WithCredentials()), {}, secrets);
  EXPECT_FALSE(response.allowed);
  EXPECT_THAT(response.message, HasSubstr("cannot be judged: the API server is away"));
  EXPECT_TRUE(Answer(ReviewOf("CREATE", GoodSandbox()), {}, secrets).allowed);
  // What the floor has against it is told without asking.
  secrets.asked.clear();
  Json bad = WithCredentials();
  PodSpec(bad)["hostNetwork"] = true;
  EXPECT_THAT(Codes(Answer(ReviewOf("CREATE", bad), {}, secrets)), ElementsAre("HostNamespace"));
  EXPECT_THAT(secrets.asked, IsEmpty());
}

TEST(SubjectAccessReviewTest, AsksForTheUserAsTheRequestHasHim) {
  const codec::JsonDocument user = codec::ParseTrusted(Json::parse(R"({
    "username": "alice", "uid": "7", "groups": ["dev", "system:authenticated"],
    "extra": {"scopes": ["a"]}})"));
  EXPECT_EQ(MakeSubjectAccessReview("LocalSubjectAccessReview", user.root(), "team", "token"),
            Json::parse(R"({
    "apiVersion": "authorization.k8s.io/v1", "kind": "LocalSubjectAccessReview",
    "spec": {"user": "alice", "uid": "7", "groups": ["dev", "system:authenticated"],
             "extra": {"scopes": ["a"]},
             "resourceAttributes": {"group": "", "version": "v1", "resource": "secrets",
                                    "verb": "get", "namespace": "team", "name": "token"}}})"));
}

}  // namespace
}  // namespace stockade::webhook
