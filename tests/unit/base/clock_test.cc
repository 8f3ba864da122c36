#include "base/clock.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"

namespace stockade {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::system_clock;

TEST(FormatTimeTest, WritesWholeSecondsInUtc) {
  struct Case {
    std::time_t time;
    const char* text;
  };
  // Values of `date -u -d @N`.
  const Case cases[] = {{0, "1970-01-01T00:00:00Z"},          {951782400, "2000-02-29T00:00:00Z"},
                        {1483228799, "2016-12-31T23:59:59Z"}, {1767225600, "2026-01-01T00:00:00Z"},
                        {2147483648, "2038-01-19T03:14:08Z"}, {4102444799, "2099-12-31T23:59:59Z"}};
  for (const Case& c : cases) {
    EXPECT_EQ(FormatTime(system_clock::from_time_t(c.time)), c.text);
  }
}

TEST(FormatTimeTest, DropsFractionsOfASecond) {
  const auto time = system_clock::from_time_t(1767225600) + milliseconds(999);
  EXPECT_EQ(FormatTime(time), "2026-01-01T00:00:00Z");
}

TEST(FormatTimeTest, DoesNotRoundUpBeforeTheEpoch) {
  EXPECT_EQ(FormatTime(system_clock::from_time_t(0) - milliseconds(1)), "1969-12-31T23:59:59Z");
}

TEST(FormatMicroTimeTest, WritesMicroseconds) {
  const auto time = system_clock::from_time_t(1767225600);
  EXPECT_EQ(FormatMicroTime(time), "2026-01-01T00:00:00.000000Z");
  EXPECT_EQ(FormatMicroTime(time + milliseconds(999)), "2026-01-01T00:00:00.999000Z");
  EXPECT_EQ(FormatMicroTime(time - milliseconds(1)), "2025-12-31T23:59:59.999000Z");
  EXPECT_EQ(FormatMicroTime(system_clock::from_time_t(0) - milliseconds(1)),
            "1969-12-31T23:59:59.999000Z");
}

TEST(SystemClockTest, TimeSinceBootNeverGoesBack) {
  const SystemClock clock;
  auto last = clock.SinceBoot();
  EXPECT_GT(last, seconds(0));
  for (int i = 0; i < 1000; ++i) {
    const auto now = clock.SinceBoot();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(SystemClockTest, NowIsTheWallClock) {
  const auto before = system_clock::now();
  const auto now = SystemClock().Now();
  // Only the order to `before` is asked for, and a second of leave for a clock that is set back.
  EXPECT_GE(now, before - seconds(1));
}

TEST(FakeClockTest, MovesOnlyWhenTold) {
  testing::FakeClock clock;
  EXPECT_EQ(FormatTime(clock.Now()), "2026-01-01T00:00:00Z");
  EXPECT_EQ(clock.SinceBoot().count(), 0);
  clock.Advance(seconds(61));
  EXPECT_EQ(FormatTime(clock.Now()), "2026-01-01T00:01:01Z");
  EXPECT_EQ(clock.SinceBoot(), seconds(61));
}

}  // namespace
}  // namespace stockade
