#include "schema/structural_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "codec/yaml.h"
#include "schema/schema_rules.h"

namespace stockade::schema {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kSchema = R"yaml(
type: object
required: [spec]
properties:
  spec:
    type: object
    properties:
      mode: {type: string, enum: [Running, Suspended], default: Running}
      medium: {type: string, enum: ["", Memory]}
      name: {type: string, minLength: 2, maxLength: 5, pattern: "^[a-z]+$"}
      flag: {type: boolean}
      count: {type: integer, format: int32, minimum: 1, maximum: 9}
      large: {type: integer, format: int64}
      least: {type: integer, minimum: 0}
      ratio: {type: number}
      port: {x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}]}
      labels: {type: object, maxProperties: 1, additionalProperties: {type: string, maxLength: 3}}
      anything: {type: object, x-kubernetes-preserve-unknown-fields: true}
      maybe: {type: string, nullable: true}
      list: {type: array, minItems: 1, maxItems: 2, items: {type: integer}}
      finalizers: {type: array, x-kubernetes-list-type: set, items: {type: string}}
      ports:
        type: array
        x-kubernetes-list-type: map
        x-kubernetes-list-map-keys: [number, protocol]
        items:
          type: object
          required: [number, protocol]
          properties:
            number: {type: integer}
            protocol: {type: string, default: TCP}
  status:
    type: object
    properties:
      phase: {type: string, enum: [Ready]}
      conditions: {type: array, items: {type: object, required: [type], properties: {type: {type: string}}}}
)yaml";

class StructuralSchemaTest : public ::testing::Test {
 protected:
  static StructuralSchema Schema() {
    const auto document = codec::ParseYaml(kSchema);
    auto schema = StructuralSchema::Parse(document.value().root());
    return std::move(schema).value();
  }

  // "CODE field: message" of each finding about an object with this spec, in flow style.
  static std::vector<std::string> Judge(const std::string& spec) {
    const auto document =
        codec::ParseYaml("{apiVersion: v1, kind: K, metadata: {name: a}, spec: " + spec + "}");
    EXPECT_TRUE(document.ok()) << document.status().ToString();
    std::vector<std::string> lines;
    for (const policy::Finding& finding : Schema().Validate(document->root())) {
      EXPECT_NE(FindSchemaRule(finding.code), nullptr) << finding.code;
      EXPECT_EQ(finding.severity, policy::Severity::kError);
      lines.push_back(std::string(finding.code) + " " + finding.field + ": " + finding.message);
    }
    return lines;
  }
};

TEST_F(StructuralSchemaTest, WhatFitsHasNoFindings) {
  EXPECT_THAT(Judge("{mode: Suspended, medium: '', name: abc, flag: true, count: 9, least: 0, "
                    "large: 9223372036854775807, ratio: 1.5, port: 80, labels: {a: b}, "
                    "anything: {x: {y: 1}}, list: [1, 2], finalizers: [a, b], "
                    "ports: [{number: 1}, {number: 1, protocol: UDP}]}"),
              IsEmpty());
  EXPECT_THAT(Judge("{port: http, ratio: 1}"), IsEmpty());
}

TEST_F(StructuralSchemaTest, NullMeansUnset) {
  EXPECT_THAT(Judge("{mode: null, flag: ~, labels: {a: null}, maybe: null, anything: {x: null}}"),
              IsEmpty());
  EXPECT_THAT(Judge("{list: [null]}"),
              ElementsAre("FieldValueTypeInvalid spec.list[0]: must be an integer, not null"));
}

TEST_F(StructuralSchemaTest, UnknownFieldsAreNamedWithWhatWasMeant) {
  EXPECT_THAT(Judge("{flg: true, zzzzzz: 1}"),
              ElementsAre("UnknownField spec.flg: is not a known field; did you mean \"flag\"?",
                          "UnknownField spec.zzzzzz: is not a known field"));
  EXPECT_THAT(Judge("{Mode: Running}"),
              ElementsAre("UnknownField spec.Mode: is not a known field; did you mean \"mode\"?"))
      << "the API server tells case apart";
  EXPECT_THAT(Judge("{\"a\\nb\": 1}"),
              ElementsAre("UnknownField spec[a\\x0ab]: is not a known field"))
      << "nothing can forge a line";
}

