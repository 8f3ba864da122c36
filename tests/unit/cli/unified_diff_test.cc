#include "cli/unified_diff.h"

#include <gtest/gtest.h>

#include <string>

namespace stockade::cli {
namespace {

std::string Numbers(int first, int last) {
  std::string text;
  for (int i = first; i <= last; ++i) text += std::to_string(i) + "\n";
  return text;
}

TEST(UnifiedDiffTest, EqualTextsHaveNone) {
  EXPECT_EQ(UnifiedDiff("a", "x\n", "b", "x\n"), "");
  EXPECT_EQ(UnifiedDiff("a", "", "b", ""), "");
}

TEST(UnifiedDiffTest, ShowsThreeLinesAroundAChange) {
  std::string after = Numbers(1, 20);
  after.replace(after.find("10\n"), 3, "ten\n");
  EXPECT_EQ(UnifiedDiff("a", Numbers(1, 20), "b", after),
            "--- a\n+++ b\n@@ -7,7 +7,7 @@\n 7\n 8\n 9\n-10\n+ten\n 11\n 12\n 13\n");
}

TEST(UnifiedDiffTest, DistantChangesAreHunksOfTheirOwn) {
  std::string after = "0\n" + Numbers(1, 19);
  EXPECT_EQ(
      UnifiedDiff("a", Numbers(1, 20), "b", after),
      "--- a\n+++ b\n@@ -1,3 +1,4 @@\n+0\n 1\n 2\n 3\n@@ -17,4 +18,3 @@\n 17\n 18\n 19\n-20\n");
}

TEST(UnifiedDiffTest, NearChangesAreOneHunk) {
  EXPECT_EQ(UnifiedDiff("a", "1\n2\n3\n4\n5\n6\n7\n8\n", "b", "x\n2\n3\n4\n5\n6\n7\ny\n"),
            "--- a\n+++ b\n@@ -1,8 +1,8 @@\n-1\n+x\n 2\n 3\n 4\n 5\n 6\n 7\n-8\n+y\n");
}

TEST(UnifiedDiffTest, CreationAndDeletionAreWholeTexts) {
  EXPECT_EQ(UnifiedDiff("a", "", "b", "1\n2\n"), "--- a\n+++ b\n@@ -0,0 +1,2 @@\n+1\n+2\n");
  EXPECT_EQ(UnifiedDiff("a", "1\n", "b", ""), "--- a\n+++ b\n@@ -1 +0,0 @@\n-1\n");
}

}  // namespace
}  // namespace stockade::cli
