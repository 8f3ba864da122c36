#include "kube/backoff.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace stockade::kube {
namespace {

using std::chrono::milliseconds;

TEST(BackoffTest, DoublesUpToTheLongestAndStaysInTheUpperHalf) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Backoff backoff(milliseconds(100), milliseconds(1000), seed);
    for (const int upper : {100, 200, 400, 800, 1000, 1000, 1000}) {
      const milliseconds pause = backoff.Next();
      EXPECT_GE(pause, milliseconds(upper / 2)) << "seed " << seed;
      EXPECT_LE(pause, milliseconds(upper)) << "seed " << seed;
    }
  }
}

TEST(BackoffTest, BeginsAgainAfterReset) {
  Backoff backoff(milliseconds(10), milliseconds(10000), 7);
  for (int i = 0; i < 8; ++i) (void)backoff.Next();
  backoff.Reset();
  EXPECT_LE(backoff.Next(), milliseconds(10));
  EXPECT_GE(backoff.Next(), milliseconds(10)) << "and doubles again";
}

TEST(BackoffTest, ClientsWithDifferentSeedsComeBackAtDifferentTimes) {
  std::set<milliseconds> pauses;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    pauses.insert(Backoff(milliseconds(100000), milliseconds(100000), seed).Next());
  }
  EXPECT_GT(pauses.size(), 15U);
}

TEST(BackoffTest, TheSameSeedGivesTheSamePauses) {
  Backoff one(milliseconds(1000), milliseconds(60000), 42);
  Backoff two(milliseconds(1000), milliseconds(60000), 42);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(one.Next(), two.Next());
}

}  // namespace
}  // namespace stockade::kube
