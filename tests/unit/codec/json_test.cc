#include "codec/json.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace stockade::codec {
namespace {

std::string Nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

JsonDocument MustParse(std::string_view text) {
  auto document = JsonDocument::Parse(text);
  EXPECT_TRUE(document.ok()) << document.status().ToString();
  return std::move(document).value();
}

TEST(JsonDocumentTest, RefusesWhatIsNoJson) {
  const std::vector<std::string> texts = {"",
                                          " \n",
                                          "{",
                                          "}",
                                          "{\"a\":}",
                                          "[1,]",
                                          "{'a': 1}",
                                          "nul",
                                          "01",
                                          "1 2",
                                          "{} {}",
                                          "\"\x01\"",
                                          "\"\xFF\"",
                                          "\"\xC3\"",
                                          "\"\\ud800\"",
                                          "[1}",
                                          "{\"a\" 1}",
                                          "{1: 2}",
                                          "// x\n1",
                                          "NaN",
                                          "\"\xED\xA0\x80\"",
                                          "\"\xC0\xAF\"",
                                          "\xEF\xBB\xBF{",
                                          "\"a\nb\""};
  for (const std::string& text : texts) {
    const auto document = JsonDocument::Parse(text);
    EXPECT_EQ(document.status().code(), StatusCode::kBadRequest) << text;
  }
}

TEST(JsonDocumentTest, DepthIsLimited) {
  EXPECT_TRUE(JsonDocument::Parse(Nested(kMaxJsonDepth - 1)).ok());
  const auto too_deep = JsonDocument::Parse(Nested(kMaxJsonDepth + 1));
  EXPECT_EQ(too_deep.status().message(), "JSON is nested deeper than 128 levels");
  // A parser that recursed without looking would overflow the stack here.
  EXPECT_FALSE(JsonDocument::Parse(std::string(1'000'000, '[')).ok());
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  EXPECT_FALSE(JsonDocument::Parse(objects).ok());
}

TEST(JsonDocumentTest, TheLimitHoldsAfterALargerDocument) {
  EXPECT_TRUE(JsonDocument::Parse("[\"" + std::string(1 << 20, 'x') + "\"]").ok());
  EXPECT_FALSE(JsonDocument::Parse(Nested(kMaxJsonDepth + 1)).ok());
  EXPECT_TRUE(JsonDocument::Parse("[1]").ok());
}

TEST(JsonDocumentTest, ViewsOutliveTheTextAndAMove) {
  std::string text = R"({"name": "a name that is too long for a small string"})";
  JsonDocument document = MustParse(text);
  const JsonView name = document.root()["name"];
  text.assign(text.size(), 'x');
  const JsonDocument moved = std::move(document);
  const JsonDocument other = MustParse("[1, 2, 3]");
  EXPECT_EQ(name.AsString(), "a name that is too long for a small string");
  EXPECT_EQ(moved.root()["name"].AsString(), name.AsString());
  EXPECT_EQ(other.root().size(), 3U);
}

TEST(JsonViewTest, MissingValuesAnswerEveryQuestion) {
  const JsonView missing;
  EXPECT_FALSE(missing.exists());
  EXPECT_TRUE(missing.IsUnset());
  EXPECT_FALSE(missing.IsNull());
  EXPECT_FALSE(missing.AsString());
  EXPECT_FALSE(missing.AsBool());
  EXPECT_FALSE(missing.AsInt());
  EXPECT_FALSE(missing.AsDouble());
  EXPECT_EQ(missing.size(), 0U);
  EXPECT_EQ(missing.StringOrEmpty(), "");
  EXPECT_FALSE(missing["a"]["b"].exists());
  EXPECT_EQ(missing.Dump(), "null");
  EXPECT_TRUE(missing.ToJson().is_null());

  const JsonDocument document = MustParse(R"({"text": "x", "none": null})");
  EXPECT_FALSE(document.root()["text"]["deeper"].exists());
  EXPECT_TRUE(document.root()["none"].exists());
  EXPECT_TRUE(document.root()["none"].IsUnset());
  EXPECT_TRUE(document.root()["none"].IsNull());
}

TEST(JsonViewTest, AValueIsReadOnlyAsItsKind) {
  const JsonDocument document = MustParse(
      R"({"int": 3, "float": 3.0, "large": 18446744073709551615, "text": "3", "flag": true})");
  const JsonView root = document.root();
  EXPECT_EQ(root["int"].AsInt(), 3);
  EXPECT_EQ(root["int"].AsDouble(), 3.0);
  EXPECT_FALSE(root["float"].AsInt());
  EXPECT_FALSE(root["large"].AsInt());
  EXPECT_TRUE(root["large"].IsNumber());
  EXPECT_FALSE(root["text"].AsInt());
  EXPECT_FALSE(root["text"].AsBool());
  EXPECT_FALSE(root["flag"].AsInt());
  EXPECT_TRUE(root["flag"].IsTrue());
  EXPECT_FALSE(root["int"].IsTrue());
  EXPECT_FALSE(root["text"].IsTrue());
}

TEST(JsonViewTest, KeysAreCaseSensitiveAndTheFirstOfTwoIsRead) {
  const JsonDocument document = MustParse(R"({"Name": 1, "name": 2, "name": 3})");
  EXPECT_EQ(document.root()["name"].AsInt(), 2);
  EXPECT_FALSE(document.root()["NAME"].exists());
}

TEST(JsonViewTest, WalksInTheOrderOfTheSource) {
  const JsonDocument document = MustParse(R"({"b": 1, "a": [10, 20], "c": {}})");
  std::string keys;
  document.root().ForEachMember([&keys](std::string_view key, JsonView) { keys += key; });
  EXPECT_EQ(keys, "bac");
  std::vector<std::int64_t> elements;
  document.root()["a"].ForEachElement([&elements](std::size_t index, JsonView value) {
    EXPECT_EQ(index, elements.size());
    elements.push_back(value.AsInt().value_or(-1));
  });
  EXPECT_EQ(elements, (std::vector<std::int64_t>{10, 20}));
  EXPECT_EQ(document.root().size(), 3U);
  EXPECT_EQ(document.root()["a"].size(), 2U);
  EXPECT_TRUE(document.root()["c"].empty());
}

TEST(JsonViewTest, CopiesKeepEveryKindOfValue) {
  const std::string text =
      R"({"a":[1,-2,18446744073709551615,1.5,true,false,null,"x\n\"é"],"b":{"c":{}}})";
  const JsonDocument document = MustParse(text);
  EXPECT_EQ(document.root().ToJson().dump(), text);
  EXPECT_EQ(document.root().Dump(), text);
}

