#include "runtime/work_queue.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

#include "tests/fakes/fake_clock.h"

namespace stockade::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const ObjectKey kA{"ns", "a"};
const ObjectKey kB{"ns", "b"};

class WorkQueueTest : public ::testing::Test {
 protected:
  testing::FakeClock clock_;
  WorkQueue queue_{clock_};
};

TEST_F(WorkQueueTest, GivesKeysInTheOrderTheyWereAdded) {
  queue_.Add(kB);
  queue_.Add(kA);
  EXPECT_EQ(queue_.TryGet(), kB);
  EXPECT_EQ(queue_.TryGet(), kA);
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
}

TEST_F(WorkQueueTest, AddTwiceGivesOnce) {
  queue_.Add(kA);
  queue_.Add(kA);
  EXPECT_EQ(queue_.size(), 1U);
  EXPECT_EQ(queue_.TryGet(), kA);
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
}

TEST_F(WorkQueueTest, AddWhileProcessingRequeuesOnce) {
  queue_.Add(kA);
  ASSERT_EQ(queue_.TryGet(), kA);
  queue_.Add(kA);
  queue_.Add(kA);
  EXPECT_EQ(queue_.TryGet(), std::nullopt) << "never with two workers at once";
  queue_.Done(kA);
  EXPECT_EQ(queue_.TryGet(), kA);
  queue_.Done(kA);
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
}

TEST_F(WorkQueueTest, ADelayEndsWhenTheKeyIsGivenOutBefore) {
  queue_.AddAfter(kA, seconds(1));
  queue_.Add(kA);
  ASSERT_EQ(queue_.TryGet(), kA);
  queue_.Done(kA);
  clock_.Advance(seconds(2));
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
}

// It may be for something that the worker has not seen any more.
TEST_F(WorkQueueTest, ADelayThatWasAskedForWhileAWorkerHadTheKeyStands) {
  queue_.Add(kA);
  ASSERT_EQ(queue_.TryGet(), kA);
  queue_.AddAfter(kA, seconds(1));
  queue_.Forget(kA);
  queue_.Done(kA);
  clock_.Advance(seconds(2));
  EXPECT_EQ(queue_.TryGet(), kA);
}

TEST_F(WorkQueueTest, LowPriorityWaitsForTheOthers) {
  queue_.Add(kA, Priority::kLow);
  queue_.Add(kB);
  EXPECT_EQ(queue_.size(), 2U);
  EXPECT_EQ(queue_.TryGet(), kB);
  EXPECT_EQ(queue_.TryGet(), kA);
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
}

TEST_F(WorkQueueTest, AKeyRisesAndIsStillGivenOnce) {
  queue_.Add(kA, Priority::kLow);
  queue_.Add(kB, Priority::kLow);
  queue_.Add(kB);
  EXPECT_EQ(queue_.size(), 2U);
  EXPECT_EQ(queue_.TryGet(), kB);
  queue_.Done(kB);
  EXPECT_EQ(queue_.size(), 1U);
  EXPECT_EQ(queue_.TryGet(), kA);
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
}

TEST_F(WorkQueueTest, AKeyDoesNotFall) {
  queue_.Add(kA);
  queue_.Add(kA, Priority::kLow);
  queue_.Add(kB);
  EXPECT_EQ(queue_.TryGet(), kA);
}

TEST_F(WorkQueueTest, PriorityOutlastsTheWaitForDone) {
  queue_.Add(kA);
  ASSERT_EQ(queue_.TryGet(), kA);
  queue_.Add(kA, Priority::kLow);
  queue_.Add(kB, Priority::kLow);
  queue_.Add(kA);
  EXPECT_EQ(queue_.size(), 1U) << "only B can be given out";
  queue_.Done(kA);
  EXPECT_EQ(queue_.TryGet(), kA);
  EXPECT_EQ(queue_.TryGet(), kB);
}

// The place that it left in the other line must not bring it to a second worker.
TEST_F(WorkQueueTest, ARisenKeyIsNeverWithTwoWorkers) {
  queue_.Add(kA, Priority::kLow);
  queue_.Add(kA);
  ASSERT_EQ(queue_.TryGet(), kA);
  queue_.Add(kA, Priority::kLow);
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
  queue_.Done(kA);
  EXPECT_EQ(queue_.size(), 1U);
  EXPECT_EQ(queue_.TryGet(), kA);
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
  EXPECT_EQ(queue_.size(), 0U);
}

TEST_F(WorkQueueTest, DoneWithoutAddDoesNotRequeue) {
  queue_.Add(kA);
  ASSERT_EQ(queue_.TryGet(), kA);
  queue_.Done(kA);
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
}

