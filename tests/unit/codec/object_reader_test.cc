#include "codec/object_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <utility>

namespace stockade::codec {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A document, a reader of its root and the errors that it finds.
class ObjectReaderTest : public ::testing::Test {
 protected:
  ObjectReader Read(const Json& value, std::string path = "") {
    documents_.push_back(ParseTrusted(value));
    return ObjectReader(documents_.back().root(), std::move(path), errors_);
  }

  std::vector<FieldError> errors_;

 private:
  std::vector<JsonDocument> documents_;
};

TEST_F(ObjectReaderTest, ReadsEveryKind) {
  ObjectReader reader = Read({{"text", "x"},
                              {"flag", true},
                              {"number", 7},
                              {"tier", "GVisor"},
                              {"labels", {{"a", "1"}}},
                              {"list", {"p", "q"}}});
  std::string text;
  bool flag = false;
  std::int64_t number = 0;
  std::size_t tier = 0;
  std::map<std::string, std::string> labels;
  std::vector<std::string> list;
  reader.String("text", text);
  reader.Bool("flag", flag);
  reader.Int("number", 1, 10, number);
  reader.Enum("tier", std::array<std::string_view, 2>{"Container", "GVisor"}, tier);
  reader.StringMap("labels", labels);
  reader.StringList("list", list);
  reader.Finish();
  EXPECT_THAT(errors_, IsEmpty());
  EXPECT_EQ(text, "x");
  EXPECT_TRUE(flag);
  EXPECT_EQ(number, 7);
  EXPECT_EQ(tier, 1U);
  EXPECT_EQ(labels, (std::map<std::string, std::string>{{"a", "1"}}));
  EXPECT_EQ(list, (std::vector<std::string>{"p", "q"}));
}

TEST_F(ObjectReaderTest, UnsetMembersLeaveDefaults) {
  ObjectReader reader = Read({{"text", nullptr}, {"number", nullptr}, {"list", nullptr}});
  std::string text = "default";
  std::int64_t number = 5;
  bool flag = true;
  std::vector<std::string> list = {"kept"};
  reader.String("text", text);
  reader.Int("number", 1, 10, number);
  reader.Bool("flag", flag);
  reader.StringList("list", list);
  reader.Finish();
  EXPECT_THAT(errors_, IsEmpty());
  EXPECT_EQ(text, "default");
  EXPECT_EQ(number, 5);
  EXPECT_TRUE(flag);
  EXPECT_EQ(list, (std::vector<std::string>{"kept"}));
}

TEST_F(ObjectReaderTest, AnEmptyListReplacesTheDefault) {
  std::vector<std::string> list = {"default"};
  Read({{"list", Json::array()}}).StringList("list", list);
  EXPECT_THAT(list, IsEmpty());
}

TEST_F(ObjectReaderTest, WrongKindsAreErrorsWithTheirPath) {
  ObjectReader reader = Read({{"text", 1},
                              {"flag", "true"},
                              {"number", "7"},
                              {"fraction", 1.5},
                              {"far", 11},
                              {"labels", {{"a", 1}}},
                              {"list", {"p", 2}},
                              {"object", Json::array()},
                              {"array", Json::object()}},
                             "spec");
  std::string text;
  bool flag = false;
  std::int64_t number = 0;
  std::map<std::string, std::string> labels;
  std::vector<std::string> list;
  reader.String("text", text);
  reader.Bool("flag", flag);
  reader.Int("number", 1, 10, number);
  reader.Int("fraction", 1, 10, number);
  reader.Int("far", 1, 10, number);
  reader.StringMap("labels", labels);
  reader.StringList("list", list);
  EXPECT_FALSE(reader.Object("object").exists());
  EXPECT_FALSE(reader.Array("array").exists());
  EXPECT_THAT(errors_, ElementsAre(FieldError{"spec.text", "must be a string"},
                                   FieldError{"spec.flag", "must be true or false"},
                                   FieldError{"spec.number", "must be an integer from 1 to 10"},
                                   FieldError{"spec.fraction", "must be an integer from 1 to 10"},
                                   FieldError{"spec.far", "must be an integer from 1 to 10"},
                                   FieldError{"spec.labels", "the value of \"a\" must be a string"},
                                   FieldError{"spec.list[1]", "must be a string"},
                                   FieldError{"spec.object", "must be an object"},
                                   FieldError{"spec.array", "must be a list"}));
}

TEST_F(ObjectReaderTest, UnknownMembersAreReportedWithWhatWasMeant) {
  ObjectReader reader = Read({{"mountpath", "/x"}, {"acess", "ReadOnly"}, {"colour", "red"}});
  std::string ignored;
  reader.String("mountPath", ignored);
  reader.String("access", ignored);
  reader.Finish();
  EXPECT_THAT(
      errors_,
      ElementsAre(FieldError{"acess", "is not a known field; did you mean \"access\"?"},
                  FieldError{"colour", "is not a known field"},
                  FieldError{"mountpath", "is not a known field; did you mean \"mountPath\"?"}));
}

TEST_F(ObjectReaderTest, IgnoredMembersAreKnown) {
  ObjectReader reader = Read({{"kind", "X"}});
  reader.Ignore("kind");
  reader.Finish();
  EXPECT_THAT(errors_, IsEmpty());
}

TEST_F(ObjectReaderTest, EnumErrorsNameTheChoicesAndTheClosest) {
  std::size_t tier = 1;
  const std::array<std::string_view, 2> names = {"Container", "GVisor"};
  Read({{"tier", "gvisor"}}, "spec").Enum("tier", names, tier);
  Read({{"tier", "Firejail"}}, "spec").Enum("tier", names, tier);
  Read({{"tier", 3}}, "spec").Enum("tier", names, tier);
  EXPECT_EQ(tier, 1U);
  EXPECT_THAT(
      errors_,
      ElementsAre(FieldError{"spec.tier",
                             "must be one of Container, GVisor, not \"gvisor\"; did you mean "
                             "\"GVisor\"?"},
                  FieldError{"spec.tier", "must be one of Container, GVisor, not \"Firejail\""},
                  FieldError{"spec.tier", "must be one of Container, GVisor"}));
}

TEST_F(ObjectReaderTest, RequiredMembersMustBeSet) {
  ObjectReader reader = Read({{"null", nullptr}, {"set", ""}}, "spec");
  reader.Require("missing");
  reader.Require("null");
  reader.Require("set");
  EXPECT_THAT(errors_, ElementsAre(FieldError{"spec.missing", "is required"},
                                   FieldError{"spec.null", "is required"}));
}

TEST_F(ObjectReaderTest, AValueThatIsNoObjectIsOneError) {
  ObjectReader reader = Read(Json::array({1}), "spec.service");
  std::string text = "default";
  reader.String("name", text);
  reader.Finish();
  EXPECT_THAT(errors_, ElementsAre(FieldError{"spec.service", "must be an object"}));
  EXPECT_EQ(text, "default");
}

TEST(ToStatusTest, JoinsAllErrors) {
  EXPECT_TRUE(ToStatus({}).ok());
  const std::vector<FieldError> errors = {{"a.b", "is required"}, {"", "is odd"}};
  EXPECT_EQ(ToStatus(errors).ToString(), "BadRequest: a.b: is required; is odd");
}

}  // namespace
}  // namespace stockade::codec
