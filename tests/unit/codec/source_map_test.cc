#include "codec/source_map.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "codec/yaml.h"

namespace stockade::codec {

void PrintTo(const TextPosition& position, std::ostream* out) {
  *out << position.line << ":" << position.column;
}

namespace {

TextPosition At(int line, int column) { return {.line = line, .column = column}; }

// Of the only document of a text.
SourceMap MapOf(std::string_view text, int first_line = 1) {
  auto documents = ParseLocatedYaml(text, first_line);
  EXPECT_TRUE(documents.ok()) << documents.status().ToString();
  EXPECT_EQ(documents.ok() ? documents->size() : 0, 1U);
  return documents.ok() && !documents->empty() ? documents->front().source : SourceMap();
}

constexpr std::string_view kBlock =
    "# a comment\n"
    "apiVersion: v1\n"
    "metadata:\n"
    "  labels:\n"
    "    example.com/app: agent\n"
    "    a: {b: 1}\n"
    "    a.b: 2\n"
    "spec:\n"
    "  containers:\n"
    "    - name: agent\n"
    "      image: x\n"
    "    - {name: other, image: y}\n"
    "  list: [1, 2,\n"
    "         3]\n";

TEST(SourceMapTest, AMemberStandsAtItsKeyAndAnElementAtItself) {
  const SourceMap map = MapOf(kBlock);
  EXPECT_EQ(map.Locate(""), At(2, 1));
  EXPECT_EQ(map.Locate("apiVersion"), At(2, 1));
  EXPECT_EQ(map.Locate("spec.containers"), At(9, 3));
  EXPECT_EQ(map.Locate("spec.containers[0]"), At(10, 7));
  EXPECT_EQ(map.Locate("spec.containers[0].image"), At(11, 7));
  EXPECT_EQ(map.Locate("spec.containers[1].image"), At(12, 21));
  EXPECT_EQ(map.Locate("spec.list[2]"), At(14, 10));
}

TEST(SourceMapTest, KeysMayHoldDots) {
  const SourceMap map = MapOf(kBlock);
  EXPECT_EQ(map.Locate("metadata.labels.example.com/app"), At(5, 5));
  EXPECT_EQ(map.Locate("metadata.labels[example.com/app]"), At(5, 5));
  EXPECT_EQ(map.Locate("metadata.labels.a"), At(6, 5));
  EXPECT_EQ(map.Locate("metadata.labels.a.b"), At(7, 5)) << "the longer key";
  EXPECT_EQ(map.Locate("metadata.labels[a]"), At(6, 5));
}

TEST(SourceMapTest, WhatIsMissingStandsAtTheInnermostThatIsThere) {
  const SourceMap map = MapOf(kBlock);
  EXPECT_EQ(map.Locate("spec.containers[1].securityContext.privileged"), At(12, 7));
  EXPECT_EQ(map.Locate("spec.containers[2].image"), At(9, 3));
  EXPECT_EQ(map.Locate("spec.containers[x]"), At(9, 3));
  EXPECT_EQ(map.Locate("spec.containers[99999999999999999999999]"), At(9, 3));
  EXPECT_EQ(map.Locate("spec.contain"), At(8, 1)) << "no part of a key";
  EXPECT_EQ(map.Locate("status"), At(2, 1));
  EXPECT_EQ(SourceMap().Locate("spec"), TextPosition());
}

TEST(SourceMapTest, AnAliasStandsWhereItIsUsed) {
  const SourceMap map = MapOf(
      "base: &base {a: 1}\n"
      "copy: *base\n"
      "list:\n"
      "  - *base\n"
      "merged:\n"
      "  <<: *base\n"
      "  b: 2\n");
  EXPECT_EQ(map.Locate("copy"), At(2, 1));
  EXPECT_EQ(map.Locate("copy.a"), At(1, 14)) << "what is inside stands at the anchor";
  EXPECT_EQ(map.Locate("list[0]"), At(4, 5));
  EXPECT_EQ(map.Locate("merged.a"), At(6, 7));
  EXPECT_EQ(map.Locate("merged.b"), At(7, 3));
}

TEST(SourceMapTest, AKeyThatOverridesAMergeStandsAtItself) {
  const SourceMap map = MapOf("base: &b {a: 1}\nmerged:\n  <<: *b\n  a: 2\n");
  EXPECT_EQ(map.Locate("merged.a"), At(4, 3));
}

TEST(SourceMapTest, JsonHasPlacesToo) {
  const SourceMap map = MapOf(
      "{\n"
      "\t\"a\\u0062\": {\"x\": [true, \"s,]\\\"\", {\"y\": null}]},\n"
      "  \"empty\": {}, \"none\": [],\n"
      "  \"n\": -1.5e3 }\n");
  EXPECT_EQ(map.Locate(""), At(1, 1));
  EXPECT_EQ(map.Locate("ab"), At(2, 2));
  EXPECT_EQ(map.Locate("ab.x[0]"), At(2, 20));
  EXPECT_EQ(map.Locate("ab.x[1]"), At(2, 26));
  EXPECT_EQ(map.Locate("ab.x[2].y"), At(2, 36));
  EXPECT_EQ(map.Locate("none"), At(3, 16));
  EXPECT_EQ(map.Locate("n"), At(4, 3));
}

TEST(SourceMapTest, LinesCountFromWhereTheTextWasCut) {
  EXPECT_EQ(MapOf("a:\n  b: 1\n", 10).Locate("a.b"), At(11, 3));
  EXPECT_EQ(MapOf("{\n\"a\": 1}", 10).Locate("a"), At(11, 1));
  const auto broken = ParseLocatedYaml("a: 1\na: 2\n", 10);
  EXPECT_EQ(broken.status().message(), "not valid YAML: line 11, column 1: duplicate key \"a\"");
}

TEST(SourceMapTest, EachDocumentHasItsOwn) {
  const auto documents = ParseLocatedYaml("a: 1\n---\n# nothing\n---\nb:\n  c: 1\n");
  ASSERT_TRUE(documents.ok());
  ASSERT_EQ(documents->size(), 2U);
  EXPECT_EQ((*documents)[0].source.Locate("a"), At(1, 1));
  EXPECT_EQ((*documents)[1].source.Locate("b.c"), At(6, 3));
}

}  // namespace
}  // namespace stockade::codec
