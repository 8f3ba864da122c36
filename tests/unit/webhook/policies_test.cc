#include "tests/unit/policy/policies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "reviews.h"
#include "tests/fakes/fake_cluster_view.h"
#include "tests/fakes/fake_secret_access.h"
#include "webhook/agent_sandbox_handler.h"

// AgentSandboxes under policies: what is denied, warned of and recorded.
namespace stockade::webhook {
namespace {

using codec::Json;
using policy::MakePolicy;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr const char* kRegistry = "images: {allowedRegistries: [ghcr.io/acme]}";

class PoliciesTest : public ::testing::Test {
 protected:
  AdmissionResponse Answer(const std::string& operation, const Json& object,
                           const Json& old_object = nullptr) const {
    const codec::JsonDocument document =
        codec::ParseTrusted(ReviewOf(operation, object, old_object));
    const auto request = DecodeAdmissionReview(document.root());
    EXPECT_TRUE(request.ok()) << request.status().ToString();
    const testing::FakeSecretAccess secrets;
    return request.ok() ? AgentSandboxHandler({}, cluster_, secrets).Review(*request)
                        : AdmissionResponse();
  }
  void Add(const std::string& name, const std::string& enforcement, const std::string& spec) {
    cluster_.policies.push_back(
        MakePolicy(name, "{enforcement: " + enforcement + ", " + spec + "}"));
  }
  static Json SandboxWithImage(const std::string& image) {
    Json sandbox = GoodSandbox();
    sandbox["spec"]["podTemplate"]["spec"]["containers"][0]["image"] = image;
    return sandbox;
  }

