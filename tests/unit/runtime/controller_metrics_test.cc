#include "runtime/controller_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <atomic>
#include <string>
#include <thread>

#include "base/log.h"
#include "runtime/controller.h"
#include "runtime/work_queue.h"
#include "tests/fakes/fake_clock.h"

namespace stockade::runtime {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

const ObjectKey kFirst{"a", "first"};
const ObjectKey kSecond{"a", "second"};

std::string TextOf(const prometheus::Registry& registry) {
  return prometheus::TextSerializer().Serialize(registry.Collect());
}

class WorkQueueMetricsTest : public ::testing::Test {
 protected:
  WorkQueueMetricsTest() { queue_.Measure(metrics_); }

  std::string Text() {
    queue_.RefreshMetrics();
    return TextOf(registry_);
  }
  static std::string Line(const char* metric, const char* value) {
    return std::string("workqueue_") + metric + "{controller=\"sandbox\",name=\"sandbox\"} " +
           value + "\n";
  }

  testing::FakeClock clock_;
  prometheus::Registry registry_;
  WorkQueueMetrics metrics_{registry_, "sandbox"};
  WorkQueue queue_{clock_};
};

TEST_F(WorkQueueMetricsTest, DepthAndAddsCountEachKeyOnce) {
  queue_.Add(kFirst);
  queue_.Add(kFirst);
  queue_.Add(kSecond);
  EXPECT_THAT(Text(), HasSubstr(Line("depth", "2")));
  EXPECT_THAT(Text(), HasSubstr(Line("adds_total", "2")));
}

TEST_F(WorkQueueMetricsTest, TimesAreMeasuredFromAddToGetToDone) {
  queue_.Add(kFirst);
  clock_.Advance(milliseconds(250));
  ASSERT_TRUE(queue_.TryGet());
  clock_.Advance(milliseconds(500));
  EXPECT_THAT(Text(), HasSubstr(Line("unfinished_work_seconds", "0.5")));
  EXPECT_THAT(Text(), HasSubstr(Line("longest_running_processor_seconds", "0.5")));
  queue_.Done(kFirst);
  EXPECT_THAT(Text(), HasSubstr(Line("queue_duration_seconds_sum", "0.25")));
  EXPECT_THAT(Text(), HasSubstr(Line("work_duration_seconds_sum", "0.5")));
  EXPECT_THAT(Text(), HasSubstr(Line("unfinished_work_seconds", "0")));
}

TEST_F(WorkQueueMetricsTest, RetriesCountRateLimitedAdds) {
  queue_.AddRateLimited(kFirst);
  queue_.AddRateLimited(kFirst);
  EXPECT_THAT(Text(), HasSubstr(Line("retries_total", "2")));
  EXPECT_THAT(Text(), HasSubstr(Line("depth", "0")));
}

TEST(ControllerMetricsTest, CountsReconcilesByResult) {
  const SystemClock clock;
  Logger logger(clock, LogLevel::kError, [](std::string_view) {});
  prometheus::Registry registry;
  std::atomic<int> calls = 0;
  Controller controller("sandbox", clock, logger, [&calls](const ObjectKey&) -> ReconcileResult {
    switch (calls++) {
      case 0:
        return {Status(StatusCode::kUnavailable, "once"), std::nullopt};
      case 1:
        return {Status::Ok(), milliseconds(1)};
      default:
        return {};
    }
  });
  controller.Measure(registry);
  controller.Enqueue(kFirst);
  controller.Start(3);
  while (calls < 3) std::this_thread::yield();
  controller.Stop();

  const std::string text = TextOf(registry);
  for (const char* result : {"error", "requeue_after", "success"}) {
    EXPECT_THAT(text, HasSubstr("controller_runtime_reconcile_total{controller=\"sandbox\","
                                "result=\"" +
                                std::string(result) + "\"} 1\n"));
  }
  EXPECT_THAT(text,
              HasSubstr("controller_runtime_reconcile_errors_total{controller=\"sandbox\"} 1"));
  EXPECT_THAT(
      text, HasSubstr("controller_runtime_reconcile_time_seconds_count{controller=\"sandbox\"} 3"));
  EXPECT_THAT(text,
              HasSubstr("controller_runtime_max_concurrent_reconciles{controller=\"sandbox\"} 3"));
  EXPECT_THAT(text, HasSubstr("controller_runtime_active_workers{controller=\"sandbox\"} 0"));
}

}  // namespace
}  // namespace stockade::runtime