TEST_F(StructuralSchemaTest, TypesAreNamedWithWhatToWrite) {
  EXPECT_THAT(
      Judge("{flag: 'true', mode: true, name: 12, count: '3', list: 1, labels: [], ratio: x}"),
      ElementsAre(
          "FieldValueTypeInvalid spec.flag: must be true or false, not the string \"true\"; write "
          "it without quotation marks: true",
          "FieldValueTypeInvalid spec.mode: must be a string, not true; write it in quotation "
          "marks: \"true\"",
          "FieldValueTypeInvalid spec.name: must be a string, not the number 12; write it in "
          "quotation marks: \"12\"",
          "FieldValueTypeInvalid spec.count: must be an integer, not the string \"3\"; write it "
          "without quotation marks: 3",
          "FieldValueTypeInvalid spec.list: must be a list, not the number 1",
          "FieldValueTypeInvalid spec.labels: must be an object, not a list",
          "FieldValueTypeInvalid spec.ratio: must be a number, not the string \"x\""));
  EXPECT_THAT(
      Judge("{count: 1.5, port: 1.5}"),
      ElementsAre("FieldValueTypeInvalid spec.count: must be an integer, not the number 1.5",
                  "FieldValueTypeInvalid spec.port: must be an integer or a string, not "
                  "the number 1.5"));
  EXPECT_THAT(Judge("7"),
              ElementsAre("FieldValueTypeInvalid spec: must be an object, not the number 7"));
}

TEST_F(StructuralSchemaTest, WholeNumbersAreIntegersHoweverWritten) {
  EXPECT_THAT(Judge("{count: 8.0, port: 8e1}"), IsEmpty());
}

TEST_F(StructuralSchemaTest, EnumerationsListTheirValues) {
  EXPECT_THAT(Judge("{mode: running, medium: Disk}"),
              ElementsAre("FieldValueNotSupported spec.mode: must be one of Running, Suspended, "
                          "not \"running\"; did you mean \"Running\"?",
                          "FieldValueNotSupported spec.medium: must be one of \"\", Memory, not "
                          "\"Disk\""));
}

TEST_F(StructuralSchemaTest, StringsHaveLengthsInCharactersAndPatterns) {
  EXPECT_THAT(Judge("{name: a}"), ElementsAre("FieldValueInvalid spec.name: must have at least 2 "
                                              "characters, not be \"a\""));
  EXPECT_THAT(Judge("{name: abcdef}"),
              ElementsAre("FieldValueTooLong spec.name: has 6 characters; at most 5 are allowed"));
  EXPECT_THAT(Judge("{name: 'ab1'}"),
              ElementsAre("FieldValueInvalid spec.name: \"ab1\" does not match the pattern "
                          "^[a-z]+$"));
  EXPECT_THAT(Judge("{labels: {a: äöü}}"), IsEmpty()) << "three characters, six bytes";
  EXPECT_THAT(Judge("{labels: {example.com/a: abcd}}"),
              ElementsAre("FieldValueTooLong spec.labels[example.com/a]: has 4 characters; at most "
                          "3 are allowed"));
}

TEST_F(StructuralSchemaTest, NumbersHaveRanges) {
  EXPECT_THAT(Judge("{count: 10}"),
              ElementsAre("FieldValueInvalid spec.count: must be from 1 to 9, not 10"));
  EXPECT_THAT(Judge("{least: -1}"),
              ElementsAre("FieldValueInvalid spec.least: must be 0 or more, not -1"));
  EXPECT_THAT(Judge("{count: 2147483648}"),
              ElementsAre("FieldValueInvalid spec.count: must be an integer of 32 bits, not "
                          "2147483648"));
  EXPECT_THAT(Judge("{large: 18446744073709551615}"),
              ElementsAre("FieldValueInvalid spec.large: must be an integer of 64 bits, not "
                          "18446744073709551615"));
}

TEST_F(StructuralSchemaTest, ListsAndMapsHaveSizes) {
  EXPECT_THAT(Judge("{list: []}"),
              ElementsAre("FieldValueInvalid spec.list: must have at least 1 item"));
  EXPECT_THAT(Judge("{list: [1, 2, 3]}"),
              ElementsAre("FieldValueTooMany spec.list: has 3 items; at most 2 are allowed"));
  EXPECT_THAT(Judge("{labels: {a: b, c: d}}"),
              ElementsAre("FieldValueTooMany spec.labels: has 2 entries; at most 1 are allowed"));
}

TEST_F(StructuralSchemaTest, EntriesOfAListMustDiffer) {
  EXPECT_THAT(Judge("{finalizers: [a, b, a]}"),
              ElementsAre("FieldValueDuplicate spec.finalizers[2]: has the same value as "
                          "spec.finalizers[0]; they must differ"));
  EXPECT_THAT(Judge("{ports: [{number: 1}, {number: 2}, {number: 1, protocol: TCP}]}"),
              ElementsAre("FieldValueDuplicate spec.ports[2]: has the same number and protocol as "
                          "spec.ports[0]; they must differ"))
      << "an unset key has its default";
}

TEST_F(StructuralSchemaTest, RequiredFieldsMayHaveADefault) {
  EXPECT_THAT(Judge("{ports: [{}]}"), ElementsAre("FieldValueRequired spec.ports[0].number: is "
                                                  "required and not set"));
  EXPECT_THAT(Judge("null"), ElementsAre("FieldValueRequired spec: is required and not set"));
}

