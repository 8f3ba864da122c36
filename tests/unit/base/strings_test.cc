#include "base/strings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace stockade {
namespace {

using ::testing::ElementsAre;

TEST(JoinTest, PutsTheSeparatorBetween) {
  EXPECT_EQ(Join({}, ", "), "");
  EXPECT_EQ(Join(std::vector<std::string>{"a"}, ", "), "a");
  EXPECT_EQ(Join(std::vector<std::string>{"a", "b", "c"}, ", "), "a, b, c");
  EXPECT_EQ(Join(std::vector<std::string>{"", ""}, ","), ",");
  EXPECT_EQ(Join(std::vector<std::string>{"a", "b"}, ""), "ab");
}

TEST(SplitTest, KeepsEmptyParts) {
  EXPECT_THAT(Split("", ','), ElementsAre(""));
  EXPECT_THAT(Split("a", ','), ElementsAre("a"));
  EXPECT_THAT(Split("a,b", ','), ElementsAre("a", "b"));
  EXPECT_THAT(Split(",a,,b,", ','), ElementsAre("", "a", "", "b", ""));
  EXPECT_THAT(Split(",", ','), ElementsAre("", ""));
}

TEST(TrimSpaceTest, TakesAsciiWhiteSpaceFromBothEnds) {
  EXPECT_EQ(TrimSpace(""), "");
  EXPECT_EQ(TrimSpace("  \t\r\n\v\f "), "");
  EXPECT_EQ(TrimSpace(" a b\t"), "a b");
  EXPECT_EQ(TrimSpace("\v\fa\f\v"), "a");
  // A no-break space is not ASCII.
  EXPECT_EQ(TrimSpace("\xC2\xA0"
                      "a"),
            "\xC2\xA0"
            "a");
}

TEST(ToLowerTest, TouchesAsciiLettersOnly) {
  EXPECT_EQ(ToLower("AZaz09_-@[`{"), "azaz09_-@[`{");
  EXPECT_EQ(ToLower("\xC3\x84"), "\xC3\x84");
}

TEST(TruncateTest, LeavesWhatFits) {
  EXPECT_EQ(Truncate("", 0), "");
  EXPECT_EQ(Truncate("abc", 3), "abc");
  EXPECT_EQ(Truncate("abcdef", 6), "abcdef");
}

TEST(TruncateTest, MarksTheCut) {
  EXPECT_EQ(Truncate("abcdefg", 6), "abc...");
  EXPECT_EQ(Truncate("abcdefg", 3), "...");
}

TEST(TruncateTest, NeverExceedsTheLimit) {
  const std::string text = "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80z\xF0\x9F\x98\x80 and more";
  for (std::size_t limit = 0; limit <= text.size() + 2; ++limit) {
    EXPECT_LE(Truncate(text, limit).size(), limit);
  }
}

TEST(TruncateTest, DoesNotCutASequence) {
  const std::string euros = "\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC";
  EXPECT_EQ(Truncate(euros, 8), "\xE2\x82\xAC...");
  EXPECT_EQ(Truncate(euros, 7), "\xE2\x82\xAC...");
  EXPECT_EQ(Truncate(euros, 6), "\xE2\x82\xAC...");
  EXPECT_EQ(Truncate(euros, 5), "...");
}

TEST(TruncateTest, SurvivesWhatIsNoUtf8) {
  EXPECT_EQ(Truncate(std::string(10, '\x80'), 6), "...");
  EXPECT_EQ(Truncate(std::string(10, '\xFF'), 6), "\xFF\xFF\xFF...");
}

TEST(ClosestMatchTest, FindsWhatWasMeant) {
  constexpr std::array<std::string_view, 5> kNames = {"mounts", "ingress", "service", "isolation",
                                                      "podTemplate"};
  EXPECT_EQ(ClosestMatch("mount", kNames), "mounts");
  EXPECT_EQ(ClosestMatch("MOUNTS", kNames), "mounts");
  EXPECT_EQ(ClosestMatch("podtemplate", kNames), "podTemplate");
  EXPECT_EQ(ClosestMatch("ingres", kNames), "ingress");
  EXPECT_EQ(ClosestMatch("islation", kNames), "isolation");
  EXPECT_EQ(ClosestMatch("egress", kNames), "ingress");
}

TEST(ClosestMatchTest, IsSilentWhenNothingIsClose) {
  constexpr std::array<std::string_view, 2> kNames = {"mounts", "service"};
  EXPECT_EQ(ClosestMatch("replicas", kNames), "");
  EXPECT_EQ(ClosestMatch("mo", kNames), "");
  EXPECT_EQ(ClosestMatch("x", {}), "");
  EXPECT_EQ(ClosestMatch(std::string(100'000, 'x'), kNames), "");
}

TEST(ClosestMatchTest, PrefersTheNearestAndThenTheFirst) {
  constexpr std::array<std::string_view, 3> kNames = {"cat", "cart", "card"};
  EXPECT_EQ(ClosestMatch("cart", kNames), "cart");
  EXPECT_EQ(ClosestMatch("carx", kNames), "cart");
}

// The grammars of apimachinery's IsDNS1123Label and IsDNS1123Subdomain.
TEST(DnsNameTest, Labels) {
  for (const char* name : {"a", "0", "a-b", "1a", "a1", "a--b", "xn--bcher-kva"}) {
    EXPECT_TRUE(IsDnsLabel(name)) << name;
  }
  EXPECT_TRUE(IsDnsLabel(std::string(63, 'a')));
  for (const char* name : {"", "-", "-a", "a-", "A", "a_b", "a.b", "a b", "a\n", "\xC3\xA4", "*"}) {
    EXPECT_FALSE(IsDnsLabel(name)) << name;
  }
  EXPECT_FALSE(IsDnsLabel(std::string(64, 'a')));
  EXPECT_FALSE(IsDnsLabel(std::string_view("a\0", 2)));
}

TEST(DnsNameTest, Subdomains) {
  for (const char* name : {"a", "a.b", "0.1", "a-b.c-d.e", "10.0.0.1"}) {
    EXPECT_TRUE(IsDnsSubdomain(name)) << name;
  }
  // A part may be longer than a label of DNS; only the whole is bounded.
  EXPECT_TRUE(IsDnsSubdomain(std::string(253, 'a')));
  for (const char* name : {"", ".", "a.", ".a", "a..b", "a.-b", "a-.b", "A.b", "a_b.c", "a/b"}) {
    EXPECT_FALSE(IsDnsSubdomain(name)) << name;
  }
  EXPECT_FALSE(IsDnsSubdomain(std::string(254, 'a')));
}

TEST(LabelTest, Keys) {
  for (const char* key : {"a", "A_b.c-d", "team", "example.com/team", "a/b", "0"}) {
    EXPECT_TRUE(IsLabelKey(key)) << key;
  }
  EXPECT_TRUE(IsLabelKey(std::string(63, 'a')));
  for (const char* key : {"", "/", "a/", "/a", "a/b/c", "-a", "a-", "a b", "A.com/b", "a_b/c"}) {
    EXPECT_FALSE(IsLabelKey(key)) << key;
  }
  EXPECT_FALSE(IsLabelKey(std::string(64, 'a')));
}

TEST(LabelTest, Values) {
  for (const char* value : {"", "a", "A_b.c-d", "0"}) EXPECT_TRUE(IsLabelValue(value)) << value;
  EXPECT_TRUE(IsLabelValue(std::string(63, 'a')));
  for (const char* value : {"-", "a-", "_a", "a b", "a/b", "ä"}) {
    EXPECT_FALSE(IsLabelValue(value)) << value;
  }
  EXPECT_FALSE(IsLabelValue(std::string(64, 'a')));
}

TEST(WrapTest, LinesEndWhereWordsDo) {
  EXPECT_EQ(Wrap("one two three", {.columns = 7, .indent = 2}), "one two\n  three\n");
  EXPECT_EQ(Wrap("one two", {.columns = 7, .indent = 0, .first = 1}), "one\ntwo\n");
  EXPECT_EQ(Wrap("one", {.columns = 7, .indent = 2}), "one\n");
  EXPECT_EQ(Wrap("", {.columns = 7, .indent = 2}), "\n");
}

TEST(WrapTest, AWordThatIsLongerThanALineStaysWhole) {
  EXPECT_EQ(Wrap("a https://example.com b", {.columns = 5, .indent = 0}),
            "a\nhttps://example.com\nb\n");
}

}  // namespace
}  // namespace stockade
