#include "operator/sandbox_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stockade::sandbox_operator {
namespace {

using std::chrono::system_clock;
using ::testing::HasSubstr;

const system_clock::time_point kNow = system_clock::from_time_t(1767225600);

api::AgentSandbox Sandbox() {
  api::AgentSandbox sandbox;
  sandbox.metadata.name = "reviewer";
  sandbox.metadata.namespace_name = "team-a";
  sandbox.metadata.generation = 3;
  return sandbox;
}

std::shared_ptr<const CachedPod> ReadyPod() {
  auto pod = std::make_shared<CachedPod>();
  pod->key = {"team-a", "asb-reviewer"};
  pod->phase = "Running";
  pod->ready = "True";
  pod->scheduled = "True";
  pod->node_name = "node-1";
  pod->pod_ips = {"10.0.0.7"};
  pod->runtime_class = "gvisor";
  return pod;
}

Observation Healthy() {
  Observation seen;
  seen.pod = ReadyPod();
  seen.deny_all_in_place = true;
  return seen;
}

codec::Json Condition(const codec::Json& status, const std::string& type) {
  for (const codec::Json& condition : status["conditions"]) {
    if (condition["type"] == type) return condition;
  }
  return nullptr;
}

codec::Json Compute(const api::AgentSandbox& sandbox, const Observation& seen) {
  return ComputeStatus(sandbox, seen, render::Profile{}, kNow);
}

TEST(SandboxStatusTest, HealthySandboxIsReadyInEveryRespect) {
  const codec::Json status = Compute(Sandbox(), Healthy());
  EXPECT_EQ(status["observedGeneration"], 3);
  for (const char* type :
       {"Ready", "RuntimeHardened", "EgressIsolated", "PolicyCompliant", "PodScheduled"}) {
    EXPECT_EQ(Condition(status, type)["status"], "True") << type;
    EXPECT_EQ(Condition(status, type)["observedGeneration"], 3) << type;
  }
  EXPECT_EQ(Condition(status, "Suspended")["status"], "False");
  for (const char* type : {"Stalled", "Finished", "PodOutdated"}) {
    EXPECT_TRUE(Condition(status, type).is_null()) << type;
  }
  EXPECT_EQ(status["podName"], "asb-reviewer");
  EXPECT_EQ(status["nodeName"], "node-1");
  EXPECT_EQ(status["podIPs"], codec::Json::parse(R"([{"ip":"10.0.0.7"}])"));
  EXPECT_EQ(status["selector"], "stockade.dev/sandbox=reviewer");
  EXPECT_EQ(status["isolation"]["tier"], "GVisor");
  EXPECT_FALSE(status["controls"].empty());
  EXPECT_FALSE(status.contains("serviceFQDN"));
}

TEST(SandboxStatusTest, FloorFindingsStallAndAreAllNamed) {
  Observation seen;
  seen.findings = {
      {"HostNamespace", policy::Severity::kError, "spec.podTemplate.spec.hostNetwork", "one"},
      {"Unwise", policy::Severity::kWarning, "spec.x", "only a warning"},
      {"RootUser", policy::Severity::kError, "spec.podTemplate.spec.securityContext.runAsUser",
       "two"}};
  const codec::Json status = Compute(Sandbox(), seen);
  const codec::Json ready = Condition(status, "Ready");
  EXPECT_EQ(ready["status"], "False");
  EXPECT_EQ(ready["reason"], "HostNamespace");
  EXPECT_THAT(ready["message"].get<std::string>(), HasSubstr("[HostNamespace] one"));
  EXPECT_THAT(ready["message"].get<std::string>(), HasSubstr("[RootUser] two"));
  EXPECT_THAT(ready["message"].get<std::string>(), ::testing::Not(HasSubstr("only a warning")));
  EXPECT_EQ(Condition(status, "Stalled")["status"], "True");
  EXPECT_EQ(Condition(status, "PolicyCompliant")["status"], "False");
  EXPECT_FALSE(status.contains("podName"));
}

TEST(SandboxStatusTest, BlockerIsTheReason) {
  Observation seen;
  seen.blocker = Blocker{"RuntimeClassMissing", "no such class", false};
  codec::Json status = Compute(Sandbox(), seen);
  EXPECT_EQ(Condition(status, "Ready")["reason"], "RuntimeClassMissing");
  EXPECT_TRUE(Condition(status, "Stalled").is_null()) << "the class may yet come";
  seen.blocker->stalled = true;
  EXPECT_EQ(Condition(Compute(Sandbox(), seen), "Stalled")["status"], "True");
}

api::AgentSandbox Ending(api::ShutdownPolicy policy = api::ShutdownPolicy::kRetain) {
  api::AgentSandbox sandbox = Sandbox();
  sandbox.metadata.created = kNow;
  sandbox.spec.lifecycle.max_lifetime = std::chrono::hours(1);
  sandbox.spec.lifecycle.shutdown_policy = policy;
  return sandbox;
}

TEST(SandboxStatusTest, TellsOfTheEndAndWarnsOfIt) {
  const api::AgentSandbox sandbox = Ending();
  Observation seen = Healthy();
  seen.lifetime = LifetimeOf(sandbox, kNow);
  codec::Json status = Compute(sandbox, seen);
  EXPECT_EQ(status["expiresAt"], "2026-01-01T01:00:00Z");
  EXPECT_TRUE(Condition(status, "ExpiresSoon").is_null());
  seen.lifetime = LifetimeOf(sandbox, kNow + std::chrono::minutes(54));
  status = Compute(sandbox, seen);
  EXPECT_EQ(Condition(status, "Ready")["status"], "True");
  EXPECT_EQ(Condition(status, "ExpiresSoon")["status"], "True");
  EXPECT_EQ(Condition(status, "ExpiresSoon")["reason"], "MaxLifetime");
  EXPECT_THAT(Condition(status, "ExpiresSoon")["message"].get<std::string>(),
              HasSubstr("ends at 2026-01-01T01:00:00Z"));
  EXPECT_FALSE(Compute(Sandbox(), Healthy()).contains("expiresAt"));
}

TEST(SandboxStatusTest, TellsWhyItIsSuspendedAndHowToResumeIt) {
  api::AgentSandbox sandbox = Sandbox();
  sandbox.spec.operating_mode = api::OperatingMode::kSuspended;
  sandbox.spec.lifecycle.idle =
      api::Idle{.suspend_after = std::chrono::minutes(10), .delete_after = {}};
  Observation seen;
  seen.idleness.last_activity = kNow;
  seen.idleness.suspended = true;
  codec::Json status = Compute(sandbox, seen);
  EXPECT_EQ(status["lastActivityTime"], "2026-01-01T00:00:00Z");
  EXPECT_EQ(Condition(status, "Ready")["reason"], "Idle");
  EXPECT_THAT(Condition(status, "Ready")["message"].get<std::string>(),
              AllOf(HasSubstr("for 600 seconds"), HasSubstr("set spec.operatingMode to Running")));
  EXPECT_EQ(Condition(status, "Suspended")["status"], "True");
  EXPECT_TRUE(Condition(status, "Stalled").is_null());
  seen.idleness.suspended = false;
  EXPECT_EQ(Condition(Compute(sandbox, seen), "Ready")["reason"], "Suspended");
  EXPECT_FALSE(Compute(Sandbox(), Healthy()).contains("lastActivityTime"));
}

TEST(SandboxStatusTest, WarnsOfTheEndByIdlenessAndTellsOfIt) {
  api::AgentSandbox sandbox = Sandbox();
  sandbox.spec.operating_mode = api::OperatingMode::kSuspended;
  Observation seen;
  seen.idleness.suspended = true;
  IdleEnd end{.at = kNow + std::chrono::minutes(1), .period = std::chrono::hours(1)};
  seen.lifetime = LifetimeOf(sandbox, kNow, end);
  codec::Json status = Compute(sandbox, seen);
  EXPECT_EQ(status["expiresAt"], "2026-01-01T00:01:00Z");
  EXPECT_EQ(Condition(status, "ExpiresSoon")["reason"], "Idle");
  EXPECT_THAT(Condition(status, "ExpiresSoon")["message"].get<std::string>(),
              AllOf(HasSubstr("deleted with its volumes"), HasSubstr("operatingMode to Running")));
  end.warned = std::chrono::hours(1);
  seen.ended = true;
  seen.lifetime = LifetimeOf(sandbox, end.at, end);
  EXPECT_THAT(Condition(Compute(sandbox, seen), "Finished")["message"].get<std::string>(),
              AllOf(HasSubstr("since nothing used it"), HasSubstr("about to be deleted")));
  end.deletes = false;
  seen.lifetime = LifetimeOf(sandbox, end.at, end);
  EXPECT_THAT(Condition(Compute(sandbox, seen), "Finished")["message"].get<std::string>(),
              HasSubstr("it goes with its claim"));
}

TEST(SandboxStatusTest, AnEndThatIsReachedIsTheReasonWhateverElseIsWrong) {
  const api::AgentSandbox sandbox = Ending();
  Observation seen = Healthy();
  seen.lifetime = LifetimeOf(sandbox, kNow + std::chrono::hours(1));
  seen.findings = {{"RootUser", policy::Severity::kError, "spec.x", "no"}};
  codec::Json status = Compute(sandbox, seen);
  EXPECT_EQ(Condition(status, "Ready")["status"], "False");
  EXPECT_EQ(Condition(status, "Ready")["reason"], "Expired");
  EXPECT_TRUE(Condition(status, "Finished").is_null()) << "its pod is there yet";
  EXPECT_TRUE(Condition(status, "Stalled").is_null());
  seen.pod = nullptr;
  seen.ended = true;
  status = Compute(sandbox, seen);
  EXPECT_EQ(Condition(status, "Finished")["reason"], "Expired");
  EXPECT_THAT(Condition(status, "Ready")["message"].get<std::string>(),
              HasSubstr("its volumes are kept"));
  Observation to_be_deleted = seen;
  to_be_deleted.lifetime.deletes = true;
  EXPECT_THAT(
      Condition(Compute(Ending(api::ShutdownPolicy::kDelete), to_be_deleted), "Ready")["message"]
          .get<std::string>(),
      HasSubstr("about to be deleted"));
  api::AgentSandbox deleted = sandbox;
  deleted.metadata.deleting = true;
  seen.blocker = Blocker{"Deleting", "the sandbox is being deleted", false};
  EXPECT_EQ(Condition(Compute(deleted, seen), "Ready")["reason"], "RootUser");
  seen.findings.clear();
  EXPECT_EQ(Condition(Compute(deleted, seen), "Ready")["reason"], "Deleting");
}

TEST(SandboxStatusTest, APodThatIsRunAgainIsNotFinishedUntilTheLimit) {
  api::AgentSandbox sandbox = Sandbox();
  Observation seen = Healthy();
  auto failed = std::make_shared<CachedPod>(*seen.pod);
  failed->phase = "Failed";
  failed->ready = "False";
  seen.pod = failed;
  EXPECT_EQ(Condition(Compute(sandbox, seen), "Finished")["reason"], "PodFailed");

  sandbox.spec.lifecycle.restart =
      api::Restart{2, std::chrono::seconds(10), std::chrono::seconds(30)};
  seen.restarts = RestartCount{1, "uid", kNow + std::chrono::seconds(10)};
  seen.restart = RestartDecision{*seen.restarts, true, false, std::chrono::seconds(10)};
  codec::Json status = Compute(sandbox, seen);
  EXPECT_EQ(Condition(status, "Ready")["reason"], "PodRestarting");
  EXPECT_THAT(Condition(status, "Ready")["message"].get<std::string>(),
              HasSubstr("attempt 1 of 2 to run it again is made at 2026-01-01T00:00:10Z"));
  EXPECT_TRUE(Condition(status, "Finished").is_null());
  EXPECT_EQ(status["restarts"]["count"], 1);
  EXPECT_EQ(status["restarts"]["observedGeneration"], 3);

  seen.restart->exhausted = true;
  status = Compute(sandbox, seen);
  EXPECT_EQ(Condition(status, "Ready")["reason"], "RestartsExhausted");
  EXPECT_EQ(Condition(status, "Finished")["status"], "True");
}

TEST(SandboxStatusTest, WidenedNetworkIsNotIsolatedThoughThePodIsReady) {
  Observation seen = Healthy();
  seen.widened_by = "let-it-out";
  const codec::Json isolated = Condition(Compute(Sandbox(), seen), "EgressIsolated");
  EXPECT_EQ(isolated["status"], "False");
  EXPECT_EQ(isolated["reason"], "WidenedBy");
  EXPECT_THAT(isolated["message"].get<std::string>(), HasSubstr("let-it-out"));
  // Without the second the guards refuse it still, as it selects gateways.
  EXPECT_THAT(isolated["message"].get<std::string>(),
              HasSubstr("with matchExpressions on stockade.dev/sandbox and stockade.dev/gateway "
                        "DoesNotExist"));
}

TEST(SandboxStatusTest, WidenedGatewayIsNotIsolatedThoughTheSandboxesPodIs) {
  Observation seen = Healthy();
  seen.has_gateway = true;
  seen.gateway.name = "asg-reviewer";
  seen.gateway_widened_by = "let-it-in";
  codec::Json isolated = Condition(Compute(Sandbox(), seen), "EgressIsolated");
  EXPECT_EQ(isolated["status"], "False");
  EXPECT_EQ(isolated["reason"], "WidenedBy");
  EXPECT_THAT(isolated["message"].get<std::string>(),
              ::testing::StartsWith("NetworkPolicy \"let-it-in\" selects pods of its egress "
                                    "gateway \"asg-reviewer\" and lets traffic through; exclude"));
  seen.widened_by = "let-it-out";
  isolated = Condition(Compute(Sandbox(), seen), "EgressIsolated");
  EXPECT_THAT(isolated["message"].get<std::string>(), HasSubstr("let-it-out"))
      << "the nearer one first";
}

TEST(SandboxStatusTest, PodIsOutdatedByItsProfileOrByWhatItsAgentTrusts) {
  Observation seen = Healthy();
  const auto outdated = [&seen] { return Condition(Compute(Sandbox(), seen), "PodOutdated"); };
  seen.outdated = true;
  EXPECT_EQ(outdated()["reason"], "ProfileChanged");
  seen.distrust = "from tomorrow on nothing works";
  EXPECT_EQ(outdated()["status"], "True");
  EXPECT_EQ(outdated()["reason"], "AuthorityRotated") << "the one that cannot wait";
  EXPECT_THAT(outdated()["message"].get<std::string>(),
              ::testing::AllOf(HasSubstr("from tomorrow on nothing works. Besides, "),
                               HasSubstr("render its part of the pod differently")));
  seen.outdated = false;
  EXPECT_EQ(outdated()["message"], "from tomorrow on nothing works");
  EXPECT_EQ(Condition(Compute(Sandbox(), seen), "Ready")["status"], "True") << "it runs";
}

TEST(SandboxStatusTest, OtherRuntimeThanTheTiersIsNotHardened) {
  Observation seen = Healthy();
  auto pod = std::make_shared<CachedPod>(*seen.pod);
  pod->runtime_class = "runc";
  seen.pod = pod;
  EXPECT_EQ(Condition(Compute(Sandbox(), seen), "RuntimeHardened")["status"], "False");
}

TEST(SandboxStatusTest, SuspendedOnlyOnceThePodIsGone) {
  api::AgentSandbox sandbox = Sandbox();
  sandbox.spec.operating_mode = api::OperatingMode::kSuspended;
  Observation seen = Healthy();
  EXPECT_EQ(Condition(Compute(sandbox, seen), "Suspended")["status"], "False");
  EXPECT_EQ(Condition(Compute(sandbox, seen), "Ready")["status"], "False");
  seen.pod = nullptr;
  EXPECT_EQ(Condition(Compute(sandbox, seen), "Suspended")["status"], "True");
  EXPECT_EQ(Condition(Compute(sandbox, seen), "Ready")["reason"], "Suspended");
}

TEST(SandboxStatusTest, TransitionTimeMovesOnlyWithTheStatus) {
  api::AgentSandbox sandbox = Sandbox();
  const codec::Json first = Compute(sandbox, Healthy());
  sandbox.status = api::JsonText(codec::ParseTrusted(first).root());
  Observation widened = Healthy();
  widened.widened_by = "x";
  const codec::Json second =
      ComputeStatus(sandbox, widened, render::Profile{}, kNow + std::chrono::hours(1));
  EXPECT_EQ(Condition(second, "Ready")["lastTransitionTime"], "2026-01-01T00:00:00Z");
  EXPECT_EQ(Condition(second, "EgressIsolated")["lastTransitionTime"], "2026-01-01T01:00:00Z");
}

TEST(SandboxStatusTest, SameObservationGivesTheSameStatusLater) {
  api::AgentSandbox sandbox = Sandbox();
  const codec::Json first = Compute(sandbox, Healthy());
  sandbox.status = api::JsonText(codec::ParseTrusted(first).root());
  EXPECT_EQ(ComputeStatus(sandbox, Healthy(), render::Profile{}, kNow + std::chrono::hours(9)),
            first)
      << "otherwise a sandbox at rest would be written for ever";
}

TEST(SandboxStatusTest, ServiceNameFollowsTheClusterDomain) {
  api::AgentSandbox sandbox = Sandbox();
  sandbox.spec.service_ports.emplace_back().port = 80;
  render::Profile profile;
  profile.cluster_domain = "corp.example";
  EXPECT_EQ(ComputeStatus(sandbox, Healthy(), profile, kNow)["serviceFQDN"],
            "asb-reviewer.team-a.svc.corp.example");
}

TEST(SandboxStatusTest, OnlyAPodOnItsWayIsMereProgress) {
  Observation seen = Healthy();
  EXPECT_FALSE(IsMereProgress(seen)) << "being ready is news";
  auto pod = std::make_shared<CachedPod>(*seen.pod);
  pod->phase = "Pending";
  pod->ready = "False";
  seen.pod = pod;
  EXPECT_TRUE(IsMereProgress(seen));
  seen.blocker = Blocker{"QuotaExceeded", "x", false};
  EXPECT_FALSE(IsMereProgress(seen));
}

// ---- PolicyCompliant

policy::PolicyFinding PolicyFindingOf(const std::string& policy, api::Enforcement enforcement,
                                      std::string_view code) {
  return {.finding = {code, policy::Severity::kError, "spec.field", "is wrong"},
          .policy = policy,
          .enforcement = enforcement,
          .subject = "subject",
          .amount = {}};
}

TEST(PolicyCompliantTest, IsTrueWithoutPoliciesAndNamesThoseThatApply) {
  Observation seen = Healthy();
  EXPECT_EQ(Condition(Compute(Sandbox(), seen), "PolicyCompliant")["reason"], "NoPolicies");
  seen.by_policies.policies = {"baseline", "team"};
  const codec::Json compliant = Condition(Compute(Sandbox(), seen), "PolicyCompliant");
  EXPECT_EQ(compliant["status"], "True");
  EXPECT_EQ(compliant["reason"], "NoFindings");
  EXPECT_THAT(compliant["message"].get<std::string>(), HasSubstr("baseline, team"));
}

TEST(PolicyCompliantTest, IsFalseWithTheFindingsUnderEnforceFirst) {
  Observation seen = Healthy();
  seen.by_policies.policies = {"a", "b"};
  seen.by_policies.findings = {PolicyFindingOf("a", api::Enforcement::kAudit, "ImageDigest"),
                               PolicyFindingOf("b", api::Enforcement::kEnforce, "ImageRegistry")};
  const codec::Json status = Compute(Sandbox(), seen);
  const codec::Json compliant = Condition(status, "PolicyCompliant");
  EXPECT_EQ(compliant["status"], "False");
  EXPECT_EQ(compliant["reason"], "ImageRegistry");
  EXPECT_EQ(compliant["message"],
            "spec.field: [ImageRegistry] is wrong under Enforce; "
            "spec.field: [ImageDigest] is wrong under Audit");
  // What exists goes on.
  EXPECT_EQ(Condition(status, "Ready")["status"], "True");
  EXPECT_EQ(Condition(status, "Stalled"), nullptr);
}

TEST(PolicyCompliantTest, TheFloorComesFirst) {
  Observation seen = Healthy();
  seen.findings = {{"HostPort", policy::Severity::kError, "spec.x", "no"}};
  seen.by_policies.findings = {PolicyFindingOf("a", api::Enforcement::kEnforce, "ImageDigest")};
  EXPECT_EQ(Condition(Compute(Sandbox(), seen), "PolicyCompliant")["reason"], "HostPort");
}

TEST(PolicyCompliantTest, IsNotTrueWhereNobodyCanTell) {
  Observation seen = Healthy();
  seen.by_policies.namespace_known = false;
  EXPECT_EQ(Condition(Compute(Sandbox(), seen), "PolicyCompliant")["status"], "Unknown");
  seen.by_policies = {};
  seen.by_policies.broken = "p";
  seen.by_policies.problem = "spec.enforcement: must be a string";
  const codec::Json compliant = Condition(Compute(Sandbox(), seen), "PolicyCompliant");
  EXPECT_EQ(compliant["status"], "False");
  EXPECT_EQ(compliant["reason"], "PolicyInvalid");
  EXPECT_THAT(compliant["message"].get<std::string>(), HasSubstr("spec.enforcement"));
}

// With a gateway that answers, and a pod whose canary found the network shut.
Observation WithGateway() {
  Observation seen = Healthy();
  auto pod = std::make_shared<CachedPod>(*seen.pod);
  pod->canary_passed = true;
  pod->proxy_ready = true;
  seen.pod = pod;
  seen.has_gateway = true;
  seen.gateway_deny_all_in_place = true;
  seen.gateway = {.name = "asg-reviewer",
                  .address = "10.96.0.20",
                  .profile = "abc",
                  .hosts = {"api.example.com:443"},
                  .available = true,
                  .trouble = "",
                  .credentials_missing = false};
  return seen;
}

Observation WithCanary(std::int64_t exit_code, const std::string& message) {
  Observation seen = WithGateway();
  auto pod = std::make_shared<CachedPod>(*seen.pod);
  pod->canary_passed = false;
  ContainerTrouble trouble;
  trouble.container = "stockade-canary";
  trouble.exit_code = exit_code;
  trouble.exit_message = message;
  pod->troubles = {trouble};
  pod->phase = "Pending";
  seen.pod = pod;
  return seen;
}

TEST(SandboxStatusTest, EgressIsIsolatedOnceTheCanaryProvedIt) {
  const codec::Json status = Compute(Sandbox(), WithGateway());
  EXPECT_EQ(Condition(status, "EgressIsolated")["status"], "True");
  EXPECT_EQ(Condition(status, "EgressIsolated")["reason"], "ProvenByCanary");
  EXPECT_EQ(
      status["egress"],
      codec::Json::parse(R"({"gateway":"asg-reviewer","address":"10.96.0.20","profileHash":"abc",
                                   "hosts":["api.example.com:443"]})"));
}

TEST(SandboxStatusTest, WhatTheCanaryReachedIsToldWithItsVerdict) {
  const codec::Json open =
      Condition(Compute(Sandbox(), WithCanary(1, R"({"verdict":"Open"})")), "EgressIsolated");
  EXPECT_EQ(open["status"], "False");
  EXPECT_EQ(open["reason"], "NetworkOpen");
  EXPECT_THAT(open["message"].get<std::string>(), HasSubstr(R"({"verdict":"Open"})"));
  const codec::Json unanswered =
      Condition(Compute(Sandbox(), WithCanary(3, R"({"verdict":"Unanswered"})")), "EgressIsolated");
  EXPECT_EQ(unanswered["status"], "Unknown");
  EXPECT_EQ(unanswered["reason"], "NotProven");
}

TEST(SandboxStatusTest, EgressIsNotIsolatedByAssertion) {
  const auto reason_of = [](const Observation& seen) {
    const codec::Json isolated = Condition(Compute(Sandbox(), seen), "EgressIsolated");
    EXPECT_EQ(isolated["status"], "Unknown");
    return isolated["reason"].get<std::string>();
  };
  Observation seen = WithGateway();
  seen.gateway_deny_all_in_place = false;
  EXPECT_EQ(reason_of(seen), "DenyAllMissing");
  seen = WithGateway();
  seen.pod = nullptr;
  EXPECT_EQ(reason_of(seen), "NoPod");
  seen = WithGateway();
  auto pod = std::make_shared<CachedPod>(*seen.pod);
  pod->proxy_ready = false;
  seen.pod = pod;
  EXPECT_EQ(reason_of(seen), "ProbeFails");
  pod = std::make_shared<CachedPod>(*pod);
  pod->canary_passed = false;
  seen.pod = pod;
  EXPECT_EQ(reason_of(seen), "CanaryPending");
}

TEST(SandboxStatusTest, CredentialsAreBrokeredByAGatewayThatAnswers) {
  api::AgentSandbox sandbox = Sandbox();
  Observation seen = WithGateway();
  EXPECT_TRUE(Condition(Compute(sandbox, seen), "CredentialsBrokered").is_null())
      << "there are none";
  sandbox.spec.credentials.emplace_back();
  EXPECT_EQ(Condition(Compute(sandbox, seen), "CredentialsBrokered")["status"], "True");
  seen.gateway.available = false;
  EXPECT_EQ(Condition(Compute(sandbox, seen), "CredentialsBrokered")["status"], "Unknown");
  seen.gateway.credentials_missing = true;
  seen.gateway.trouble = "Secret github has no key token";
  const codec::Json missing = Condition(Compute(sandbox, seen), "CredentialsBrokered");
  EXPECT_EQ(missing["status"], "False");
  EXPECT_EQ(missing["reason"], "CredentialMissing");
  EXPECT_THAT(missing["message"].get<std::string>(), HasSubstr("Secret github has no key token"));
}

}  // namespace
}  // namespace stockade::sandbox_operator
