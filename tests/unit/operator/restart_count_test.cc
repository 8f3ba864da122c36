#include "operator/restart_count.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/fakes/fake_clock.h"

namespace stockade::sandbox_operator {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// A sandbox whose status is what the last decision left in it.
class RestartCountTest : public ::testing::Test {
 protected:
  RestartCountTest() { sandbox_.metadata.generation = 4; }

  static CachedPod Failed(const std::string& uid) {
    CachedPod pod;
    pod.uid = uid;
    pod.phase = "Failed";
    return pod;
  }
  RestartDecision Decide(const CachedPod& pod) {
    const RestartDecision decision =
        DecideRestart(restart_, ReadRestartCount(sandbox_), pod, clock_.Now());
    if (!decision.exhausted) {
      const codec::Json status = {
          {"restarts", ToJson(decision.count, sandbox_.metadata.generation)}};
      sandbox_.status = api::JsonText(codec::ParseTrusted(status).root());
    }
    return decision;
  }

  testing::FakeClock clock_;
  api::Restart restart_{3, seconds(10), seconds(30)};
  api::AgentSandbox sandbox_;
};

TEST_F(RestartCountTest, WaitsLongerEachTimeAndEndsAtTheLimit) {
  int pod = 0;
  for (const int wait : {10, 20, 30}) {
    const std::string uid = "pod-" + std::to_string(pod++);
    RestartDecision decision = Decide(Failed(uid));
    EXPECT_FALSE(decision.counted);
    EXPECT_FALSE(decision.exhausted);
    EXPECT_EQ(decision.count.attempts, pod);
    EXPECT_EQ(decision.count.failed_pod_uid, uid);
    EXPECT_EQ(decision.wait, seconds(wait));
    clock_.Advance(seconds(wait) - milliseconds(1));
    decision = Decide(Failed(uid));
    EXPECT_TRUE(decision.counted);
    EXPECT_EQ(decision.wait, milliseconds(1));
    clock_.Advance(milliseconds(1));
    EXPECT_EQ(Decide(Failed(uid)).wait, milliseconds(0));
    EXPECT_EQ(decision.count.attempts, pod) << "one failure counts once";
  }
  const RestartDecision last = Decide(Failed("pod-3"));
  EXPECT_TRUE(last.exhausted);
  EXPECT_EQ(last.count.attempts, 3);
}

TEST_F(RestartCountTest, TheLastAttemptIsMadeThoughTheLimitIsReached) {
  restart_.max_attempts = 1;
  static_cast<void>(Decide(Failed("a")));
  clock_.Advance(seconds(10));
  const RestartDecision decision = Decide(Failed("a"));
  EXPECT_FALSE(decision.exhausted);
  EXPECT_EQ(decision.wait, milliseconds(0));
  EXPECT_TRUE(Decide(Failed("b")).exhausted);
}

TEST_F(RestartCountTest, ALongRunStartsTheCountAnew) {
  static_cast<void>(Decide(Failed("a")));
  static_cast<void>(Decide(Failed("b")));
  static_cast<void>(Decide(Failed("c")));
  CachedPod pod = Failed("d");
  pod.ran_for = minutes(10) - seconds(1);
  EXPECT_TRUE(Decide(pod).exhausted);
  pod.ran_for = minutes(10);
  const RestartDecision decision = Decide(pod);
  EXPECT_FALSE(decision.exhausted);
  EXPECT_EQ(decision.count.attempts, 1);
  EXPECT_EQ(decision.wait, seconds(10));
}

TEST_F(RestartCountTest, AnotherSpecStartsTheCountAnew) {
  static_cast<void>(Decide(Failed("a")));
  sandbox_.metadata.generation = 5;
  EXPECT_EQ(ReadRestartCount(sandbox_), std::nullopt);
  EXPECT_EQ(Decide(Failed("a")).count.attempts, 1);
}

TEST_F(RestartCountTest, AClockThatWasSetBackMakesNobodyWaitLonger) {
  static_cast<void>(Decide(Failed("a")));
  clock_.SetBy(-hours(10));
  EXPECT_LE(Decide(Failed("a")).wait, seconds(11));
  clock_.SetBy(hours(20));
  EXPECT_EQ(Decide(Failed("a")).wait, milliseconds(0));
}

TEST_F(RestartCountTest, TheStatusHoldsIt) {
  clock_.Advance(milliseconds(400));
  const RestartDecision decision = Decide(Failed("a"));
  EXPECT_EQ(ReadRestartCount(sandbox_), decision.count) << "whole seconds";
  sandbox_.status = api::JsonText();
  EXPECT_EQ(ReadRestartCount(sandbox_), std::nullopt);
}

}  // namespace
}  // namespace stockade::sandbox_operator