TEST_F(StructuralSchemaTest, ApiVersionAndKindBelongToEveryObject) {
  const auto document = codec::ParseYaml("{metadata: {name: a}, spec: {}, spce: 1}");
  std::vector<std::string> fields;
  for (const auto& finding : Schema().Validate(document->root())) fields.push_back(finding.field);
  EXPECT_THAT(fields, ElementsAre("apiVersion", "kind", "spce"));
}

// As the API server: it looks for unknown fields first, and then drops the status.
TEST_F(StructuralSchemaTest, OfTheStatusOnlyTheNamesOfFieldsAreJudged) {
  const auto judge = [](const std::string& status) {
    const auto document = codec::ParseYaml(
        "{apiVersion: v1, kind: K, metadata: {name: a}, spec: {}, status: " + status + "}");
    std::vector<std::string> lines;
    for (const policy::Finding& finding : Schema().Validate(document->root())) {
      lines.push_back(std::string(finding.code) + " " + finding.field);
    }
    return lines;
  };
  EXPECT_THAT(judge("{phase: Ready, conditions: [{type: x}]}"), IsEmpty());
  EXPECT_THAT(judge("{phase: Odd, conditions: [{}]}"), IsEmpty());
  EXPECT_THAT(judge("{conditions: 3}"), IsEmpty());
  EXPECT_THAT(judge("text"), IsEmpty());
  EXPECT_THAT(
      judge("{whatever: 1, conditions: [{tipe: x}]}"),
      ElementsAre("UnknownField status.whatever", "UnknownField status.conditions[0].tipe"));
}

TEST_F(StructuralSchemaTest, FindingsAreBoundedAndSayWhatWasLeftOut) {
  std::string spec = "{";
  for (int i = 0; i < 700; ++i) spec += "unknown" + std::to_string(i) + ": 1, ";
  const std::vector<std::string> lines = Judge(spec + "}");
  ASSERT_EQ(lines.size(), StructuralSchema::kMaxFindings + 1);
  EXPECT_EQ(lines.back(), "FieldValueInvalid : and 200 more; correct these first");
}

TEST_F(StructuralSchemaTest, ALongTextMatchesInReasonableTimeAndStack) {
  const std::string schema =
      "{type: object, properties: {a: {type: string, pattern: '^(a|aa)+$'}}}";
  const auto parsed = codec::ParseYaml(schema);
  const auto structural = StructuralSchema::Parse(parsed->root());
  ASSERT_TRUE(structural.ok());
  const auto document = codec::ParseYaml(
      "{apiVersion: v1, kind: K, metadata: {name: a}, a: " + std::string(1000000, 'a') + "b}");
  const auto findings = structural->Validate(document->root());
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].field, "a");
}

struct BadSchema {
  const char* name;
  const char* schema;
  const char* message;
};

class BadSchemaTest : public ::testing::TestWithParam<BadSchema> {};

TEST_P(BadSchemaTest, IsRefusedRatherThanMisread) {
  const auto document = codec::ParseYaml(GetParam().schema);
  const auto schema = StructuralSchema::Parse(document->root());
  ASSERT_FALSE(schema.ok());
  EXPECT_THAT(schema.status().message(), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Schemas, BadSchemaTest,
    ::testing::Values(
        BadSchema{"NoObject", "[1]", "the schema of the object: is no object"},
        BadSchema{"NotOfAnObject", "{type: string}", "must be that of an object"},
        BadSchema{"NoType", "{type: object, properties: {a: {}}}",
                  "the schema of a: has no type that is known: \"\""},
        BadSchema{"UnknownType", "{type: object, properties: {a: {type: file}}}",
                  "has no type that is known: \"file\""},
        BadSchema{"UnknownKeyword", "{type: object, properties: {a: {type: string, not: {}}}}",
                  "the schema of a: the keyword not is not known here"},
        BadSchema{"BadPattern", "{type: object, properties: {a: {type: string, pattern: '('}}}",
                  "the pattern ( cannot be read"},
        BadSchema{"EnumOfNumbers", "{type: object, properties: {a: {type: integer, enum: [1]}}}",
                  "an enum lists more than strings"},
        BadSchema{"FractionAsLimit",
                  "{type: object, properties: {a: {type: number, minimum: 0.5}}}",
                  "minimum is no integer"},
        BadSchema{"DeepInside",
                  "{type: object, properties: {a: {type: array, items: {type: object, "
                  "additionalProperties: {type: string, oneOf: []}}}}}",
                  "the schema of a[][]: the keyword oneOf is not known here"}),
    [](const auto& param_info) { return param_info.param.name; });

}  // namespace
}  // namespace stockade::schema
