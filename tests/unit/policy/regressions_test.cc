#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "api/agent_sandbox.h"
#include "api/pod_view.h"
#include "tests/unit/policy/objects.h"

// Ways round a policy that other projects have paid for.
namespace stockade::policy {
namespace {

using codec::Json;
using ::testing::Contains;
using ::testing::IsSupersetOf;

Json& PodSpecOf(Json& sandbox) { return sandbox["spec"]["podTemplate"]["spec"]; }

// CVE-2023-2727: the image policy did not look at ephemeral containers.
TEST(RegressionTest, EphemeralContainersDoNotSkipTheRulesForImages) {
  Json sandbox = PlainSandbox();
  PodSpecOf(sandbox)["ephemeralContainers"] = Json::parse(R"([{"name":"x","image":"A B"}])");
  EXPECT_THAT(ErrorsOf(JudgeSandbox(sandbox)),
              Contains("ImageReference spec.podTemplate.spec.ephemeralContainers[0].image"));
}

// CVE-2023-2728: nor did the policy for the secrets that a service account may use; CVE-2024-3177:
// and envFrom was overlooked after that.
TEST(RegressionTest, EphemeralContainersDoNotSkipTheRulesForSecrets) {
  Json sandbox = PlainSandbox();
  PodSpecOf(sandbox)["ephemeralContainers"] = Json::parse(R"([{
    "name": "x", "image": "a:1",
    "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
    "envFrom": [{"prefix": "APP_", "secretRef": {"name": "s"}}]}])");
  EXPECT_THAT(
      ErrorsOf(JudgeSandbox(sandbox)),
      IsSupersetOf(
          {"SecretInAgent "
           "spec.podTemplate.spec.ephemeralContainers[0].env[0].valueFrom.secretKeyRef",
           "SecretInAgent spec.podTemplate.spec.ephemeralContainers[0].envFrom[0].secretRef"}));
}

// Pod Security Admission steps aside for pods that say they run on Windows.
TEST(RegressionTest, AWindowsPodSkipsNothing) {
  const Json edits = Json::parse(R"({
    "hostNetwork": true,
    "securityContext": {"runAsUser": 0, "seccompProfile": {"type": "Unconfined"}},
    "containers": [{"name": "agent", "image": "a:1", "securityContext": {
        "privileged": true, "allowPrivilegeEscalation": true,
        "capabilities": {"add": ["SYS_ADMIN"]}}}]})");
  Json linux_pod = PlainSandbox();
  PodSpecOf(linux_pod).merge_patch(edits);
  Json windows_pod = linux_pod;
  PodSpecOf(windows_pod)["os"] = {{"name", "windows"}};
  const auto expected = ErrorsOf(JudgeSandbox(linux_pod));
  EXPECT_EQ(expected.size(), 6U);
  const auto found = ErrorsOf(JudgeSandbox(windows_pod));
  EXPECT_EQ(found.size(), expected.size() + 1);
  EXPECT_THAT(found, IsSupersetOf(expected));
  EXPECT_THAT(found, Contains("WindowsPod spec.podTemplate.spec.os.name"));
}

// CVE-2023-34091: an object that is being deleted was not judged.
TEST(RegressionTest, ADeletionTimestampSkipsNothing) {
  Json sandbox = PlainSandbox();
  PodSpecOf(sandbox)["hostPID"] = true;
  const auto before = ErrorsOf(JudgeSandbox(sandbox));
  sandbox["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  EXPECT_EQ(ErrorsOf(JudgeSandbox(sandbox)), before);
  EXPECT_EQ(before.size(), 1U);
}

// A suspended sandbox has no pod, but will have one.
TEST(RegressionTest, BeingSuspendedSkipsNothing) {
  Json sandbox = PlainSandbox();
  PodSpecOf(sandbox)["hostPID"] = true;
  sandbox["spec"]["operatingMode"] = "Suspended";
  EXPECT_EQ(ErrorsOf(JudgeSandbox(sandbox)).size(), 1U);
}

TEST(RegressionTest, ANameToBeGeneratedSkipsNothing) {
  Json sandbox = PlainSandbox();
  PodSpecOf(sandbox)["hostPID"] = true;
  sandbox["metadata"] = {{"generateName", "x-"}, {"namespace", "n"}};
  EXPECT_EQ(ErrorsOf(JudgeSandbox(sandbox)).size(), 1U);
}

// Kubernetes reads keys by their exact case; a reader that does not must not be needed.
TEST(RegressionTest, KeysOfOtherCaseAreNoHidingPlace) {
  Json sandbox = PlainSandbox();
  PodSpecOf(sandbox)["hostpid"] = true;
  PodSpecOf(sandbox)["Volumes"] = Json::parse(R"([{"name":"a","hostPath":{"path":"/"}}])");
  EXPECT_THAT(ErrorsOf(JudgeSandbox(sandbox)),
              IsSupersetOf({"UnreviewedField spec.podTemplate.spec[hostpid]",
                            "UnreviewedField spec.podTemplate.spec[Volumes]"}));
}

// Of two keys the first counts, in every rule alike. The webhook refuses such objects beforehand.
TEST(RegressionTest, DuplicateKeysAreReadAlikeByEveryRule) {
  const auto document = codec::JsonDocument::Parse(R"({"metadata": {"name": "case"}, "spec": {
    "podTemplate": {"spec": {"hostPID": true, "hostPID": false, "containers": [
      {"name": "agent", "image": "a:1", "securityContext": {"privileged": true},
       "securityContext": {}}]}}}})");
  ASSERT_TRUE(document.ok());
  const auto sandbox = api::DecodeAgentSandbox(document->root());
  ASSERT_TRUE(sandbox.ok());
  const api::PodView pod(document->root()["spec"]["podTemplate"], "spec.podTemplate");
  EXPECT_THAT(
      ErrorsOf(EvaluateSandbox(*sandbox, pod, {})),
      IsSupersetOf({"HostNamespace spec.podTemplate.spec.hostPID",
                    "PrivilegedContainer spec.podTemplate.spec.containers[0].securityContext."
                    "privileged"}));
}

