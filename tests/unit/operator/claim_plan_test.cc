#include "operator/claim_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"

namespace stockade::sandbox_operator {
namespace {

using codec::Json;
using std::chrono::milliseconds;
using std::chrono::seconds;

const TimePoint kCreated = std::chrono::system_clock::from_time_t(1767225600);

api::AgentSandboxClaim Claim() {
  api::AgentSandboxClaim claim;
  claim.metadata.name = "c";
  claim.metadata.generation = 1;
  claim.metadata.created = kCreated;
  claim.spec.pool_name = "p";
  return claim;
}

BoundSandbox Sandbox(const std::string& name, bool ready = true) {
  BoundSandbox sandbox;
  sandbox.name = name;
  sandbox.uid = "uid-" + name;
  sandbox.pristine = true;
  sandbox.ready = ready;
  return sandbox;
}

// The claim as it is once `outcome` is written.
api::AgentSandboxClaim After(api::AgentSandboxClaim claim, const ClaimOutcome& outcome,
                             TimePoint now) {
  const Json status = ComputeClaimStatus(claim, outcome, now);
  claim.status = api::JsonText(codec::ParseTrusted(status).root());
  return claim;
}

api::AgentSandboxClaim Bound(api::AgentSandboxClaim claim, bool ready = true) {
  ClaimOutcome outcome;
  outcome.bound = Sandbox("s", ready);
  return After(std::move(claim), outcome, kCreated);
}

api::AgentSandboxClaim Ended(api::AgentSandboxClaim claim, ClaimEnd end) {
  ClaimOutcome outcome;
  outcome.end = end;
  return After(std::move(claim), outcome, kCreated);
}

std::vector<std::string> Names(const std::vector<BoundSandbox>& sandboxes) {
  std::vector<std::string> names;
  names.reserve(sandboxes.size());
  for (const BoundSandbox& sandbox : sandboxes) names.push_back(sandbox.name);
  return names;
}

api::Condition ConditionOf(const api::AgentSandboxClaim& claim, std::string_view type) {
  return FindCondition(claim.status.ToJson(), type);
}

TEST(ClaimPlanTest, AClaimWithoutASandboxIsToGetOne) {
  const ClaimPlan plan = PlanClaim(Claim(), {}, kCreated);
  EXPECT_TRUE(plan.bind);
  EXPECT_FALSE(plan.bound);
  EXPECT_TRUE(plan.remove.empty());
  EXPECT_FALSE(plan.look_again);
}

TEST(ClaimPlanTest, AClaimWithASandboxKeepsIt) {
  const ClaimPlan plan = PlanClaim(Claim(), {Sandbox("s")}, kCreated);
  EXPECT_FALSE(plan.bind);
  ASSERT_TRUE(plan.bound);
  EXPECT_EQ(plan.bound->name, "s");
  EXPECT_TRUE(plan.remove.empty());
}

TEST(ClaimPlanTest, OfSeveralTheOneInItsStatusStays) {
  const auto claim = Bound(Claim());
  const ClaimPlan plan = PlanClaim(claim, {Sandbox("a"), Sandbox("s"), Sandbox("z")}, kCreated);
  EXPECT_EQ(plan.bound->name, "s");
  EXPECT_THAT(Names(plan.remove), ::testing::ElementsAre("a", "z"));
}

TEST(ClaimPlanTest, OfSeveralOfWhichItKnowsNoneTheFirstStays) {
  const ClaimPlan plan = PlanClaim(Claim(), {Sandbox("b"), Sandbox("a")}, kCreated);
  EXPECT_EQ(plan.bound->name, "a");
  EXPECT_THAT(Names(plan.remove), ::testing::ElementsAre("b"));
}

TEST(ClaimPlanTest, ASandboxThatIsBeingDeletedIsNone) {
  BoundSandbox ending = Sandbox("s");
  ending.deleting = true;
  const ClaimPlan plan = PlanClaim(Bound(Claim()), {ending}, kCreated);
  EXPECT_TRUE(plan.bind);
  EXPECT_TRUE(plan.remove.empty());
}

TEST(ClaimPlanTest, AClaimWaitsForAsLongAsItSays) {
  auto claim = Claim();
  claim.spec.timeout_seconds = 30;
  ClaimPlan plan = PlanClaim(claim, {}, kCreated + seconds(10));
  EXPECT_TRUE(plan.bind);
  EXPECT_EQ(plan.look_again, milliseconds(20000));
  plan = PlanClaim(claim, {Sandbox("s", /*ready=*/false)}, kCreated + seconds(30));
  EXPECT_EQ(plan.end, ClaimEnd::kTimedOut);
  EXPECT_FALSE(plan.bind);
}

TEST(ClaimPlanTest, AClaimThatWasReadyOnceWaitsForNothing) {
  auto claim = Claim();
  claim.spec.timeout_seconds = 30;
  const ClaimPlan plan =
      PlanClaim(Bound(claim), {Sandbox("s", /*ready=*/false)}, kCreated + seconds(100));
  EXPECT_EQ(plan.end, ClaimEnd::kNone);
  EXPECT_FALSE(plan.look_again);
}

TEST(ClaimPlanTest, TheLifetimeCountsFromTheFirstSandbox) {
  auto claim = Claim();
  claim.spec.max_lifetime_seconds = 60;
  EXPECT_FALSE(PlanClaim(claim, {}, kCreated + seconds(1000)).look_again);
  const auto bound = Bound(claim);
  EXPECT_EQ(PlanClaim(bound, {Sandbox("s")}, kCreated + seconds(59)).look_again,
            milliseconds(1000));
  const ClaimPlan plan = PlanClaim(bound, {Sandbox("s")}, kCreated + seconds(60));
  EXPECT_EQ(plan.end, ClaimEnd::kExpired);
  // It goes once the end is written.
  EXPECT_TRUE(plan.remove.empty());
}

TEST(ClaimPlanTest, TheEarlierOfTwoEndsCounts) {
  auto claim = Claim();
  claim.spec.max_lifetime_seconds = 60;
  claim.spec.shutdown_time = kCreated + seconds(30);
  const auto bound = Bound(claim);
  EXPECT_EQ(PlanClaim(bound, {Sandbox("s")}, kCreated + seconds(29)).look_again,
            milliseconds(1000));
  EXPECT_EQ(PlanClaim(bound, {Sandbox("s")}, kCreated + seconds(30)).end, ClaimEnd::kExpired);
  claim.spec.shutdown_time = kCreated + seconds(90);
  EXPECT_EQ(PlanClaim(Bound(claim), {Sandbox("s")}, kCreated + seconds(60)).end,
            ClaimEnd::kExpired);
}

TEST(ClaimPlanTest, AnEndThatIsNamedComesWithoutASandboxToo) {
  auto claim = Claim();
  claim.spec.shutdown_time = kCreated + seconds(30);
  EXPECT_TRUE(PlanClaim(claim, {}, kCreated + seconds(29)).bind);
  const ClaimPlan plan = PlanClaim(claim, {}, kCreated + seconds(30));
  EXPECT_EQ(plan.end, ClaimEnd::kExpired);
  EXPECT_FALSE(plan.bind);
}

TEST(ClaimPlanTest, WhatAnExpiredClaimLeavesGoes) {
  const auto ended = Ended(Bound(Claim()), ClaimEnd::kExpired);
  const ClaimPlan plan = PlanClaim(ended, {Sandbox("s")}, kCreated);
  EXPECT_THAT(Names(plan.remove), ::testing::ElementsAre("s"));
  EXPECT_FALSE(plan.bind);
  EXPECT_FALSE(PlanClaim(ended, {}, kCreated).bind);
}

TEST(ClaimPlanTest, TheLifetimeOfTheTemplateEndsTheClaimToo) {
  BoundSandbox expired = Sandbox("s", /*ready=*/false);
  expired.finished = expired.expired = true;
  EXPECT_EQ(PlanClaim(Bound(Claim()), {expired}, kCreated).end, ClaimEnd::kExpired);
}

TEST(ClaimPlanTest, AFinishedSandboxThatBeginsAgainGoes) {
  const auto ended = Ended(Bound(Claim()), ClaimEnd::kSandboxFinished);
  const ClaimPlan plan = PlanClaim(ended, {Sandbox("s", /*ready=*/false)}, kCreated);
  EXPECT_THAT(Names(plan.remove), ::testing::ElementsAre("s"));
  EXPECT_FALSE(plan.bind);
}

TEST(ClaimPlanTest, WhatIsInTheWayOfAClaimTellsWhetherItWaits) {
  const auto is_on_its_way = [](const api::AgentSandboxClaim& claim) {
    return IsOnItsWay(claim, kCreated, seconds(300));
  };
  EXPECT_TRUE(is_on_its_way(Claim()));
  EXPECT_FALSE(is_on_its_way(Bound(Claim()))) << "it was ready";
  for (const auto& [reason, waits] :
       {std::pair{"Pending", true}, std::pair{"NameTaken", true}, std::pair{"EnvNotAllowed", false},
        std::pair{"SandboxRefused", false}}) {
    ClaimOutcome outcome;
    outcome.blocker = Blocker{reason, "message", false};
    EXPECT_EQ(is_on_its_way(After(Claim(), outcome, kCreated)), waits) << reason;
  }
}

TEST(ClaimPlanTest, AClaimWhoseSandboxDoesNotComeUpIsNotOnItsWayForEver) {
  EXPECT_TRUE(IsOnItsWay(Claim(), kCreated + seconds(299), seconds(300)));
  EXPECT_FALSE(IsOnItsWay(Claim(), kCreated + seconds(300), seconds(300)));
  // From when it has one: what it waited for before was not its own fault.
  ClaimOutcome outcome;
  outcome.bound = Sandbox("s", /*ready=*/false);
  const auto bound = After(Claim(), outcome, kCreated + seconds(200));
  EXPECT_TRUE(IsOnItsWay(bound, kCreated + seconds(499), seconds(300)));
  EXPECT_FALSE(IsOnItsWay(bound, kCreated + seconds(500), seconds(300)));
}

TEST(ClaimPlanTest, AFinishedSandboxStaysForAsLongAsItsClaim) {
  BoundSandbox finished = Sandbox("s", /*ready=*/false);
  finished.finished = true;
  EXPECT_EQ(PlanClaim(Bound(Claim()), {finished}, kCreated).end, ClaimEnd::kSandboxFinished);
  const auto ended = Ended(Bound(Claim()), ClaimEnd::kSandboxFinished);
  const ClaimPlan plan = PlanClaim(ended, {finished}, kCreated);
  EXPECT_EQ(plan.bound->name, "s");
  EXPECT_TRUE(plan.remove.empty());
}

TEST(ClaimPlanTest, AFinishedClaimGoesWhenItsTimeIsOver) {
  auto claim = Claim();
  EXPECT_FALSE(
      PlanClaim(Ended(claim, ClaimEnd::kTimedOut), {}, kCreated + seconds(9999)).delete_claim);
  claim.spec.ttl_seconds_after_finished = 5;
  const auto ended = Ended(claim, ClaimEnd::kTimedOut);
  const ClaimPlan waits = PlanClaim(ended, {}, kCreated + seconds(4));
  EXPECT_FALSE(waits.delete_claim);
  EXPECT_EQ(waits.look_again, milliseconds(1000));
  EXPECT_TRUE(PlanClaim(ended, {}, kCreated + seconds(5)).delete_claim);
}

// As the status of the sandbox that was made for it would be.
TEST(ClaimStatusTest, OneThatWasMadeForTheClaimIsNotWarm) {
  ClaimOutcome outcome;
  outcome.bound = Sandbox("c");
  EXPECT_EQ(ComputeClaimStatus(Claim(), outcome, kCreated)["warm"], false);
  EXPECT_FALSE(ComputeClaimStatus(Claim(), {}, kCreated).contains("warm"));
  // Nor is one that is made in the place of a warm one, which somebody deleted.
  EXPECT_EQ(ComputeClaimStatus(Bound(Claim()), outcome, kCreated)["warm"], false);
  EXPECT_EQ(ComputeClaimStatus(Bound(Claim()), {}, kCreated)["warm"], true);
}

TEST(ClaimStatusTest, AnEndIsToldOfBefore) {
  auto claim = Claim();
  claim.spec.max_lifetime_seconds = 1000;
  EXPECT_FALSE(ComputeClaimStatus(claim, {}, kCreated).contains("expiresAt"))
      << "its lifetime begins with its sandbox";
  claim = Bound(claim);
  EXPECT_EQ(claim.status.ToJson()["expiresAt"], "2026-01-01T00:16:40Z");
  EXPECT_EQ(ConditionOf(claim, "ExpiresSoon").status, "");
  EXPECT_EQ(PlanClaim(claim, {Sandbox("s")}, kCreated).look_again, milliseconds(900000));
  ClaimOutcome outcome;
  outcome.bound = Sandbox("s");
  const auto soon = After(claim, outcome, kCreated + seconds(900));
  EXPECT_EQ(ConditionOf(soon, "ExpiresSoon").reason, "MaxLifetime");
  EXPECT_EQ(ConditionOf(soon, "ExpiresSoon").message,
            "the claim ends at 2026-01-01T00:16:40Z, and its sandbox is deleted; to go on, raise "
            "spec.lifecycle.maxLifetimeSeconds");
  EXPECT_EQ(PlanClaim(soon, {Sandbox("s")}, kCreated + seconds(900)).look_again,
            milliseconds(100000));
  const auto ended = Ended(soon, ClaimEnd::kExpired);
  EXPECT_EQ(ConditionOf(ended, "ExpiresSoon").status, "");
  EXPECT_FALSE(ended.status.ToJson().contains("expiresAt"));
}

TEST(ClaimStatusTest, OfSeveralEndsTheFirstIsTold) {
  auto claim = Claim();
  claim.spec.shutdown_time = kCreated + seconds(10);
  claim.spec.max_lifetime_seconds = 20;
  ClaimOutcome outcome;
  outcome.bound = Sandbox("s");
  claim = After(claim, outcome, kCreated + seconds(9));
  EXPECT_EQ(claim.status.ToJson()["expiresAt"], "2026-01-01T00:00:10Z");
  EXPECT_EQ(ConditionOf(claim, "ExpiresSoon").reason, "ShutdownTime");
  outcome.bound->expires = kCreated + seconds(9);
  claim = After(claim, outcome, kCreated + seconds(9));
  EXPECT_EQ(claim.status.ToJson()["expiresAt"], "2026-01-01T00:00:09Z");
  EXPECT_EQ(ConditionOf(claim, "ExpiresSoon").reason, "TemplateLifetime");
}

TEST(ClaimStatusTest, TellsOfTheSandbox) {
  ClaimOutcome outcome;
  outcome.bound = Sandbox("s");
  outcome.bound->pod_name = "asb-s";
  outcome.bound->pod_ips = Json::parse(R"([{"ip": "10.0.0.1"}])");
  outcome.bound->service = "asb-s.ns.svc.cluster.local";
  const Json status = ComputeClaimStatus(Claim(), outcome, kCreated);
  EXPECT_EQ(status["sandbox"], Json::parse(R"({"name": "s", "uid": "uid-s", "podName": "asb-s",
      "podIPs": [{"ip": "10.0.0.1"}], "serviceFQDN": "asb-s.ns.svc.cluster.local"})"));
  EXPECT_EQ(status["boundAt"], "2026-01-01T00:00:00Z");
  EXPECT_EQ(status["readyAt"], "2026-01-01T00:00:00Z");
  EXPECT_EQ(status["warm"], true);
  EXPECT_FALSE(status.contains("finishedAt"));
  EXPECT_EQ(FindCondition(status, "Bound").status, "True");
  EXPECT_EQ(FindCondition(status, "Ready").reason, "SandboxReady");
  EXPECT_EQ(FindCondition(status, "TemplateResolved").status, "True");
}

TEST(ClaimStatusTest, AnEndByWaitingSaysWhatForAndKeepsSayingIt) {
  ClaimOutcome waiting;
  waiting.blocker = Blocker{"SandboxRefused", "no room", false};
  const auto claim = After(Claim(), waiting, kCreated);
  const auto ended = Ended(claim, ClaimEnd::kTimedOut);
  const std::string said =
      "the sandbox was not ready within spec.timeoutSeconds, and is deleted; what it waited for at "
      "last: SandboxRefused: no room";
  EXPECT_EQ(ConditionOf(ended, "Finished").message, said);
  EXPECT_EQ(ConditionOf(ended, "Ready").message, said);
  EXPECT_EQ(ConditionOf(Ended(ended, ClaimEnd::kTimedOut), "Finished").message, said);
  EXPECT_THAT(ConditionOf(Ended(claim, ClaimEnd::kExpired), "Finished").message,
              ::testing::Not(::testing::HasSubstr("waited")));
}

TEST(ClaimStatusTest, KeepsWhatHasHappened) {
  auto claim = Bound(Claim());
  ClaimOutcome later;
  later.bound = Sandbox("s", /*ready=*/false);
  later.bound->reason = "PodStarting";
  claim = After(claim, later, kCreated + seconds(60));
  const Json status = claim.status.ToJson();
  EXPECT_EQ(status["boundAt"], "2026-01-01T00:00:00Z");
  EXPECT_EQ(status["readyAt"], "2026-01-01T00:00:00Z");
  EXPECT_EQ(status["warm"], true);
  EXPECT_EQ(ConditionOf(claim, "Bound").last_transition_time, "2026-01-01T00:00:00Z");
  EXPECT_EQ(ConditionOf(claim, "Ready").last_transition_time, "2026-01-01T00:01:00Z");
  EXPECT_EQ(ConditionOf(claim, "Ready").reason, "PodStarting");
}

TEST(ClaimStatusTest, SaysWhatKeepsAClaimFromItsSandbox) {
  ClaimOutcome outcome;
  outcome.source = Blocker{"TemplateNotFound", "there is none", false};
  auto claim = After(Claim(), outcome, kCreated);
  EXPECT_EQ(ConditionOf(claim, "TemplateResolved").status, "False");
  EXPECT_EQ(ConditionOf(claim, "Bound").reason, "TemplateNotFound");
  EXPECT_EQ(ConditionOf(claim, "Ready").reason, "TemplateNotFound");
  EXPECT_EQ(ConditionOf(claim, "Stalled").status, "");
  outcome.source.reset();
  outcome.blocker = Blocker{"NameConflict", "taken", true};
  claim = After(Claim(), outcome, kCreated);
  EXPECT_EQ(ConditionOf(claim, "Stalled").reason, "NameConflict");
}

TEST(ClaimStatusTest, ATemplateThatWentIsSaidOfABoundClaimToo) {
  ClaimOutcome outcome;
  outcome.bound = Sandbox("s");
  outcome.source = Blocker{"TemplateNotFound", "there is none", false};
  const auto claim = After(Claim(), outcome, kCreated);
  EXPECT_EQ(ConditionOf(claim, "TemplateResolved").reason, "TemplateNotFound");
  EXPECT_EQ(ConditionOf(claim, "Ready").status, "True");
}

TEST(ClaimStatusTest, AFinishedClaimStaysFinished) {
  const auto claim = Ended(Bound(Claim()), ClaimEnd::kExpired);
  EXPECT_EQ(ConditionOf(claim, "Finished").reason, "Expired");
  EXPECT_EQ(ConditionOf(claim, "Ready").reason, "Expired");
  EXPECT_EQ(ConditionOf(claim, "Bound").status, "False");
  ClaimOutcome again;
  again.end = PlanClaim(claim, {}, kCreated + seconds(100)).end;
  EXPECT_EQ(ComputeClaimStatus(claim, again, kCreated + seconds(100)), claim.status.ToJson());
}

}  // namespace
}  // namespace stockade::sandbox_operator
