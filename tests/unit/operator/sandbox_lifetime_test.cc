#include "operator/sandbox_lifetime.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/fakes/fake_clock.h"

namespace stockade::sandbox_operator {
namespace {

using codec::Json;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class SandboxLifetimeTest : public ::testing::Test {
 protected:
  SandboxLifetimeTest() {
    sandbox_.metadata.generation = 2;
    sandbox_.metadata.created = clock_.Now();
  }
  [[nodiscard]] SandboxLifetime Look() const { return LifetimeOf(sandbox_, clock_.Now()); }
  void Say(const char* type, const char* value, const char* reason, int generation = 2) {
    const Json status = {
        {"observedGeneration", generation},
        {"conditions", Json::array({{{"type", type}, {"status", value}, {"reason", reason}}})}};
    sandbox_.status = api::JsonText(codec::ParseTrusted(status).root());
  }

  testing::FakeClock clock_;
  api::AgentSandbox sandbox_;
};

TEST_F(SandboxLifetimeTest, WithoutAnEndNothingEverComes) {
  clock_.Advance(hours(24 * 365));
  const SandboxLifetime lifetime = Look();
  EXPECT_FALSE(lifetime.end);
  EXPECT_FALSE(lifetime.ends_soon || lifetime.expired || lifetime.ended);
  EXPECT_FALSE(lifetime.look_again);
}

TEST_F(SandboxLifetimeTest, IsWarnedOfAnHourBeforeAndEndsOnTime) {
  sandbox_.spec.lifecycle.shutdown_time = clock_.Now() + hours(20);
  EXPECT_EQ(Look().end, clock_.Now() + hours(20));
  EXPECT_FALSE(Look().ends_soon);
  EXPECT_EQ(Look().look_again, hours(19));
  clock_.Advance(hours(19) - milliseconds(1));
  EXPECT_FALSE(Look().ends_soon);
  EXPECT_EQ(Look().look_again, milliseconds(1));
  clock_.Advance(milliseconds(1));
  EXPECT_TRUE(Look().ends_soon);
  EXPECT_EQ(Look().look_again, hours(1));
  clock_.Advance(hours(1) - milliseconds(1));
  EXPECT_FALSE(Look().expired);
  clock_.Advance(milliseconds(1));
  EXPECT_TRUE(Look().expired);
  EXPECT_FALSE(Look().ends_soon) << "it has come";
  EXPECT_FALSE(Look().look_again);
}

TEST_F(SandboxLifetimeTest, AShortLifeIsWarnedOfInItsLastTenth) {
  sandbox_.spec.lifecycle.max_lifetime = seconds(100);
  EXPECT_EQ(Look().look_again, seconds(90));
  clock_.Advance(seconds(90));
  EXPECT_TRUE(Look().ends_soon);
  EXPECT_EQ(Look().look_again, seconds(10));
}

TEST_F(SandboxLifetimeTest, NoWaitIsLongerThanADay) {
  sandbox_.spec.lifecycle.max_lifetime = seconds(api::kLongestLifetimeSeconds);
  EXPECT_EQ(Look().look_again, hours(24));
  sandbox_.spec.lifecycle = {};
  sandbox_.spec.lifecycle.shutdown_time = clock_.Now() + hours(24 * 365 * 100);
  EXPECT_EQ(Look().look_again, hours(24));
}

TEST_F(SandboxLifetimeTest, AnEndBeforeItsBeginningIsReachedAtOnce) {
  sandbox_.spec.lifecycle.shutdown_time = clock_.Now() - hours(1);
  EXPECT_TRUE(Look().expired);
}

TEST_F(SandboxLifetimeTest, AClockThatWasSetForwardsIsBelieved) {
  sandbox_.spec.lifecycle.max_lifetime = minutes(10);
  clock_.SetBy(minutes(10));
  EXPECT_TRUE(Look().expired);
}

TEST_F(SandboxLifetimeTest, AnEndThatTheStatusTellsOfIsNotUndoneByTheClock) {
  sandbox_.spec.lifecycle.max_lifetime = minutes(10);
  EXPECT_FALSE(Look().expired);
  Say("Ready", "False", "Expired");
  EXPECT_TRUE(Look().expired);
  clock_.SetBy(-hours(5));
  EXPECT_TRUE(Look().expired);
  EXPECT_FALSE(Look().ended) << "its pod may be ending yet";
}

TEST_F(SandboxLifetimeTest, ALaterEndBringsItBack) {
  sandbox_.spec.lifecycle.max_lifetime = minutes(10);
  Say("Ready", "False", "Expired", /*generation=*/1);
  EXPECT_FALSE(Look().expired) << "that was of another spec";
  sandbox_.spec.lifecycle = {};
  Say("Ready", "False", "Expired");
  EXPECT_FALSE(Look().expired) << "it has no end at all";
}

TEST_F(SandboxLifetimeTest, HasEndedWhenTheStatusSaysSoOfThisSpec) {
  sandbox_.spec.lifecycle.max_lifetime = minutes(10);
  clock_.Advance(minutes(10));
  EXPECT_FALSE(Look().ended);
  Say("Finished", "True", "PodFailed");
  EXPECT_FALSE(Look().ended);
  Say("Finished", "True", "Expired", /*generation=*/1);
  EXPECT_FALSE(Look().ended);
  Say("Finished", "True", "Expired");
  EXPECT_TRUE(Look().ended);
}

// The end of a sandbox that nothing uses, of which this process has warned for so long.
class IdleEndTest : public SandboxLifetimeTest {
 protected:
  IdleEndTest() : idle_{.at = clock_.Now() + hours(10), .period = hours(10)} {}
  [[nodiscard]] SandboxLifetime Look() const { return LifetimeOf(sandbox_, clock_.Now(), idle_); }

