#include "operator/restart_backoff.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"

namespace stockade::sandbox_operator {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

class RestartBackoffTest : public ::testing::Test {
 protected:
  testing::FakeClock clock_;
  RestartBackoff backoff_{clock_};
};

TEST_F(RestartBackoffTest, DoublesFromTenSecondsToFiveMinutes) {
  int pod = 0;
  for (const int expected : {10, 20, 40, 80, 160, 300, 300}) {
    backoff_.PodCreated("s");
    EXPECT_EQ(backoff_.UntilRestart("s", "pod-" + std::to_string(pod++)), seconds(expected));
    clock_.Advance(seconds(expected));
  }
}

TEST_F(RestartBackoffTest, CountsEachPodOnce) {
  EXPECT_EQ(backoff_.UntilRestart("s", "p1"), seconds(10));
  clock_.Advance(seconds(4));
  EXPECT_EQ(backoff_.UntilRestart("s", "p1"), seconds(6));
  clock_.Advance(seconds(7));
  EXPECT_LE(backoff_.UntilRestart("s", "p1"), seconds(0));
}

TEST_F(RestartBackoffTest, AHealthyLifeStartsTheCountAnew) {
  backoff_.PodCreated("s");
  static_cast<void>(backoff_.UntilRestart("s", "p1"));
  backoff_.PodCreated("s");
  clock_.Advance(minutes(10));
  EXPECT_EQ(backoff_.UntilRestart("s", "p2"), seconds(10));
}

TEST_F(RestartBackoffTest, SandboxesDoNotShareACount) {
  static_cast<void>(backoff_.UntilRestart("s", "p1"));
  static_cast<void>(backoff_.UntilRestart("s", "p2"));
  EXPECT_EQ(backoff_.UntilRestart("t", "p3"), seconds(10));
  backoff_.Forget("s");
  EXPECT_EQ(backoff_.UntilRestart("s", "p4"), seconds(10));
}

TEST_F(RestartBackoffTest, KnowsTheAgeOfPodsItWasToldOf) {
  EXPECT_GT(backoff_.PodAge("s"), minutes(60));
  backoff_.PodCreated("s");
  clock_.Advance(seconds(3));
  EXPECT_EQ(backoff_.PodAge("s"), seconds(3));
}

}  // namespace
}  // namespace stockade::sandbox_operator
