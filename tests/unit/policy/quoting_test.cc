#include "policy/quoting.h"

#include <gtest/gtest.h>

#include "policy/escaping.h"

namespace stockade::policy {
namespace {

TEST(QuoteTest, LeavesOrdinaryTextAlone) {
  EXPECT_EQ(Quote(""), "\"\"");
  EXPECT_EQ(Quote("a b/c:d"), "\"a b/c:d\"");
  EXPECT_EQ(Quote("gr\xC3\xBC\xC3\x9F dich \xE2\x82\xAC \xF0\x9F\x98\x80"),
            "\"gr\xC3\xBC\xC3\x9F dich \xE2\x82\xAC \xF0\x9F\x98\x80\"");
}

TEST(QuoteTest, QuotesCannotEndIt) {
  EXPECT_EQ(Quote("a\" and \"b"), R"("a\" and \"b")");
  EXPECT_EQ(Quote("a\\"), R"("a\\")");
}

TEST(QuoteTest, EscapesWhatMovesACursorOrReordersText) {
  struct Case {
    const char* text;
    const char* quoted;
  };
  const Case cases[] = {
      {"a\nb", R"("a\x0ab")"},
      {"a\r\t\x1B[2J", R"("a\x0d\x09\x1b[2J")"},
      {"\x7F", R"("\x7f")"},
      {"\xC2\x85", R"("\xc2\x85")"},          // next line
      {"\xC2\x9B", R"("\xc2\x9b")"},          // control sequence introducer
      {"\xD8\x9C", R"("\xd8\x9c")"},          // Arabic letter mark
      {"\xE2\x80\x8B", R"("\xe2\x80\x8b")"},  // zero width space
      {"\xE2\x80\x8F", R"("\xe2\x80\x8f")"},  // right-to-left mark
      {"\xE2\x80\xA8", R"("\xe2\x80\xa8")"},  // line separator
      {"\xE2\x80\xAE", R"("\xe2\x80\xae")"},  // right-to-left override
      {"\xE2\x81\xA6", R"("\xe2\x81\xa6")"},  // left-to-right isolate
  };
  for (const Case& c : cases) EXPECT_EQ(Quote(c.text), c.quoted);
  // Their neighbours are ordinary characters.
  for (const char* text :
       {"\xC2\xA0", "\xE2\x80\x93", "\xE2\x80\xA2", "\xE2\x82\xAC", "\xD8\x9B"}) {
    EXPECT_EQ(Quote(text), "\"" + std::string(text) + "\"");
  }
}

TEST(EscapeTest, LeavesMarksAloneOutsideOfQuotes) {
  EXPECT_EQ(EscapeControls("a \"b\" c\\d\n\x1b"), "a \"b\" c\\d\\x0a\\x1b");
  EXPECT_EQ(EscapeInQuotes("a \"b\" c\\d\n"), R"(a \"b\" c\\d\x0a)");
}

TEST(QuoteTest, IsShort) {
  EXPECT_EQ(Quote(std::string(80, 'a')).size(), 82U);
  EXPECT_EQ(Quote(std::string(81, 'a')), "\"" + std::string(77, 'a') + "...\"");
  EXPECT_LE(Quote(std::string(1'000'000, '\n')).size(), 4U * 80 + 2);
}

TEST(QuoteTest, SequencesCutShortAreHarmless) {
  for (const char* text : {"\xC2", "\xE2", "\xE2\x80", "\xE2\x81", "\xD8"}) {
    EXPECT_EQ(Quote(text), "\"" + std::string(text) + "\"");
  }
}

TEST(QuoteTest, ValuesOfJson) {
  struct Case {
    const char* json;
    const char* quoted;
  };
  const Case cases[] = {{R"("x")", "\"x\""}, {R"("true")", "\"true\""},
                        {"true", "true"},    {"0", "0"},
                        {"-1.5", "-1.5"},    {"18446744073709551615", "18446744073709551615"},
                        {"null", "unset"},   {R"({"a":"b"})", "an object"},
                        {"[1]", "a list"}};
  for (const Case& c : cases) {
    const auto document = codec::JsonDocument::Parse(c.json);
    ASSERT_TRUE(document.ok());
    EXPECT_EQ(Quote(document->root()), c.quoted);
  }
  EXPECT_EQ(Quote(codec::JsonView()), "unset");
}

TEST(KeyedPathTest, EscapesTheKey) {
  EXPECT_EQ(KeyedPath("metadata.labels", "app"), "metadata.labels[app]");
  EXPECT_EQ(KeyedPath("metadata.labels", "a\n\"b"), R"(metadata.labels[a\x0a\"b])");
  // The longest key that Kubernetes takes stays whole.
  EXPECT_EQ(KeyedPath("x", std::string(317, 'a')).size(), 320U);
  EXPECT_LT(KeyedPath("x", std::string(100'000, 'a')).size(), 400U);
}

}  // namespace
}  // namespace stockade::policy
