#include "operator/sandbox_idleness.h"

#include <gtest/gtest.h>

#include <string>

#include "base/clock.h"
#include "codec/json.h"
#include "operator/idle_warnings.h"
#include "tests/fakes/fake_clock.h"

namespace stockade::sandbox_operator {
namespace {

using codec::Json;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class SandboxIdlenessTest : public ::testing::Test {
 protected:
  SandboxIdlenessTest() {
    sandbox_.spec.lifecycle.idle = api::Idle{.suspend_after = minutes(10), .delete_after = {}};
    // It was first seen an hour ago, runs since then, and its sidecar has just told that nothing
    // used it.
    Say(now_ - hours(1), "Running");
    seen_.agent_start = now_ - hours(1);
    seen_.idle_exit = now_ - seconds(1);
  }

  void Say(api::TimePoint last_activity, const char* suspended_reason) {
    Json status = {{"lastActivityTime", FormatTime(last_activity)}};
    status["conditions"] =
        Json::array({{{"type", "Suspended"}, {"status", "?"}, {"reason", suspended_reason}}});
    sandbox_.status = api::JsonText(codec::ParseTrusted(status).root());
  }
  void Suspend() { sandbox_.spec.operating_mode = api::OperatingMode::kSuspended; }
  [[nodiscard]] Idleness Judge() const { return JudgeIdleness(sandbox_, seen_, now_); }

  const api::TimePoint now_ = testing::FakeClock().Now();
  api::AgentSandbox sandbox_;
  UseSeen seen_;
};

TEST_F(SandboxIdlenessTest, IsSuspendedWhenTheSidecarHasJustToldOfIt) {
  EXPECT_TRUE(Judge().suspend);
  EXPECT_EQ(Judge().last_activity, now_ - hours(1));
  EXPECT_FALSE(Judge().end);
}

TEST_F(SandboxIdlenessTest, WithoutTheFieldNothingIsIdle) {
  sandbox_.spec.lifecycle.idle.reset();
  EXPECT_FALSE(Judge().suspend);
  EXPECT_FALSE(Judge().last_activity);
}

TEST_F(SandboxIdlenessTest, IsNotSuspendedWithoutAWordOfTheSidecar) {
  seen_.idle_exit.reset();
  EXPECT_FALSE(Judge().suspend);
}

TEST_F(SandboxIdlenessTest, OldWordsDoNotCount) {
  seen_.idle_exit = now_ - seconds(60);
  EXPECT_TRUE(Judge().suspend);
  seen_.idle_exit = now_ - seconds(61);
  EXPECT_FALSE(Judge().suspend) << "nobody knows what came after it";
}

TEST_F(SandboxIdlenessTest, NorDoWordsOfAnotherTimeAltogether) {
  seen_.idle_exit = now_ + seconds(30);
  EXPECT_TRUE(Judge().suspend) << "clocks of two machines differ";
  seen_.idle_exit = now_ + hours(2);
  EXPECT_FALSE(Judge().suspend);
}

TEST_F(SandboxIdlenessTest, WhoEnteredItUsesItForAsLong) {
  seen_.entered = now_ - minutes(10) + seconds(30);
  EXPECT_FALSE(Judge().suspend);
  EXPECT_EQ(Judge().last_activity, *seen_.entered);
  seen_.entered = now_ - minutes(10) - seconds(1);
  EXPECT_TRUE(Judge().suspend);
}

TEST_F(SandboxIdlenessTest, AnEntryThatIsYetToComeIsOneOfNow) {
  seen_.entered = now_ + hours(1000);
  EXPECT_EQ(Judge().last_activity, now_);
}

TEST_F(SandboxIdlenessTest, ATimeAheadThatTheStatusHasIsOneOfNow) {
  Say(now_ + hours(5), "Running");
  EXPECT_EQ(Judge().last_activity, now_) << "a clock was ahead, and was set back";
}

TEST_F(SandboxIdlenessTest, AnAgentThatBeganMeanwhileIsNotIdle) {
  seen_.agent_start = now_ - minutes(5);
  EXPECT_FALSE(Judge().suspend);
  seen_.agent_start = *seen_.idle_exit - minutes(10) + seconds(29);
  EXPECT_TRUE(Judge().suspend) << "the sidecar begins a little before it";
  seen_.agent_start.reset();
  EXPECT_FALSE(Judge().suspend) << "it crashes, or has ended";
}

TEST_F(SandboxIdlenessTest, WhatIsSeenForTheFirstTimeBeginsNow) {
  sandbox_.status = api::JsonText();
  EXPECT_EQ(Judge().last_activity, now_);
  EXPECT_FALSE(Judge().suspend);
}

TEST_F(SandboxIdlenessTest, APoolsWaitsForAsLongAsItLikes) {
  seen_.pooled = true;
  EXPECT_FALSE(Judge().suspend);
  EXPECT_FALSE(Judge().last_activity) << "so that it begins with whoever claims it";
}

TEST_F(SandboxIdlenessTest, WhatIsBeingDeletedIsLeftAlone) {
  sandbox_.metadata.deleting = true;
  EXPECT_FALSE(Judge().suspend);
}

TEST_F(SandboxIdlenessTest, ToResumeIsToUse) {
  for (const char* reason : {"PodGone", "PodTerminating", "PodRunning"}) {
    Say(now_ - hours(1), reason);
    EXPECT_EQ(Judge().last_activity, now_) << reason;
    EXPECT_FALSE(Judge().suspend) << reason;
  }
}

TEST_F(SandboxIdlenessTest, WhomeverItWasSuspendedByIsKnownByTheApiServersRecord) {
  Suspend();
  EXPECT_FALSE(Judge().suspended);
  seen_.suspended_at = now_;
  EXPECT_TRUE(Judge().suspended);
  EXPECT_FALSE(Judge().suspend) << "it is";
  sandbox_.spec.operating_mode = api::OperatingMode::kRunning;
  EXPECT_FALSE(Judge().suspended);
}

TEST_F(SandboxIdlenessTest, ItsLastActivityWasBeforeItWasSuspended) {
  Suspend();
  seen_.suspended_at = now_ - seconds(2);
  EXPECT_EQ(Judge().last_activity, now_ - minutes(10) - seconds(2));
  // Whatever is written of it later says the same.
  Say(*Judge().last_activity, "PodGone");
  EXPECT_EQ(Judge().last_activity, now_ - minutes(10) - seconds(2));
}

TEST_F(SandboxIdlenessTest, WhoSuspendsItHimselfHasUsedIt) {
  Suspend();
  EXPECT_EQ(Judge().last_activity, now_);
}

TEST_F(SandboxIdlenessTest, IsDeletedSoLongAfterItsLastActivityOnceItIsSuspended) {
  sandbox_.spec.lifecycle.idle->delete_after = hours(24);
  EXPECT_FALSE(Judge().end) << "while it runs nobody knows when that will be";
  Suspend();
  Say(now_ - hours(2), "PodGone");
  EXPECT_EQ(Judge().end, now_ + hours(22));
  sandbox_.spec.lifecycle.idle->delete_after.reset();
  EXPECT_FALSE(Judge().end);
}

TEST_F(SandboxIdlenessTest, TimesAreWholeSecondsAsTheStatusHasThem) {
  seen_.entered = now_ - seconds(5) + std::chrono::milliseconds(700);
  EXPECT_EQ(Judge().last_activity, now_ - seconds(5));
}

TEST(IdleWarningsTest, CountsFromTheFirstWordOn) {
  testing::FakeClock clock;
  IdleWarnings warnings(clock);
  EXPECT_EQ(warnings.For("a").count(), 0);
  warnings.Set("a", true);
  clock.Advance(seconds(3));
  clock.SetBy(hours(10));
  warnings.Set("a", true);
  EXPECT_EQ(warnings.For("a"), seconds(3));
  EXPECT_EQ(warnings.For("b").count(), 0);
  warnings.Set("a", false);
  EXPECT_EQ(warnings.For("a").count(), 0);
  warnings.Set("a", true);
  warnings.Forget("a");
  EXPECT_EQ(warnings.For("a").count(), 0);
}

}  // namespace
}  // namespace stockade::sandbox_operator
