#include "runtime/controller.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <vector>

#include "base/clock.h"

namespace stockade::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Waits until a count has been reached, for at most a minute.
class Counter {
 public:
  int Increment() {
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
    return ++count_;
  }
  bool WaitFor(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, seconds(60), [&] { return count_ >= count; });
  }
  int value() {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

class ControllerTest : public ::testing::Test {
 protected:
  SystemClock clock_;
  std::mutex lines_mutex_;
  std::vector<std::string> lines_;
  Logger logger_{clock_, LogLevel::kDebug, [this](std::string_view line) {
                   const std::lock_guard lock(lines_mutex_);
                   lines_.emplace_back(line);
                 }};
  const ObjectKey key_{"ns", "a"};
};

TEST_F(ControllerTest, RetriesWhatFailsUntilItSucceeds) {
  Counter calls;
  Controller controller("test", clock_, logger_, [&calls](const ObjectKey&) -> ReconcileResult {
    if (calls.Increment() < 4) return {Status(StatusCode::kUnavailable, "not yet"), {}};
    return {};
  });
  controller.Start(2);
  controller.Enqueue(key_);
  ASSERT_TRUE(calls.WaitFor(4));
  controller.Stop();
  EXPECT_EQ(calls.value(), 4);
  EXPECT_EQ(controller.queue().Failures(key_), 0) << "success forgets the failures";
}

// As of a pool, which is looked at a moment after its sandboxes changed: one that changes when the
// pool has just been looked at must not be missed.
TEST_F(ControllerTest, WhatIsToBeLookedAtLaterIsNotForgottenByTheReconcileUnderWay) {
  Counter calls;
  Controller controller("test", clock_, logger_, [&](const ObjectKey& key) -> ReconcileResult {
    if (calls.Increment() == 1) controller.queue().AddAfter(key, milliseconds(1));
    return {};
  });
  controller.Start(1);
  controller.Enqueue(key_);
  EXPECT_TRUE(calls.WaitFor(2));
}

TEST_F(ControllerTest, AnExceptionIsAFailureOfThatKeyOnly) {
  Counter calls;
  Controller controller("test", clock_, logger_, [&calls](const ObjectKey&) -> ReconcileResult {
    if (calls.Increment() == 1) throw std::runtime_error("a bug");
    return {};
  });
  controller.Start(1);
  controller.Enqueue(key_);
  ASSERT_TRUE(calls.WaitFor(2));
  controller.Stop();
  ASSERT_FALSE(lines_.empty());
  EXPECT_NE(lines_[0].find("a bug"), std::string::npos);
}

TEST_F(ControllerTest, LooksAgainAfterTheTimeAsked) {
  Counter calls;
  Controller controller("test", clock_, logger_, [&calls](const ObjectKey&) -> ReconcileResult {
    if (calls.Increment() < 3) return {Status::Ok(), milliseconds(1)};
    return {};
  });
  controller.Start(1);
  controller.Enqueue(key_);
  EXPECT_TRUE(calls.WaitFor(3));
}

TEST_F(ControllerTest, ObeysRetryAfterOfTheServer) {
  Counter calls;
  Controller controller("test", clock_, logger_, [&calls](const ObjectKey&) -> ReconcileResult {
    if (calls.Increment() == 1) {
      Status throttled(StatusCode::kThrottled, "slow down");
      throttled.set_retry_after(milliseconds(10));
      return {throttled, {}};
    }
    return {};
  });
  controller.Start(1);
  controller.Enqueue(key_);
  ASSERT_TRUE(calls.WaitFor(2));
  controller.Stop();
  EXPECT_EQ(controller.queue().Failures(key_), 0) << "the server's delay stands, not ours";
}

TEST_F(ControllerTest, StopWaitsForTheReconcileUnderWay) {
  std::atomic<bool> finished = false;
  Counter started;
  Counter release;
  Controller controller("test", clock_, logger_, [&](const ObjectKey&) -> ReconcileResult {
    started.Increment();
    release.WaitFor(1);
    finished = true;
    return {};
  });
  controller.Start(1);
  controller.Enqueue(key_);
  ASSERT_TRUE(started.WaitFor(1));
  std::jthread releaser([&release] { release.Increment(); });
  controller.Stop();
  EXPECT_TRUE(finished.load());
}

TEST_F(ControllerTest, GivesOutNoMoreKeysOnceItIsShutDown) {
  Counter started;
  Counter release;
  Controller controller("test", clock_, logger_, [&](const ObjectKey&) -> ReconcileResult {
    started.Increment();
    release.WaitFor(1);
    return {};
  });
  controller.Start(1);
  controller.Enqueue(key_);
  ASSERT_TRUE(started.WaitFor(1));
  controller.Enqueue({"ns", "waiting"});
  controller.ShutDown();
  release.Increment();
  controller.Stop();
  EXPECT_EQ(started.value(), 1);
}

TEST_F(ControllerTest, AReconcileThatWasCancelledIsNoFailureToWarnOf) {
  Counter calls;
  Controller controller("test", clock_, logger_, [&calls](const ObjectKey&) -> ReconcileResult {
    calls.Increment();
    return {Status(StatusCode::kCancelled, "a stop"), {}};
  });
  controller.Start(1);
  controller.Enqueue(key_);
  ASSERT_TRUE(calls.WaitFor(1));
  controller.Stop();
  ASSERT_FALSE(lines_.empty());
  EXPECT_NE(lines_[0].find("reconcile was cut short"), std::string::npos) << lines_[0];
  EXPECT_NE(lines_[0].find(R"("level":"info")"), std::string::npos) << lines_[0];
}

}  // namespace
}  // namespace stockade::runtime
