#include "runtime/wall_clock_watch.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/fakes/fake_clock.h"

namespace stockade::runtime {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

class WallClockWatchTest : public ::testing::Test {
 protected:
  // How often it was noticed that the clock had been set.
  int Noticed() {
    watch_.Check();
    return jumps_;
  }

  testing::FakeClock clock_;
  std::vector<std::string> lines_;
  Logger logger_{clock_, LogLevel::kWarning,
                 [this](std::string_view line) { lines_.emplace_back(line); }};
  int jumps_ = 0;
  WallClockWatch watch_{clock_, logger_, [this] { ++jumps_; }};
};

TEST_F(WallClockWatchTest, TimeThatPassesIsNoJump) {
  EXPECT_EQ(Noticed(), 0);
  clock_.Advance(hours(30));
  EXPECT_EQ(Noticed(), 0);
  EXPECT_TRUE(lines_.empty());
}

TEST_F(WallClockWatchTest, EachJumpIsNoticedOnce) {
  clock_.SetBy(hours(1));
  EXPECT_EQ(Noticed(), 1);
  EXPECT_EQ(Noticed(), 1);
  clock_.SetBy(-hours(2));
  EXPECT_EQ(Noticed(), 2);
  EXPECT_EQ(Noticed(), 2);
  ASSERT_EQ(lines_.size(), 2U);
  EXPECT_NE(lines_[0].find("\"seconds\":3600"), std::string::npos) << lines_[0];
  EXPECT_NE(lines_[1].find("\"seconds\":-7200"), std::string::npos) << lines_[1];
}

TEST_F(WallClockWatchTest, SmallStepsAddUp) {
  clock_.SetBy(milliseconds(600));
  EXPECT_EQ(Noticed(), 0);
  clock_.SetBy(milliseconds(600));
  EXPECT_EQ(Noticed(), 1);
  clock_.SetBy(-milliseconds(600));
  EXPECT_EQ(Noticed(), 1);
}

// Each reading of the clock that never jumps takes as long as it is told.
class SlowClock final : public Clock {
 public:
  [[nodiscard]] std::chrono::system_clock::time_point Now() const override {
    return std::chrono::system_clock::time_point(elapsed_);
  }
  [[nodiscard]] std::chrono::nanoseconds SinceBoot() const override {
    const auto now = elapsed_;
    elapsed_ += delay;
    return now;
  }

  std::chrono::nanoseconds delay{};

 private:
  mutable std::chrono::nanoseconds elapsed_{};
};

TEST(WallClockWatchReadingTest, AThreadThatWasHeldUpBetweenTheClocksTakesNothingForAJump) {
  SlowClock clock;
  Logger logger{clock, LogLevel::kWarning, [](std::string_view) {}};
  int jumps = 0;
  WallClockWatch watch(clock, logger, [&jumps] { ++jumps; });
  clock.delay = seconds(5);
  watch.Check();
  EXPECT_EQ(jumps, 0);
}

}  // namespace
}  // namespace stockade::runtime
