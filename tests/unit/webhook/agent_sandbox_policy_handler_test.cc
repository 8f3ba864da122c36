#include "webhook/agent_sandbox_policy_handler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "reviews.h"
#include "tests/unit/policy/policies.h"

namespace stockade::webhook {
namespace {

using codec::Json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Json ReviewOfPolicy(const std::string& operation, const Json& object,
                    const Json& old_object = nullptr) {
  Json review = ReviewOf(operation, object, old_object);
  Json& request = review["request"];
  request["kind"]["kind"] = "AgentSandboxPolicy";
  request["resource"]["resource"] = "agentsandboxpolicies";
  request["name"] = "baseline";
  request.erase("namespace");
  return review;
}

AdmissionResponse Answer(const Json& review) {
  const codec::JsonDocument document = codec::ParseTrusted(review);
  const auto request = DecodeAdmissionReview(document.root());
  EXPECT_TRUE(request.ok()) << request.status().ToString();
  return request.ok() ? ReviewAgentSandboxPolicy(*request) : AdmissionResponse();
}

Json Policy(const std::string& spec) {
  return policy::PolicyObject("baseline", spec).root().ToJson();
}

TEST(AgentSandboxPolicyHandlerTest, AllowsWhatCanBeApplied) {
  for (const char* const operation : {"CREATE", "UPDATE"}) {
    const Json object = Policy("images: {allowedRegistries: [ghcr.io/acme]}");
    const AdmissionResponse response = Answer(ReviewOfPolicy(operation, object, object));
    EXPECT_TRUE(response.allowed) << response.message;
    EXPECT_THAT(response.warnings, IsEmpty());
  }
}

TEST(AgentSandboxPolicyHandlerTest, RefusesWithEveryField) {
  const AdmissionResponse response = Answer(
      ReviewOfPolicy("CREATE", Policy("{images: {allowedRegistries: [acme, 'https://x.io']}, "
                                      "resources: {max: {cpu: none}}, enforcment: Audit}")));
  EXPECT_FALSE(response.allowed);
  EXPECT_THAT(response.message,
              HasSubstr("AgentSandboxPolicy \"baseline\" cannot be applied:\n- "));
  EXPECT_THAT(response.message, HasSubstr("\n- spec.enforcment: is not a known field; did you "
                                          "mean \"enforcement\"?"));
  ASSERT_THAT(response.causes, SizeIs(4));
  EXPECT_EQ(response.causes[1].field, "spec.images.allowedRegistries[0]");
  EXPECT_THAT(response.message, HasSubstr("names no registry"));
}

TEST(AgentSandboxPolicyHandlerTest, RefusesWhatSelectsNothing) {
  EXPECT_THAT(Answer(ReviewOfPolicy("UPDATE",
                                    Policy("namespaceSelector: {matchLabels: {a: b}, "
                                           "matchExpressions: [{key: a, operator: "
                                           "DoesNotExist}]}"),
                                    Policy("{}")))
                  .message,
              HasSubstr("spec.namespaceSelector: selects no namespace"));
}

TEST(AgentSandboxPolicyHandlerTest, WarnsOfAPolicyThatDemandsNothing) {
  const AdmissionResponse response = Answer(ReviewOfPolicy("CREATE", Policy("enforcement: Warn")));
  EXPECT_TRUE(response.allowed);
  EXPECT_THAT(response.warnings, ElementsAre(HasSubstr("demands nothing")));
}

TEST(AgentSandboxPolicyHandlerTest, LetsAnOldBadPolicyGo) {
  Json bad = Policy("images: {allowedRegistries: [acme]}");
  EXPECT_FALSE(Answer(ReviewOfPolicy("UPDATE", bad, bad)).allowed);
  bad["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  EXPECT_TRUE(Answer(ReviewOfPolicy("UPDATE", bad, bad)).allowed);
}

TEST(AgentSandboxPolicyHandlerTest, RefusesARegistrationThatIsWrong) {
  EXPECT_THAT(Answer(ReviewOf("CREATE", GoodSandbox())).message,
              HasSubstr("this webhook judges AgentSandboxPolicies"));
  EXPECT_FALSE(Answer(ReviewOfPolicy("DELETE", Policy("{}"), Policy("{}"))).allowed);
}

}  // namespace
}  // namespace stockade::webhook
