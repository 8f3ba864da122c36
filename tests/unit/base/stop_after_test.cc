#include "base/stop_after.h"

#include <gtest/gtest.h>

namespace stockade {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

TEST(StopAfterTest, RequestsAStopWhenTheTimeIsOver) {
  const std::stop_source source;
  const StopAfter after(source, milliseconds(1));
  EXPECT_FALSE(SleepUnlessStopped(source.get_token(), std::chrono::minutes(1)));
}

TEST(StopAfterTest, RequestsNothingWhenItIsDestroyedBefore) {
  const std::stop_source source;
  {
    const StopAfter after(source, hours(1));
  }
  EXPECT_FALSE(source.stop_requested());
}

}  // namespace
}  // namespace stockade
