#include "schema/object_metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "codec/yaml.h"

namespace stockade::schema {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// "CODE field" of each finding.
std::vector<std::string> Judge(const std::string& metadata) {
  const auto document = codec::ParseYaml("{metadata: " + metadata + "}");
  EXPECT_TRUE(document.ok()) << document.status().ToString();
  ValueChecker checker(100);
  CheckObjectMetadata(document->root()["metadata"], checker);
  std::vector<std::string> lines;
  for (const auto& finding : checker.Take()) {
    lines.push_back(std::string(finding.code) + " " + finding.field);
  }
  return lines;
}

TEST(ObjectMetadataTest, TakesWhatTheApiServerTakes) {
  EXPECT_THAT(Judge("{name: a, namespace: b, labels: {a: '', example.com/b: C_d.e-1}, "
                    "annotations: {example.com/x: 'any text: #'}, finalizers: [example.com/f]}"),
              IsEmpty());
  EXPECT_THAT(Judge("{generateName: a-}"), IsEmpty());
  EXPECT_THAT(
      Judge("{name: a, uid: u, resourceVersion: '1', generation: 1, managedFields: [{x: 1}], "
            "creationTimestamp: null, ownerReferences: [{apiVersion: v1, kind: K, name: owner, "
            "uid: u, controller: true}]}"),
      IsEmpty());
}

TEST(ObjectMetadataTest, ANameIsNeeded) {
  for (const char* metadata : {"{}", "null", "{name: ''}", "{name: null}"}) {
    EXPECT_THAT(Judge(metadata), ElementsAre("FieldValueRequired metadata.name")) << metadata;
  }
}

TEST(ObjectMetadataTest, ANameOfAnotherTypeIsToldOnce) {
  EXPECT_THAT(Judge("{name: 5}"), ElementsAre("FieldValueTypeInvalid metadata.name"));
  EXPECT_THAT(Judge("{generateName: []}"),
              ElementsAre("FieldValueTypeInvalid metadata.generateName"));
}

TEST(ObjectMetadataTest, TimesAreTimes) {
  EXPECT_THAT(
      Judge("{name: a, creationTimestamp: '2026-11-24T04:15:20Z', deletionTimestamp: null}"),
      IsEmpty());
  EXPECT_THAT(Judge("{name: a, creationTimestamp: x, deletionTimestamp: ''}"),
              ElementsAre("FieldValueInvalid metadata.creationTimestamp",
                          "FieldValueInvalid metadata.deletionTimestamp"));
}

TEST(ObjectMetadataTest, FieldsAreKnownAndTyped) {
  EXPECT_THAT(Judge("{name: a, lables: {}}"), ElementsAre("UnknownField metadata.lables"));
  EXPECT_THAT(Judge("{name: a, labels: {a: 1}}"),
              ElementsAre("FieldValueTypeInvalid metadata.labels.a"));
  EXPECT_THAT(Judge("{name: a, ownerReferences: [{kind: K, apiVersion: v1, name: owner}]}"),
              ElementsAre("FieldValueRequired metadata.ownerReferences[0].uid"));
}

TEST(ObjectMetadataTest, KeysAndValuesHaveTheirGrammar) {
  EXPECT_THAT(Judge("{name: a, labels: {'-a': b, a/b/c: d, Example.com/a: b, /a: b}}"),
              ElementsAre("FieldValueInvalid metadata.labels[-a]",
                          "FieldValueInvalid metadata.labels[a/b/c]",
                          "FieldValueInvalid metadata.labels[Example.com/a]",
                          "FieldValueInvalid metadata.labels[/a]"));
  EXPECT_THAT(Judge("{name: a, annotations: {'a b': x}}"),
              ElementsAre("FieldValueInvalid metadata.annotations[a b]"));
  EXPECT_THAT(
      Judge("{name: a, labels: {a: 'b c', d: " + std::string(64, 'x') + "}}"),
      ElementsAre("FieldValueInvalid metadata.labels[a]", "FieldValueInvalid metadata.labels[d]"));
  EXPECT_THAT(Judge("{name: a, namespace: A.b}"),
              ElementsAre("FieldValueInvalid metadata.namespace"));
}

}  // namespace
}  // namespace stockade::schema
