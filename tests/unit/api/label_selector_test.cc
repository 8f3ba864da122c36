#include "api/label_selector.h"

#include <gtest/gtest.h>

namespace stockade::api {
namespace {

struct Case {
  const char* name;
  const char* selector;
  StringMap labels;
  bool matches;
};

class LabelSelectorTest : public ::testing::TestWithParam<Case> {};

TEST_P(LabelSelectorTest, MatchesAsTheApiServerDoes) {
  const auto document = codec::JsonDocument::Parse(GetParam().selector);
  ASSERT_TRUE(document.ok());
  EXPECT_EQ(LabelSelector(document->root()).Matches(GetParam().labels), GetParam().matches);
}

const Case kCases[] = {
    {"EmptySelectsAll", "{}", {{"a", "1"}}, true},
    {"EmptySelectsTheUnlabelled", "{}", {}, true},
    {"EmptyPartsSelectAll", R"({"matchLabels":{},"matchExpressions":[]})", {}, true},
    {"LabelEqual", R"({"matchLabels":{"a":"1"}})", {{"a", "1"}, {"b", "2"}}, true},
    {"LabelOther", R"({"matchLabels":{"a":"1"}})", {{"a", "2"}}, false},
    {"LabelMissing", R"({"matchLabels":{"a":"1"}})", {}, false},
    {"LabelOfOtherCase", R"({"matchLabels":{"a":"x"}})", {{"a", "X"}}, false},
    {"EmptyValueIsAValue", R"({"matchLabels":{"a":""}})", {{"a", ""}}, true},
    {"EmptyValueIsNotAbsence", R"({"matchLabels":{"a":""}})", {}, false},
    {"AllLabelsCount", R"({"matchLabels":{"a":"1","b":"2"}})", {{"a", "1"}}, false},
    {"In",
     R"({"matchExpressions":[{"key":"a","operator":"In","values":["1","2"]}]})",
     {{"a", "2"}},
     true},
    {"InOther",
     R"({"matchExpressions":[{"key":"a","operator":"In","values":["1","2"]}]})",
     {{"a", "3"}},
     false},
    {"InMissing",
     R"({"matchExpressions":[{"key":"a","operator":"In","values":["1"]}]})",
     {},
     false},
    {"NotIn",
     R"({"matchExpressions":[{"key":"a","operator":"NotIn","values":["1"]}]})",
     {{"a", "2"}},
     true},
    {"NotInListed",
     R"({"matchExpressions":[{"key":"a","operator":"NotIn","values":["1"]}]})",
     {{"a", "1"}},
     false},
    {"NotInSelectsWhatHasNoSuchLabel",
     R"({"matchExpressions":[{"key":"a","operator":"NotIn","values":["1"]}]})",
     {},
     true},
    {"Exists", R"({"matchExpressions":[{"key":"a","operator":"Exists"}]})", {{"a", ""}}, true},
    {"ExistsMissing",
     R"({"matchExpressions":[{"key":"a","operator":"Exists"}]})",
     {{"b", ""}},
     false},
    {"DoesNotExist",
     R"({"matchExpressions":[{"key":"a","operator":"DoesNotExist"}]})",
     {{"b", ""}},
     true},
    {"DoesNotExistPresent",
     R"({"matchExpressions":[{"key":"a","operator":"DoesNotExist"}]})",
     {{"a", ""}},
     false},
    {"BothPartsCount",
     R"({"matchLabels":{"a":"1"},"matchExpressions":[{"key":"b","operator":"Exists"}]})",
     {{"a", "1"}},
     false},
    {"AllExpressionsCount",
     R"({"matchExpressions":[{"key":"a","operator":"Exists"},{"key":"b","operator":"Exists"}]})",
     {{"a", ""}, {"b", ""}},
     true},
    {"UnknownOperatorIsTakenToMatch",
     R"({"matchExpressions":[{"key":"a","operator":"GreaterThan","values":["1"]}]})",
     {},
     true},
    {"UnknownOperatorDoesNotOutweighAKnownOne",
     R"({"matchLabels":{"b":"1"},"matchExpressions":[{"key":"a","operator":"in"}]})",
     {},
     false},
    {"ExcludesSandboxes",
     R"({"matchExpressions":[{"key":"stockade.dev/sandbox","operator":"DoesNotExist"}]})",
     {{"stockade.dev/sandbox", "x"}},
     false},
};

INSTANTIATE_TEST_SUITE_P(Selectors, LabelSelectorTest, ::testing::ValuesIn(kCases),
                         [](const auto& param_info) { return param_info.param.name; });

TEST(LabelSelectorKeysTest, AsksBesideOneKeyOrOnlyForThat) {
  const auto asks = [](std::string_view selector) {
    const auto document = codec::JsonDocument::Parse(selector);
    return LabelSelector(document.value().root()).AsksBeside("name");
  };
  EXPECT_FALSE(LabelSelector().AsksBeside("name"));
  EXPECT_FALSE(asks(
      R"({"matchLabels":{"name":"a"},"matchExpressions":[{"key":"name","operator":"Exists"}]})"));
  EXPECT_TRUE(asks(R"({"matchLabels":{"name":"a","team":"b"}})"));
  EXPECT_TRUE(asks(R"({"matchExpressions":[{"key":"team","operator":"DoesNotExist"}]})"));
}

TEST(LabelSelectorNodesTest, WhatIsAskedOfANodesLabelsMatchesWhereverAPodRuns) {
  const auto matches = [](std::string_view selector) {
    const auto document = codec::JsonDocument::Parse(selector);
    return LabelSelector(document.value().root()).WhereverScheduled().Matches({{"app", "a"}});
  };
  EXPECT_TRUE(matches(R"({"matchLabels":{"topology.kubernetes.io/zone":"z1","app":"a"}})"));
  EXPECT_TRUE(matches(
      R"({"matchExpressions":[{"key":"topology.kubernetes.io/region","operator":"Exists"}]})"));
  EXPECT_TRUE(matches(
      R"({"matchExpressions":[{"key":"topology.kubernetes.io/zone","operator":"DoesNotExist"}]})"));
  EXPECT_FALSE(matches(R"({"matchLabels":{"topology.kubernetes.io/zone":"z1","app":"b"}})"));
  EXPECT_FALSE(matches(R"({"matchLabels":{"kubernetes.io/hostname":"n1"}})"));
}

TEST(LabelSelectorDefaultTest, SelectsEverything) {
  EXPECT_TRUE(LabelSelector().Matches({{"a", "1"}}));
}

}  // namespace
}  // namespace stockade::api