  IdleEnd idle_;
};

TEST_F(IdleEndTest, IsWarnedOfAndDeletesWhateverTheShutdownPolicyIs) {
  EXPECT_EQ(Look().end, clock_.Now() + hours(10));
  EXPECT_TRUE(Look().by_idleness);
  EXPECT_TRUE(Look().deletes);
  EXPECT_FALSE(Look().ends_soon);
  EXPECT_EQ(Look().look_again, hours(9));
  clock_.Advance(hours(9));
  EXPECT_TRUE(Look().ends_soon);
  EXPECT_EQ(Look().look_again, hours(1));
  clock_.Advance(hours(1));
  idle_.warned = hours(1);
  EXPECT_TRUE(Look().expired);
}

TEST_F(IdleEndTest, OfOneThatSomebodyClaimedDeletesNothing) {
  idle_.deletes = false;
  EXPECT_FALSE(Look().deletes);
}

TEST_F(IdleEndTest, AClockThatJumpsAheadEndsNothingBeforeItWasWarnedOf) {
  clock_.SetBy(hours(1000));
  EXPECT_TRUE(Look().ends_soon);
  EXPECT_FALSE(Look().expired);
  EXPECT_EQ(Look().look_again, hours(1));
  idle_.warned = minutes(59);
  EXPECT_FALSE(Look().expired);
  EXPECT_EQ(Look().look_again, minutes(1));
  clock_.SetBy(-hours(1000));
  EXPECT_FALSE(Look().ends_soon) << "somebody has set it right";
  clock_.SetBy(hours(1000));
  idle_.warned = hours(1);
  EXPECT_TRUE(Look().expired) << "nobody has";
}

TEST_F(IdleEndTest, WhatTheStatusSaysOfItIsNotUndone) {
  Say("Ready", "False", "Expired");
  EXPECT_TRUE(Look().expired);
}

TEST_F(IdleEndTest, AnEarlierEndComesFirst) {
  sandbox_.spec.lifecycle.shutdown_time = clock_.Now() + hours(5);
  EXPECT_FALSE(Look().by_idleness);
  EXPECT_FALSE(Look().deletes);
  EXPECT_EQ(Look().end, clock_.Now() + hours(5));
  clock_.Advance(hours(5));
  EXPECT_TRUE(Look().expired);
}

TEST_F(IdleEndTest, ALaterEndComesWhileTheWarningIsStillUnderWay) {
  sandbox_.spec.lifecycle.shutdown_time = clock_.Now() + hours(11);
  clock_.Advance(hours(11));
  EXPECT_TRUE(Look().expired);
}

}  // namespace
}  // namespace stockade::sandbox_operator
