#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "reviews.h"
#include "tests/fakes/fake_cluster_view.h"
#include "tests/fakes/fake_secret_access.h"
#include "webhook/agent_sandbox_claim_handler.h"
#include "webhook/agent_sandbox_handler.h"
#include "webhook/verdict.h"
#include "webhook/watched_namespaces.h"

namespace stockade::webhook {
namespace {

using codec::Json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kOperator = "system:serviceaccount:stockade-system:stockade-operator";

Json Of(const std::string& kind, const std::string& resource, Json review) {
  for (const char* const key : {"kind", "requestKind"}) review["request"][key]["kind"] = kind;
  for (const char* const key : {"resource", "requestResource"}) {
    review["request"][key]["resource"] = resource;
  }
  return review;
}

Json TemplateOf(const Json& sandbox) {
  return {{"apiVersion", "stockade.dev/v1alpha1"},
          {"kind", "AgentSandboxTemplate"},
          {"metadata", sandbox["metadata"]},
          {"spec", {{"template", {{"spec", sandbox["spec"]}}}}}};
}

Json ReviewOfTemplate(const std::string& operation, const Json& object, const Json& old = nullptr) {
  return Of("AgentSandboxTemplate", "agentsandboxtemplates", ReviewOf(operation, object, old));
}

AdmissionResponse AnswerTemplate(const Json& review,
                                 const SecretAccess& secrets = testing::FakeSecretAccess()) {
  const codec::JsonDocument document = codec::ParseTrusted(review);
  const auto request = DecodeAdmissionReview(document.root());
  EXPECT_TRUE(request.ok()) << request.status().ToString();
  const testing::FakeClusterView cluster;
  return AgentSandboxHandler({}, cluster, secrets, kOperator).ReviewTemplate(*request);
}

AdmissionResponse AnswerClaim(const Json& spec) {
  const Json claim = {{"apiVersion", "stockade.dev/v1alpha1"},
                      {"kind", "AgentSandboxClaim"},
                      {"metadata", {{"name", "agent"}, {"namespace", "team"}}},
                      {"spec", spec}};
  const codec::JsonDocument document =
      codec::ParseTrusted(Of("AgentSandboxClaim", "agentsandboxclaims", ReviewOf("CREATE", claim)));
  const auto request = DecodeAdmissionReview(document.root());
  EXPECT_TRUE(request.ok()) << request.status().ToString();
  return ReviewAgentSandboxClaim(*request, {});
}

Json WithCredential(Json sandbox) {
  sandbox["spec"]["egress"] = {
      {"allow", Json::array({{{"host", "api.example.com"}, {"credential", "key"}}})}};
  sandbox["spec"]["credentials"] = Json::array(
      {{{"name", "key"},
        {"header",
         {{"name", "x-api-key"}, {"secretKeyRef", {{"name", "vault"}, {"key", "token"}}}}}}});
  return sandbox;
}

std::vector<std::string> Causes(const AdmissionResponse& response) {
  std::vector<std::string> causes;
  causes.reserve(response.causes.size());
  for (const Cause& cause : response.causes) causes.push_back(cause.reason + " " + cause.field);
  return causes;
}

TEST(TemplateReviewTest, AllowsWhatWouldPassAsASandbox) {
  const Json made_from = TemplateOf(GoodSandbox());
  for (const char* const operation : {"CREATE", "UPDATE"}) {
    const auto response = AnswerTemplate(ReviewOfTemplate(operation, made_from, made_from));
    EXPECT_TRUE(response.allowed) << response.message;
  }
}

TEST(TemplateReviewTest, RefusesWhatWouldBeRefusedAsASandboxAndSaysWhere) {
  Json sandbox = GoodSandbox();
  sandbox["spec"]["podTemplate"]["spec"]["hostNetwork"] = true;
  const auto response = AnswerTemplate(ReviewOfTemplate("CREATE", TemplateOf(sandbox)));
  EXPECT_FALSE(response.allowed);
  EXPECT_THAT(Causes(response),
              ElementsAre("HostNamespace spec.template.spec.podTemplate.spec.hostNetwork"));
  EXPECT_THAT(response.message, HasSubstr("AgentSandboxTemplate \"team/agent\" is refused"));
}

TEST(TemplateReviewTest, WhatCannotBeUnderstoodIsRefusedWithItsField) {
  Json sandbox = GoodSandbox();
  sandbox["spec"]["isolation"] = 7;
  auto response = AnswerTemplate(ReviewOfTemplate("CREATE", TemplateOf(sandbox)));
  EXPECT_FALSE(response.allowed);
  EXPECT_THAT(Causes(response), ElementsAre("FieldValueInvalid spec.template.spec.isolation"));
  Json made_from = TemplateOf(GoodSandbox());
  made_from["spec"]["claims"] = {{"envs", Json::array()}};
  response = AnswerTemplate(ReviewOfTemplate("CREATE", made_from));
  EXPECT_FALSE(response.allowed);
  EXPECT_THAT(Causes(response), ElementsAre("FieldValueInvalid spec.claims.envs"));
}

TEST(TemplateReviewTest, ItsAuthorMustBeAllowedToReadTheSecretsItNames) {
  testing::FakeSecretAccess secrets;
  secrets.refused = {"vault"};
  const Json made_from = TemplateOf(WithCredential(GoodSandbox()));
  EXPECT_THAT(Causes(AnswerTemplate(ReviewOfTemplate("CREATE", made_from), secrets)),
              ElementsAre("CredentialNotReadable "
                          "spec.template.spec.credentials[0].header.secretKeyRef.name"));
  EXPECT_TRUE(AnswerTemplate(ReviewOfTemplate("CREATE", made_from)).allowed);
}

TEST(TemplateReviewTest, OnlyTemplatesAreJudgedThere) {
  EXPECT_FALSE(AnswerTemplate(ReviewOf("CREATE", GoodSandbox())).allowed);
}

// What it makes from a template has been asked of the template's author.
TEST(TemplateReviewTest, TheOperatorCreatesSandboxesWithCredentialsItMayNotRead) {
  testing::FakeSecretAccess secrets;
  secrets.refused = {"vault"};
  const testing::FakeClusterView cluster;
  const AgentSandboxHandler handler({}, cluster, secrets, kOperator);
  const auto allowed = [&](const char* user, const char* operation) {
    Json review = ReviewOf(operation, WithCredential(GoodSandbox()), GoodSandbox());
    review["request"]["userInfo"]["username"] = user;
    const codec::JsonDocument document = codec::ParseTrusted(review);
    return handler.Review(*DecodeAdmissionReview(document.root())).allowed;
  };
  EXPECT_TRUE(allowed(kOperator, "CREATE"));
  EXPECT_FALSE(allowed(kOperator, "UPDATE"));
  EXPECT_FALSE(allowed("alice", "CREATE"));
}

TEST(ClaimReviewTest, AllowsWhatAddsNothingWrong) {
  const auto response = AnswerClaim({{"templateRef", {{"name", "t"}}},
                                     {"env", Json::array({{{"name", "MODE"}, {"value", "x"}}})},
                                     {"podMetadata", {{"labels", {{"team", "a"}}}}}});
  EXPECT_TRUE(response.allowed) << response.message;
  EXPECT_THAT(response.warnings, IsEmpty());
}

TEST(ClaimReviewTest, RefusesWhatTheFloorRefusesOfVariablesAndLabels) {
  const auto response =
      AnswerClaim({{"templateRef", {{"name", "t"}}},
                   {"env", Json::array({{{"name", "LD_PRELOAD"}, {"value", "x"}}})},
                   {"podMetadata", {{"labels", {{"stockade.dev/sandbox", "a"}}}}}});
  EXPECT_FALSE(response.allowed);
  EXPECT_THAT(Causes(response), ::testing::UnorderedElementsAre(
                                    "ReservedLabel spec.podMetadata.labels[stockade.dev/sandbox]",
                                    "DynamicLinkerEnv spec.env[0].name"));
}

TEST(ClaimReviewTest, NamesFieldsThatCannotBeUnderstood) {
  EXPECT_THAT(Causes(AnswerClaim({{"templateRef", {{"nam", "t"}}}, {"timeoutSeconds", "x"}})),
              ::testing::Contains("FieldValueInvalid spec.timeoutSeconds"));
  EXPECT_THAT(Causes(AnswerClaim(Json::object())), ElementsAre("FieldValueInvalid spec"));
}

AdmissionResponse AnswerWithin(std::vector<std::string> watched, const std::string& operation,
                               const Json& object, const Json& old = nullptr) {
  const codec::JsonDocument document = codec::ParseTrusted(ReviewOf(operation, object, old));
  const auto request = DecodeAdmissionReview(document.root());
  EXPECT_TRUE(request.ok()) << request.status().ToString();
  return WithinNamespaces(std::move(watched),
                          [](const AdmissionRequest&) { return Allow(); })(*request);
}

TEST(WithinNamespacesTest, WhatNobodyLooksAfterIsRefusedAndNamesWhereToGo) {
  const Json sandbox = GoodSandbox();
  const std::string here = sandbox["metadata"]["namespace"];
  EXPECT_TRUE(AnswerWithin({}, "CREATE", sandbox).allowed);
  EXPECT_TRUE(AnswerWithin({"another", here}, "CREATE", sandbox).allowed);
  const auto refused = AnswerWithin({"another", "third"}, "CREATE", sandbox);
  EXPECT_FALSE(refused.allowed);
  EXPECT_THAT(refused.message, HasSubstr("create it in one of another, third, or have"));
  EXPECT_FALSE(AnswerWithin({"another"}, "UPDATE", sandbox, sandbox).allowed);
}

TEST(WithinNamespacesTest, WhatIsBeingDeletedIsLetGo) {
  Json going = GoodSandbox();
  going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  EXPECT_TRUE(AnswerWithin({"another"}, "UPDATE", going, going).allowed);
  Json changed = going;
  changed["spec"]["isolation"] = "MicroVM";
  EXPECT_FALSE(AnswerWithin({"another"}, "UPDATE", changed, going).allowed);
}

TEST(WithinNamespacesTest, OfManyNamespacesTenAreNamed) {
  std::vector<std::string> many;
  many.reserve(12);
  for (int i = 0; i < 12; ++i) many.push_back("n" + std::to_string(i));
  EXPECT_THAT(AnswerWithin(many, "CREATE", GoodSandbox()).message, HasSubstr("n9 and 2 more, or"));
}

}  // namespace
}  // namespace stockade::webhook
