#include "schema/resource_schemas.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "codec/yaml.h"
#include "schema/validation_rules.h"
#include "tests/source_dir.h"

namespace stockade::schema {
namespace {

using ::testing::IsEmpty;

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

const ResourceSchema* Find(std::string_view kind) {
  for (const ResourceSchema& schema : ResourceSchemas()) {
    if (schema.kind == kind) return &schema;
  }
  return nullptr;
}

TEST(ResourceSchemasTest, EveryCrdIsBuiltInAsItIs) {
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(STOCKADE_SOURCE_DIR "/crds")) {
    if (entry.path().extension() == ".yaml") files.insert(entry.path().filename().string());
  }
  EXPECT_FALSE(files.empty());
  std::set<std::string> embedded;
  for (const EmbeddedFile& file : EmbeddedCrds()) {
    embedded.insert(std::string(file.name));
    EXPECT_EQ(file.text, ReadFile(STOCKADE_SOURCE_DIR "/crds/" + std::string(file.name)));
    const auto schemas = ParseCrd(file.text);
    ASSERT_TRUE(schemas.ok()) << file.name << ": " << schemas.status().ToString();
    EXPECT_FALSE(schemas->empty());
  }
  EXPECT_EQ(embedded, files);
}

TEST(ResourceSchemasTest, SandboxesAreKnown) {
  const ResourceSchema* sandbox = Find("AgentSandbox");
  ASSERT_NE(sandbox, nullptr);
  EXPECT_EQ(sandbox->api_version(), "stockade.dev/v1alpha1");
  EXPECT_EQ(sandbox->list_kind, "AgentSandboxList");
  EXPECT_TRUE(sandbox->namespaced);
}

// A new or changed rule of a CRD needs an equivalent in libs/schema/validation_rules.cc.
TEST(ResourceSchemasTest, EveryCelRuleHasAnEquivalent) {
  std::set<std::string> rules;
  for (const ResourceSchema& schema : ResourceSchemas()) {
    EXPECT_THAT(schema.schema.UnknownRules(), IsEmpty()) << schema.kind;
    for (std::string& rule : schema.schema.AllRules()) rules.insert(std::move(rule));
  }
  for (const RuleEquivalent& equivalent : RuleEquivalents()) {
    EXPECT_TRUE(rules.contains(std::string(equivalent.rule)))
        << "no CRD has this rule any more: " << equivalent.rule;
  }
}

TEST(ResourceSchemasTest, ExamplesFit) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(STOCKADE_SOURCE_DIR "/examples")) {
    if (entry.path().extension() != ".yaml") continue;
    SCOPED_TRACE(entry.path().string());
    const auto documents = codec::ParseYamlDocuments(ReadFile(entry.path()));
    ASSERT_TRUE(documents.ok());
    for (const codec::JsonDocument& document : *documents) {
      const ResourceSchema* schema = Find(document.root()["kind"].StringOrEmpty());
      if (schema == nullptr) continue;
      ++count;
      for (const auto& finding : schema->schema.Validate(document.root())) {
        ADD_FAILURE() << finding.field << ": " << finding.message;
      }
    }
  }
  EXPECT_GE(count, 5);
}

TEST(ResourceSchemasTest, WhatIsNoCrdIsRefused) {
  EXPECT_FALSE(ParseCrd("{kind: Pod}").ok());
  EXPECT_FALSE(ParseCrd(": :").ok());
  EXPECT_FALSE(
      ParseCrd("{kind: CustomResourceDefinition, spec: {versions: [{name: v1, served: true, "
               "schema: {openAPIV3Schema: {type: object, not: {}}}}]}}")
          .ok());
}

}  // namespace
}  // namespace stockade::schema
