#include "base/rfc3339.h"

#include <gtest/gtest.h>

#include "base/clock.h"

namespace stockade {
namespace {

TEST(ParseRfc3339Test, ReadsTimesInEveryOffset) {
  const struct {
    const char* text;
    const char* utc;
  } cases[] = {
      {"2026-11-24T04:15:20Z", "2026-11-24T04:15:20Z"},
      {"2026-11-24T04:15:20.123456789Z", "2026-11-24T04:15:20Z"},
      {"2026-11-24T04:15:20+01:30", "2026-11-24T02:45:20Z"},
      {"2026-11-24T23:15:20-01:00", "2026-11-25T00:15:20Z"},
      {"2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"},
      {"9999-12-31T23:59:59Z", "2200-01-01T00:00:00Z"},
      {"0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"},
  };
  for (const auto& c : cases) {
    const auto time = ParseRfc3339(c.text);
    ASSERT_TRUE(time.has_value()) << c.text;
    EXPECT_EQ(FormatTime(*time), c.utc) << c.text;
  }
}

TEST(ParseRfc3339Test, RefusesEverythingElse) {
  for (const char* text :
       {"", "2026", "2026-11-24", "2026-11-24T04:15:20", "2026-11-24 04:15:20Z",
        "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-00-01T00:00:00Z",
        "2026-11-24T24:00:00Z", "2026-11-24T00:60:00Z", "2026-11-24T00:00:60Z",
        "2026-11-24T00:00:00.Z", "2026-11-24T00:00:00+0100", "2026-11-24T00:00:00+24:00",
        "2026-11-24T00:00:00Zx", "+026-11-24T00:00:00Z", "2026-1-24T00:00:00Z"}) {
    EXPECT_FALSE(ParseRfc3339(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace stockade
