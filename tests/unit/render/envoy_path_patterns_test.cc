#include <gtest/gtest.h>

#include "render/envoy/path_patterns.h"

// What these let through and refuse in a real proxy is tested by hack/test conformance.
namespace stockade::render::envoy {
namespace {

TEST(PathPatternsTest, AnAllowedPrefixIsQuoted) {
  EXPECT_EQ(AllowedPrefixPattern("/@acme/a.b+c/"), R"(/\@acme/a\.b\+c(?:(?:/|%2[fF]).*)?)");
  EXPECT_EQ(AllowedPrefixPattern("/"), "(?:(?:/|%2[fF]).*)?");
}

TEST(PathPatternsTest, ADeniedPrefixIsFoundHoweverItIsWritten) {
  EXPECT_EQ(DeniedPrefixPattern("/ab"), "(?:/|%2[fF])+ab(?:(?:[/;]|%2[fF]|%3[bB]).*)?");
  EXPECT_EQ(DeniedPrefixPattern("/a/:b"),
            R"((?:/|%2[fF])+a(?:;[^/]*)?(?:/|%2[fF])+(?:\:|%3[aA])b(?:(?:[/;]|%2[fF]|%3[bB]).*)?)");
  EXPECT_EQ(DeniedPrefixPattern("/"), ".*");
}

}  // namespace
}  // namespace stockade::render::envoy