TEST(JsonViewTest, CopiesAreInCanonicalForm) {
  const JsonDocument one = MustParse(R"({ "b": 1, "a": {"d": 2, "c": 3} })");
  const JsonDocument other = MustParse(R"({"a":{"c":3,"d":2},"b":1})");
  EXPECT_EQ(one.root().ToJson().dump(), other.root().ToJson().dump());
}

TEST(FindDuplicateKeyTest, SaysWhereAKeyStandsTwice) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"a": 1, "a": 2})", "a"},
      {R"({"spec": {"mounts": [{"x": 1}, {"name": 1, "name": 2}]}})", "spec.mounts[1].name"},
      {R"([[{"a": {"b": 1, "c": 2, "b": 3}}]])", "[0][0].a.b"},
      {R"({"a": 1, "\u0061": 2})", "a"},
  };
  for (const auto& [text, path] : cases) {
    EXPECT_EQ(FindDuplicateKey(MustParse(text).root()), path) << text;
  }
  for (const char* text :
       {R"({"a": 1, "A": 2})", R"({"a": {"a": {"a": 1}}})", "[1, 1]", "{}", "1"}) {
    EXPECT_EQ(FindDuplicateKey(MustParse(text).root()), std::nullopt) << text;
  }
}

TEST(ParseTrustedTest, ReplacesWhatIsNoUtf8) {
  const JsonDocument document = ParseTrusted(Json{{"text", "a\xFF"}});
  EXPECT_EQ(document.root()["text"].AsString(), "a\xEF\xBF\xBD");
}

TEST(JsonViewTest, CanonicalIsWhatEditingGives) {
  const std::string_view kTexts[] = {
      R"(null)",
      R"("a \"quoted\" \\ text\n with \u0001 and \u007f and \u00e4")",
      R"({"b":1,"a":{"d":[],"c":{}},"":[1,[2,{"z":null,"y":true}]]})",
      R"([0,-1,18446744073709551615,-9223372036854775808,1.5,1e300,1.0,0.1,-0.0])",
      R"({"a":1,"b":2,"a":3,"a":4})",
      R"({"key with \"quotes\"":"v","key":"w"})",
  };
  for (const std::string_view text : kTexts) {
    const auto document = JsonDocument::Parse(text);
    ASSERT_TRUE(document.ok()) << text;
    EXPECT_EQ(document->root().Canonical(), document->root().ToJson().dump()) << text;
  }
  EXPECT_EQ(JsonView().Canonical(), "null");
}

TEST(FindDuplicateKeyTest, FindsItHoweverManyKeysThereAre) {
  for (const int count : {2, 16, 17, 300}) {
    std::string text = "{";
    for (int i = 0; i < count; ++i) text += "\"k" + std::to_string(i) + "\":{\"x\":1},";
    const auto good = JsonDocument::Parse(text + R"("last":[]})");
    EXPECT_EQ(FindDuplicateKey(good->root()), std::nullopt) << count;
    const auto bad = JsonDocument::Parse(text + R"("k0":[]})");
    EXPECT_EQ(FindDuplicateKey(bad->root()), "k0") << count;
    const auto deep = JsonDocument::Parse(text + R"("a":{"b":[0,[{"c":{"d":1,"d":2}}]]}})");
    EXPECT_EQ(FindDuplicateKey(deep->root()), "a.b[1][0].c.d") << count;
  }
}

}  // namespace
}  // namespace stockade::codec
