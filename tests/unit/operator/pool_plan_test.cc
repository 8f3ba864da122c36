#include "operator/pool_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"

namespace stockade::sandbox_operator {
namespace {

using codec::Json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const auto kNow = std::chrono::system_clock::from_time_t(1767225600);

BoundSandbox Member(const std::string& name, bool ready = true, const std::string& revision = "1") {
  BoundSandbox member;
  member.name = name;
  member.uid = "uid-" + name;
  member.revision = revision;
  member.pristine = true;
  member.ready = ready;
  member.created = kNow;
  member.not_ready_since = kNow;
  return member;
}

PoolSituation Of(std::vector<BoundSandbox> members) {
  PoolSituation situation;
  situation.members = std::move(members);
  situation.revision = "1";
  situation.now = kNow;
  return situation;
}

api::AgentSandboxPoolSpec Pool(std::int64_t replicas,
                               api::PoolUpdate update = api::PoolUpdate::kOnReplenish) {
  api::AgentSandboxPoolSpec pool;
  pool.template_name = "t";
  pool.replicas = replicas;
  pool.update = update;
  return pool;
}

std::vector<std::string> Removed(const PoolPlan& plan) {
  std::vector<std::string> names;
  names.reserve(plan.remove.size() + plan.failed.size());
  for (const BoundSandbox& sandbox : plan.remove) names.push_back(sandbox.name);
  for (const BoundSandbox& sandbox : plan.failed) names.push_back(sandbox.name);
  return names;
}

TEST(PoolPlanTest, AFullPoolIsLeftAlone) {
  const PoolPlan plan = PlanPool(Pool(2), Of({Member("a"), Member("b")}));
  EXPECT_THAT(Removed(plan), IsEmpty());
  EXPECT_EQ(plan.create, 0);
  EXPECT_FALSE(plan.look_again);
}

TEST(PoolPlanTest, WhatIsMissingIsMadeAtThePoolsPace) {
  PoolPlan plan = PlanPool(Pool(3), Of({}));
  EXPECT_EQ(plan.create, 3);
  auto paced = Pool(30);
  paced.max_starting = 4;
  plan = PlanPool(paced, Of({Member("a"), Member("b", /*ready=*/false)}));
  EXPECT_EQ(plan.create, 3);
  EXPECT_TRUE(plan.look_again);
}

TEST(PoolPlanTest, ClaimsThatWaitComeFirst) {
  auto paced = Pool(30);
  paced.max_starting = 4;
  PoolSituation situation = Of({Member("a", /*ready=*/false)});
  situation.claims_waiting = 2;
  EXPECT_EQ(PlanPool(paced, situation).create, 1);
  situation.claims_waiting = 200;
  const PoolPlan plan = PlanPool(paced, situation);
  EXPECT_EQ(plan.create, 0);
  EXPECT_EQ(plan.look_again, milliseconds(1000));
}

TEST(PoolPlanTest, WithEnoughInStoreItWaitsUntilNoClaimComes) {
  PoolSituation situation = Of({Member("a"), Member("b")});
  situation.quiet_for = milliseconds(100);
  PoolPlan plan = PlanPool(Pool(4), situation);
  EXPECT_EQ(plan.create, 0);
  EXPECT_EQ(plan.look_again, milliseconds(400));
  EXPECT_EQ(PlanPool(Pool(5), situation).create, 3) << "less than half is ready";
  situation.quiet_for = milliseconds(500);
  EXPECT_EQ(PlanPool(Pool(4), situation).create, 2);
}

TEST(PoolPlanTest, WhileClaimsComeItStartsTheMoreTheLessIsReady) {
  auto pool = Pool(40);
  pool.max_starting = 10;
  const auto at_once = [&pool](int ready) {
    PoolSituation situation = Of({});
    for (int i = 0; i < ready; ++i) situation.members.push_back(Member(std::to_string(i)));
    situation.quiet_for = milliseconds(0);
    return PlanPool(pool, situation).create;
  };
  EXPECT_EQ(at_once(20), 0);
  EXPECT_EQ(at_once(19), 1);
  EXPECT_EQ(at_once(10), 5);
  EXPECT_EQ(at_once(0), 10);
}

TEST(PoolPlanTest, NothingIsMadeWithoutATemplate) {
  PoolSituation situation = Of({Member("a")});
  situation.revision.clear();
  const PoolPlan plan = PlanPool(Pool(3, api::PoolUpdate::kRecreate), situation);
  EXPECT_EQ(plan.create, 0);
  EXPECT_THAT(Removed(plan), IsEmpty());
}

TEST(PoolPlanTest, OfTooManyThoseGoThatAreWorthLeast) {
  auto old = Member("old", /*ready=*/true, "0");
  auto oldest = Member("oldest");
  oldest.created = kNow - seconds(100);
  auto plan = PlanPool(Pool(1), Of({oldest, Member("young"), old, Member("starting", false)}));
  EXPECT_THAT(Removed(plan), ElementsAre("starting", "old", "young"));
  EXPECT_EQ(plan.create, 0);
  plan = PlanPool(Pool(0), Of({oldest}));
  EXPECT_THAT(Removed(plan), ElementsAre("oldest"));
}

TEST(PoolPlanTest, AStuckOneIsReplacedAfterAWhile) {
  auto pool = Pool(2);
  pool.startup_timeout_seconds = 60;
  auto stuck = Member("stuck", /*ready=*/false);
  stuck.not_ready_since = kNow - seconds(60);
  PoolSituation situation = Of({Member("a"), stuck});
  PoolPlan plan = PlanPool(pool, situation);
  EXPECT_THAT(Removed(plan), ElementsAre("stuck"));
  EXPECT_EQ(plan.failed.size(), 1U);
  EXPECT_EQ(plan.create, 0);
  situation = Of({Member("a")});
  situation.backoff = milliseconds(500);
  situation.waiting_replacements = 1;
  plan = PlanPool(pool, situation);
  EXPECT_EQ(plan.create, 0);
  EXPECT_EQ(plan.look_again, milliseconds(500));
  situation.backoff = milliseconds(0);
  EXPECT_EQ(PlanPool(pool, situation).create, 1);
}

TEST(PoolPlanTest, OneThatFailedKeepsNothingElseFromBeingMade) {
  auto finished = Member("finished", /*ready=*/false);
  finished.finished = true;
  PoolSituation situation = Of({finished});
  const PoolPlan plan = PlanPool(Pool(5), situation);
  EXPECT_THAT(Removed(plan), ElementsAre("finished"));
  EXPECT_EQ(plan.create, 4);
  situation = Of({Member("a")});
  situation.backoff = milliseconds(500);
  situation.waiting_replacements = 1;
  EXPECT_EQ(PlanPool(Pool(5), situation).create, 3);
}

TEST(PoolPlanTest, WhatAPolicyRefusesNowIsReplacedAndClaimedByNobody) {
  auto forbidden = Member("a");
  forbidden.forbidden = true;
  EXPECT_FALSE(CanBeClaimed(forbidden, Pool(1), "1", kNow));
  const PoolPlan plan = PlanPool(Pool(1), Of({forbidden}));
  EXPECT_THAT(Removed(plan), ElementsAre("a"));
  EXPECT_EQ(plan.failed.size(), 0U);
  EXPECT_EQ(plan.create, 1);
}

TEST(PoolPlanTest, WhoeverClaimsOneHasTheLongerHalfOfItsLifetime) {
  auto member = Member("a");
  member.expires = kNow + seconds(100);
  EXPECT_TRUE(CanBeClaimed(member, Pool(1), "1", kNow + seconds(49)));
  EXPECT_FALSE(CanBeClaimed(member, Pool(1), "1", kNow + seconds(50)));
  PoolSituation situation = Of({member});
  situation.now = kNow + seconds(49);
  PoolPlan plan = PlanPool(Pool(1), situation);
  EXPECT_THAT(Removed(plan), IsEmpty());
  EXPECT_EQ(plan.look_again, milliseconds(1000));
  situation.now = kNow + seconds(50);
  plan = PlanPool(Pool(1), situation);
  EXPECT_THAT(Removed(plan), ElementsAre("a"));
  EXPECT_EQ(plan.failed.size(), 0U);
  EXPECT_EQ(plan.create, 1);
}

TEST(PoolPlanTest, OneWhoseLifetimeIsOverHasNotFailed) {
  auto expired = Member("a", /*ready=*/false);
  expired.finished = expired.expired = true;
  const PoolPlan plan = PlanPool(Pool(1), Of({expired}));
  EXPECT_THAT(Removed(plan), ElementsAre("a"));
  EXPECT_EQ(plan.failed.size(), 0U);
}

TEST(PoolPlanTest, AStartingOneIsLookedAtWhenItsTimeIsOver) {
  auto pool = Pool(1);
  pool.startup_timeout_seconds = 60;
  auto starting = Member("a", /*ready=*/false);
  starting.not_ready_since = kNow - seconds(20);
  EXPECT_EQ(PlanPool(pool, Of({starting})).look_again, milliseconds(40000));
}

TEST(PoolPlanTest, OneThatEndedIsReplacedLikeAStuckOne) {
  auto finished = Member("a", /*ready=*/false);
  finished.finished = true;
  const PoolPlan plan = PlanPool(Pool(1), Of({finished}));
  EXPECT_THAT(Removed(plan), ElementsAre("a"));
  EXPECT_EQ(plan.failed.size(), 1U);
}

TEST(PoolPlanTest, OneThatSomebodyChangedIsReplacedAtOnceAndClaimedByNobody) {
  auto changed = Member("a");
  changed.pristine = false;
  EXPECT_FALSE(CanBeClaimed(changed, Pool(1), "1", kNow));
  PoolPlan plan = PlanPool(Pool(1), Of({changed}));
  EXPECT_THAT(Removed(plan), ElementsAre("a"));
  EXPECT_EQ(plan.failed.size(), 0U);
  EXPECT_EQ(plan.create, 1);
  changed.ready = false;
  plan = PlanPool(Pool(1), Of({changed}));
  EXPECT_EQ(plan.failed.size(), 0U) << "though it was ready long ago";
}

TEST(PoolPlanTest, OutdatedOnesStayOrGoByTheStrategy) {
  const auto old = Member("old", /*ready=*/true, "0");
  EXPECT_TRUE(CanBeClaimed(old, Pool(1), "1", kNow));
  EXPECT_THAT(Removed(PlanPool(Pool(1), Of({old}))), IsEmpty());
  const auto recreate = Pool(1, api::PoolUpdate::kRecreate);
  EXPECT_FALSE(CanBeClaimed(old, recreate, "1", kNow));
  const PoolPlan plan = PlanPool(recreate, Of({old}));
  EXPECT_THAT(Removed(plan), ElementsAre("old"));
  EXPECT_EQ(plan.create, 1);
}

TEST(PoolPlanTest, WhatIsOnItsWayOutCountsNoMore) {
  auto ending = Member("a");
  ending.deleting = true;
  EXPECT_FALSE(CanBeClaimed(ending, Pool(1), "1", kNow));
  const PoolPlan plan = PlanPool(Pool(1), Of({ending}));
  EXPECT_THAT(Removed(plan), IsEmpty());
  EXPECT_EQ(plan.create, 1);
}

TEST(PoolStatusTest, CountsTheMembers) {
  api::AgentSandboxPool pool;
  pool.metadata.name = "p";
  pool.metadata.generation = 2;
  pool.spec = Pool(3);
  auto starting = Member("c", /*ready=*/false);
  starting.reason = "Unschedulable";
  starting.message = "no node";
  auto ending = Member("d");
  ending.deleting = true;
  const Json status =
      ComputePoolStatus(pool, Of({Member("a"), Member("b", true, "0"), starting, ending}),
                        std::nullopt, std::nullopt);
  EXPECT_EQ(status["observedGeneration"], 2);
  EXPECT_EQ(status["replicas"], 3);
  EXPECT_EQ(status["readyReplicas"], 2);
  EXPECT_EQ(status["updatedReplicas"], 2);
  EXPECT_EQ(status["selector"], "stockade.dev/pool=p");
  EXPECT_EQ(status["templateRevision"], "1");
  const api::Condition ready = FindCondition(status, "Ready");
  EXPECT_EQ(ready.status, "False");
  EXPECT_EQ(ready.reason, "Filling");
  EXPECT_THAT(ready.message,
              HasSubstr("2 of 3 sandboxes are ready; \"c\": Unschedulable: no node"));
  EXPECT_EQ(FindCondition(status, "TemplateResolved").status, "True");
}

TEST(PoolStatusTest, SaysWhatKeepsItFromBeingFull) {
  api::AgentSandboxPool pool;
  pool.spec = Pool(1);
  const Blocker blocker{"SandboxRefused", "no", false};
  const auto reason = [&](const PoolSituation& situation, const std::optional<Blocker>& source,
                          const std::optional<Blocker>& refused) {
    return FindCondition(ComputePoolStatus(pool, situation, source, refused), "Ready").reason;
  };
  EXPECT_EQ(reason(Of({Member("a")}), std::nullopt, std::nullopt), "Full");
  EXPECT_EQ(reason(Of({}), std::nullopt, blocker), "SandboxRefused");
  PoolSituation backing_off = Of({});
  backing_off.backoff = seconds(1);
  EXPECT_EQ(reason(backing_off, std::nullopt, std::nullopt), "BackingOff");
  const Blocker gone{"TemplateNotFound", "none", false};
  EXPECT_EQ(reason(Of({Member("a")}), gone, std::nullopt), "TemplateNotFound");
}

}  // namespace
}  // namespace stockade::sandbox_operator