TEST_F(WorkQueueTest, DelayedKeyComesWhenDue) {
  queue_.AddAfter(kA, seconds(2));
  clock_.Advance(seconds(2) - milliseconds(1));
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
  clock_.Advance(milliseconds(1));
  EXPECT_EQ(queue_.TryGet(), kA);
}

TEST_F(WorkQueueTest, EarliestOfSeveralDelaysCounts) {
  queue_.AddAfter(kA, seconds(10));
  queue_.AddAfter(kA, seconds(1));
  queue_.AddAfter(kA, seconds(5));
  clock_.Advance(seconds(1));
  EXPECT_EQ(queue_.TryGet(), kA);
  queue_.Done(kA);
  clock_.Advance(seconds(20));
  EXPECT_EQ(queue_.TryGet(), std::nullopt) << "the later delays are outdated";
}

TEST_F(WorkQueueTest, AddOvertakesDelay) {
  queue_.AddAfter(kA, seconds(10));
  queue_.Add(kA);
  EXPECT_EQ(queue_.TryGet(), kA);
  queue_.Done(kA);
  clock_.Advance(seconds(10));
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
}

TEST_F(WorkQueueTest, DelayWhileProcessingIsKept) {
  queue_.Add(kA);
  ASSERT_EQ(queue_.TryGet(), kA);
  queue_.AddAfter(kA, seconds(1));
  clock_.Advance(seconds(1));
  EXPECT_EQ(queue_.TryGet(), std::nullopt) << "due, but a worker still has it";
  queue_.Done(kA);
  EXPECT_EQ(queue_.TryGet(), kA);
}

TEST_F(WorkQueueTest, RateLimitDoublesUntilForgotten) {
  for (const int delay : {5, 10, 20, 40}) {
    queue_.AddRateLimited(kA);
    clock_.Advance(milliseconds(delay - 1));
    EXPECT_EQ(queue_.TryGet(), std::nullopt) << delay;
    clock_.Advance(milliseconds(1));
    EXPECT_EQ(queue_.TryGet(), kA) << delay;
    queue_.Done(kA);
  }
  EXPECT_EQ(queue_.Failures(kA), 4);
  queue_.Forget(kA);
  queue_.AddRateLimited(kA);
  clock_.Advance(milliseconds(5));
  EXPECT_EQ(queue_.TryGet(), kA);
}

TEST_F(WorkQueueTest, RateLimitHasAMaximum) {
  WorkQueue queue(clock_, {.base = milliseconds(5), .maximum = milliseconds(12)});
  for (int i = 0; i < 100; ++i) {
    queue.AddRateLimited(kA);
    clock_.Advance(milliseconds(12));
    ASSERT_EQ(queue.TryGet(), kA);
    queue.Done(kA);
  }
}

TEST_F(WorkQueueTest, ShutDownWakesWaitingWorkersAndRefusesKeys) {
  std::jthread worker([this] { EXPECT_EQ(queue_.Get(), std::nullopt); });
  queue_.ShutDown();
  worker.join();
  queue_.Add(kA);
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
}

TEST_F(WorkQueueTest, GetWaitsForADelayedKeyOnTheRealClock) {
  const SystemClock clock;
  WorkQueue queue(clock);
  std::jthread adder([&queue] { queue.AddAfter(kA, milliseconds(20)); });
  EXPECT_EQ(queue.Get(), kA);
}

// Under ThreadSanitizer this is the test of the locking; everywhere, of the promise that no key is
// ever with two workers and none is lost.
TEST_F(WorkQueueTest, ManyWorkersNeverShareAKeyAndLoseNone) {
  const SystemClock clock;
  WorkQueue queue(clock);
  constexpr int kKeys = 20;
  constexpr int kRounds = 200;
  std::vector<std::atomic<int>> busy(kKeys);
  std::vector<std::atomic<int>> added(kKeys);
  std::vector<std::atomic<int>> seen(kKeys);  // additions that had been made when last processed
  {
    std::vector<std::jthread> workers;
    for (int w = 0; w < 4; ++w) {
      workers.emplace_back([&] {
        while (const auto key = queue.Get()) {
          const auto index = static_cast<std::size_t>(std::stoi(key->name));
          EXPECT_EQ(busy[index].fetch_add(1), 0);
          seen[index].store(added[index].load());
          busy[index].fetch_sub(1);
          queue.Done(*key);
        }
      });
    }
    for (int round = 0; round < kRounds; ++round) {
      for (int k = 0; k < kKeys; ++k) {
        ++added[static_cast<std::size_t>(k)];
        queue.Add({"ns", std::to_string(k)});
      }
    }
    for (int k = 0; k < kKeys; ++k) {
      const auto index = static_cast<std::size_t>(k);
      while (seen[index].load() != kRounds) std::this_thread::yield();
    }
    queue.ShutDown();
  }
}

}  // namespace
}  // namespace stockade::runtime