  testing::FakeClusterView cluster_;
};

TEST_F(PoliciesTest, EnforceDenies) {
  Add("baseline", "Enforce", kRegistry);
  const AdmissionResponse response = Answer("CREATE", GoodSandbox());
  EXPECT_FALSE(response.allowed);
  EXPECT_THAT(response.message,
              HasSubstr("AgentSandbox \"team/agent\" is refused by 1 rule:\n- "
                        "spec.podTemplate.spec.containers[0].image: [ImageRegistry] "));
  EXPECT_THAT(response.message, HasSubstr("(policy \"baseline\")"));
  ASSERT_EQ(response.causes.size(), 1U);
  EXPECT_EQ(response.causes[0].reason, "ImageRegistry");
  EXPECT_THAT(response.warnings, IsEmpty());
  EXPECT_THAT(response.audit_annotations,
              ElementsAre(Pair("policies-enforce", "baseline/ImageRegistry")));
}

TEST_F(PoliciesTest, WarnWarnsAndAuditRecords) {
  Add("soft", "Warn", kRegistry);
  Add("silent", "Audit", "minimumIsolation: MicroVM");
  const AdmissionResponse response = Answer("CREATE", GoodSandbox());
  EXPECT_TRUE(response.allowed) << response.message;
  EXPECT_THAT(response.warnings,
              ElementsAre(AllOf(HasSubstr("[ImageRegistry]"), HasSubstr("(policy \"soft\")"))));
  EXPECT_THAT(response.audit_annotations,
              ElementsAre(Pair("policies-audit", "silent/IsolationBelowMinimum"),
                          Pair("policies-warn", "soft/ImageRegistry")));
}

TEST_F(PoliciesTest, EachPolicyOnlyNarrows) {
  Add("a", "Enforce", "images: {allowedRegistries: [registry.example]}");
  EXPECT_TRUE(Answer("CREATE", GoodSandbox()).allowed);
  Add("b", "Enforce", kRegistry);
  EXPECT_FALSE(Answer("CREATE", GoodSandbox()).allowed);
}

TEST_F(PoliciesTest, UpdateIsDeniedForWhatItAddsAlone) {
  Add("baseline", "Enforce", kRegistry);
  const Json old = GoodSandbox();
  Json relabelled = old;
  relabelled["metadata"]["labels"] = {{"a", "b"}};
  const AdmissionResponse kept = Answer("UPDATE", relabelled, old);
  EXPECT_TRUE(kept.allowed) << kept.message;
  EXPECT_THAT(kept.warnings, ElementsAre(HasSubstr("[ImageRegistry]")));
  EXPECT_THAT(kept.audit_annotations, ElementsAre(Pair("policies-warn", "baseline/ImageRegistry")));

  EXPECT_FALSE(Answer("UPDATE", SandboxWithImage("registry.example/agent:2"), old).allowed);
  EXPECT_TRUE(Answer("UPDATE", SandboxWithImage("ghcr.io/acme/agent:2"), old).allowed);
  // And never back.
  EXPECT_FALSE(Answer("UPDATE", old, SandboxWithImage("ghcr.io/acme/agent:2")).allowed);
}

TEST_F(PoliciesTest, AnOldObjectThatCannotBeReadExcusesNothing) {
  Add("baseline", "Enforce", kRegistry);
  Json unreadable = GoodSandbox();
  unreadable["spec"]["isolation"] = "None";
  EXPECT_FALSE(Answer("UPDATE", GoodSandbox(), unreadable).allowed);
  EXPECT_FALSE(Answer("UPDATE", GoodSandbox()).allowed);
}

TEST_F(PoliciesTest, TheFloorKnowsNoMercy) {
  Json bad = GoodSandbox();
  bad["spec"]["podTemplate"]["spec"]["hostPID"] = true;
  EXPECT_FALSE(Answer("UPDATE", bad, bad).allowed);
  // Nor does a policy that only warns.
  Add("soft", "Warn", kRegistry);
  const AdmissionResponse response = Answer("UPDATE", bad, bad);
  EXPECT_FALSE(response.allowed);
  EXPECT_THAT(response.warnings, ElementsAre(HasSubstr("[ImageRegistry]")));
  EXPECT_THAT(response.audit_annotations, ElementsAre(Pair("findings", "HostNamespace"),
                                                      Pair("policies-warn", "soft/ImageRegistry")));
}

TEST_F(PoliciesTest, DeletionIsNeverHeldUp) {
  Add("baseline", "Enforce", kRegistry);
  Json deleting = GoodSandbox();
  deleting["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  EXPECT_TRUE(Answer("UPDATE", deleting, deleting).allowed);
}

TEST_F(PoliciesTest, NothingPassesWhileTheClusterIsNotKnown) {
  cluster_.synced = Status(StatusCode::kUnavailable, "the webhook has not read everything");
  const AdmissionResponse response = Answer("CREATE", GoodSandbox());
  EXPECT_FALSE(response.allowed);
  EXPECT_EQ(response.message,
            "AgentSandbox \"team/agent\" cannot be judged: the webhook has not read everything");
  // What is certain is said all the same.
  Json bad = GoodSandbox();
  bad["spec"]["podTemplate"]["spec"]["hostPID"] = true;
  EXPECT_THAT(Answer("CREATE", bad).message, HasSubstr("[HostNamespace]"));
}

TEST_F(PoliciesTest, APolicyThatCannotBeUnderstoodLetsNothingPass) {
  cluster_.policies.push_back(policy::CompiledPolicy::Compile(
      policy::PolicyObject("broken", "images: {allowedRegistries: [acme]}").root()));
  const AdmissionResponse response = Answer("CREATE", GoodSandbox());
  EXPECT_FALSE(response.allowed);
  EXPECT_THAT(response.message,
              AllOf(HasSubstr("AgentSandboxPolicy \"broken\""), HasSubstr("allowedRegistries[0]"),
                    HasSubstr("correct it, or delete it")));
}

TEST_F(PoliciesTest, APolicyThatCannotBeUnderstoodHoldsUpNoUpdateOfMetadata) {
  cluster_.policies.push_back(policy::CompiledPolicy::Compile(
      policy::PolicyObject("broken", "images: {allowedRegistries: [acme]}").root()));
  Json labelled = GoodSandbox();
  labelled["metadata"]["labels"]["team"] = "blue";
  EXPECT_TRUE(Answer("UPDATE", labelled, GoodSandbox()).allowed);
  Json changed = labelled;
  changed["spec"]["inputTrust"] = "Trusted";
  EXPECT_FALSE(Answer("UPDATE", changed, GoodSandbox()).allowed);
}

}  // namespace
}  // namespace stockade::webhook
