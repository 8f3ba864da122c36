#include "cli/expectations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace stockade::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ExpectationsTest, AreReadFromCommentsOfAnyShape) {
  const auto expected = ReadExpectations(
      "# expect: RootUser spec.x\n## something else\n#expect:  ReservedName  \n# we expect: "
      "nothing\n");
  ASSERT_TRUE(expected.ok()) << expected.status().ToString();
  ASSERT_EQ(expected->size(), 2U);
  EXPECT_EQ((*expected)[0].code, "RootUser");
  EXPECT_EQ((*expected)[0].field, "spec.x");
  EXPECT_EQ((*expected)[1].code, "ReservedName");
  EXPECT_EQ((*expected)[1].field, "");
}

TEST(ExpectationsTest, NoneIsTheSameAsNothing) {
  EXPECT_TRUE(ReadExpectations("# expect: none\n")->empty());
  EXPECT_TRUE(ReadExpectations("")->empty());
}

TEST(ExpectationsTest, MistakesAreTold) {
  const auto error = [](const char* comments) {
    return ReadExpectations(comments).status().message();
  };
  EXPECT_THAT(error("# expect: RotUser\n"), HasSubstr("did you mean \"RootUser\"?"));
  EXPECT_THAT(error("# expect:\n"), HasSubstr("needs the code of a rule, or none, not \"\""));
  EXPECT_THAT(error("# expect: RootUser a b\n"), HasSubstr("names one field"));
  EXPECT_THAT(error("# expect: none\n# expect: RootUser\n"), HasSubstr("beside other"));
}

LintedObject Linted(const std::vector<std::pair<const char*, const char*>>& findings) {
  LintedObject linted;
  for (const auto& [code, field] : findings) {
    linted.findings.push_back({{code, policy::Severity::kError, field, "m"}, {}});
  }
  return linted;
}

TEST(ExpectationsTest, EachFindingMeetsOneExpectation) {
  const LintedObject linted = Linted({{"A", "x"}, {"A", "y"}, {"B", "z"}});
  EXPECT_THAT(CompareWithExpectations(linted, {{"A", ""}, {"A", "x"}, {"B", "z"}}), IsEmpty());
  EXPECT_THAT(CompareWithExpectations(linted, {{"A", ""}, {"B", ""}}),
              ElementsAre("found and not expected: A y: m"));
  EXPECT_THAT(CompareWithExpectations(linted, {{"A", "x"}, {"A", "y"}, {"B", "w"}}),
              ElementsAre("expected and not found: B w", "found and not expected: B z: m"));
  EXPECT_THAT(CompareWithExpectations(Linted({}), {{"A", ""}}),
              ElementsAre("expected and not found: A"));
}

TEST(ExpectationsTest, WhatAuditRecordsMayBeExpectedAndNeedNotBe) {
  LintedObject linted = Linted({{"A", "x"}, {"B", "y"}});
  linted.findings[0].audited = true;
  EXPECT_THAT(CompareWithExpectations(linted, {{"B", ""}}), IsEmpty());
  EXPECT_THAT(CompareWithExpectations(linted, {{"A", "x"}, {"B", ""}}), IsEmpty());
  // The error is what is expected, and not the note that stands before it.
  LintedObject both = Linted({{"A", "x"}, {"A", "x"}});
  both.findings[0].audited = true;
  EXPECT_THAT(CompareWithExpectations(both, {{"A", ""}}), IsEmpty());
  EXPECT_THAT(CompareWithExpectations(both, {}), ElementsAre("found and not expected: A x: m"));
}

}  // namespace
}  // namespace stockade::cli
