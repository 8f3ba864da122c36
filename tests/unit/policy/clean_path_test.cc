#include "policy/clean_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace stockade::policy {
namespace {

std::string Joined(const CleanPath& path) {
  std::string text;
  for (const std::string_view segment : path.segments()) text += "/" + std::string(segment);
  return text.empty() ? "/" : text;
}

TEST(CleanPathTest, IsWhatTheRuntimeSees) {
  struct Case {
    const char* path;
    const char* clean;
  };
  const Case cases[] = {{"", "/"},
                        {"/", "/"},
                        {"//", "/"},
                        {".", "/"},
                        {"..", "/"},
                        {"/a", "/a"},
                        {"a", "/a"},
                        {"/a/", "/a"},
                        {"//a///b//", "/a/b"},
                        {"/a/./b/.", "/a/b"},
                        {"/a/../b", "/b"},
                        {"/a/b/../..", "/"},
                        {"/../../a", "/a"},
                        {"/a/../../b", "/b"},
                        {"/...", "/..."},
                        {"/a/..b/.c", "/a/..b/.c"},
                        {"/ a /b", "/ a /b"},
                        {"/A", "/A"},
                        {"/a\\..\\b", "/a\\..\\b"}};
  for (const Case& c : cases) {
    EXPECT_EQ(Joined(CleanPath(c.path)), c.clean) << c.path;
    EXPECT_EQ(CleanPath(c.path).IsRoot(), std::string_view(c.clean) == "/") << c.path;
    EXPECT_FALSE(CleanPath(c.path).too_deep()) << c.path;
  }
}

TEST(CleanPathTest, IsAtOrUnder) {
  EXPECT_TRUE(CleanPath("/proc").IsAtOrUnder("proc"));
  EXPECT_TRUE(CleanPath("/proc/self/fd").IsAtOrUnder("proc"));
  EXPECT_TRUE(CleanPath("/x/../proc").IsAtOrUnder("proc"));
  EXPECT_TRUE(CleanPath("/etc/stockade/x").IsAtOrUnder("etc/stockade"));
  EXPECT_FALSE(CleanPath("/etc").IsAtOrUnder("etc/stockade"));
  EXPECT_FALSE(CleanPath("/etc/stockades").IsAtOrUnder("etc/stockade"));
  EXPECT_FALSE(CleanPath("/processes").IsAtOrUnder("proc"));
  EXPECT_FALSE(CleanPath("/x/proc").IsAtOrUnder("proc"));
  EXPECT_FALSE(CleanPath("/").IsAtOrUnder("proc"));
}

TEST(CleanPathTest, Is) {
  EXPECT_TRUE(CleanPath("/dev/./shm/").Is("dev/shm"));
  EXPECT_FALSE(CleanPath("/dev/shm/x").Is("dev/shm"));
  EXPECT_FALSE(CleanPath("/dev").Is("dev/shm"));
}

TEST(CleanPathTest, DepthIsLimited) {
  std::string path;
  for (std::size_t i = 0; i < CleanPath::kMaxSegments; ++i) path += "/a";
  EXPECT_FALSE(CleanPath(path).too_deep());
  EXPECT_TRUE(CleanPath(path + "/a").too_deep());
  // What was not looked at cannot bring it back.
  EXPECT_TRUE(CleanPath(path + "/a/../../..").too_deep());
  EXPECT_FALSE(CleanPath(path + "/../a").too_deep());
  EXPECT_EQ(CleanPath(path + "/a").segments().size(), CleanPath::kMaxSegments);
}

TEST(CleanPathTest, EqualPathsHaveEqualHashes) {
  const std::vector<std::string> same = {"/a/b", "a/b", "/a//b/", "/a/./b", "/x/../a/b"};
  for (const std::string& path : same) {
    EXPECT_EQ(CleanPath(path).Hash(), CleanPath("/a/b").Hash()) << path;
  }
  for (const char* path : {"/", "/a", "/ab", "/a/b/c", "/b/a", "/A/b", "/a/b "}) {
    EXPECT_NE(CleanPath(path).Hash(), CleanPath("/a/b").Hash()) << path;
  }
}

TEST(CleanPathTest, VisitsTheHashesOfItsAncestors) {
  std::vector<std::uint64_t> hashes;
  CleanPath("/a/b").ForEachPrefixHash([&hashes](std::uint64_t hash) { hashes.push_back(hash); });
  EXPECT_THAT(hashes, ::testing::ElementsAre(CleanPath("/").Hash(), CleanPath("/a").Hash(),
                                             CleanPath("/a/b").Hash()));
}

TEST(HasParentSegmentTest, FindsItAnywhere) {
  for (const char* path : {"..", "../a", "a/..", "a/../b", "/..", "a//..", "./.."}) {
    EXPECT_TRUE(HasParentSegment(path)) << path;
  }
  for (const char* path : {"", ".", "a", "..a", "a..", "...", "a/..b/c", "a/b../c", "a\\..\\b"}) {
    EXPECT_FALSE(HasParentSegment(path)) << path;
  }
}

}  // namespace
}  // namespace stockade::policy