// What a user writes into an object comes out of messages as one line that says nothing else.
TEST(RegressionTest, MessagesCannotBeForged) {
  Json sandbox = PlainSandbox();
  PodSpecOf(sandbox)["nodeName"] = "x\"; remove nothing\n\x1B[2J admitted";
  PodSpecOf(sandbox)["containers"][0]["image"] = "a\r\nb";
  sandbox["spec"]["podTemplate"]["metadata"]["annotations"]["a\n/b"] = "x";
  const auto findings = JudgeSandbox(sandbox);
  EXPECT_EQ(findings.size(), 3U);
  for (const Finding& finding : findings) {
    for (const std::string& text : {finding.field, finding.message}) {
      EXPECT_EQ(text.find_first_of("\r\n\x1B"), std::string::npos) << text;
    }
  }
}

// The value of a variable that looks like a credential stays out of logs.
TEST(RegressionTest, CredentialsAreNotRepeated) {
  Json sandbox = PlainSandbox();
  const std::string secret = "ghp_0123456789abcdefghij0123456789";
  PodSpecOf(sandbox)["containers"][0]["env"] = Json::array({{{"name", "T"}, {"value", secret}}});
  const auto findings = JudgeSandbox(sandbox);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].code, "CredentialLiteral");
  EXPECT_FALSE(HasErrors(findings));
  EXPECT_EQ(findings[0].message.find(secret.substr(4)), std::string::npos);
}

// An odd document ends in findings or in none, never in a crash.
TEST(RegressionTest, OddShapesAreSurvived) {
  for (
      const char* spec :
      {"{}", R"({"containers":{}})", R"({"containers":[null,1,"x",[]]})",
       R"({"containers":[{"env":{},"envFrom":1,"ports":"x","volumeMounts":[null,[],1]}]})",
       R"({"volumes":[null,1,{"projected":{"sources":[null,1]}},{"ephemeral":1}]})",
       R"({"securityContext":[],"affinity":"x","tolerations":[1],"nodeSelector":[]})",
       R"({"affinity":{"podAffinity":[],"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[]}}})",
       R"({"imagePullSecrets":[null],"resources":[],"os":1})"}) {
    Json sandbox = PlainSandbox();
    PodSpecOf(sandbox) = Json::parse(spec);
    JudgeSandbox(sandbox);
    Json pod = HardenedPod();
    pod["spec"] = Json::parse(spec);
    EXPECT_TRUE(HasErrors(JudgePod(pod))) << spec;
  }
  for (const char* pod : {"null", "[]", "5", R"({"spec":null})", R"({"metadata":[],"spec":[]})"}) {
    EXPECT_TRUE(HasErrors(JudgePod(Json::parse(pod)))) << pod;
  }
}

TEST(RegressionTest, NothingOfARenderedPodIsHardenedByDefault) {
  Json pod = HardenedPod();
  pod["spec"] = {{"containers", Json::array({PlainContainer("agent")})}};
  std::set<std::string> codes;
  for (const Finding& finding : JudgePod(pod)) codes.emplace(finding.code);
  EXPECT_THAT(codes, ::testing::ElementsAre(
                         "AddedCapability", "DNSOverride", "PrivilegeEscalation", "ResourceLimit",
                         "RootGroup", "RootUser", "RuntimeClassOverride", "ServiceAccountToken",
                         "ServiceLinks", "UnconfinedSeccomp", "WritableRootFilesystem"));
}

TEST(HasErrorsTest, WarningsAreNoErrors) {
  EXPECT_FALSE(HasErrors({}));
  EXPECT_FALSE(
      HasErrors({{.code = "x", .severity = Severity::kWarning, .field = "", .message = ""}}));
  EXPECT_TRUE(HasErrors({{.code = "x", .severity = Severity::kWarning, .field = "", .message = ""},
                         {.code = "y", .severity = Severity::kError, .field = "", .message = ""}}));
}

}  // namespace
}  // namespace stockade::policy
