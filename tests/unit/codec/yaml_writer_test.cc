#include "codec/yaml_writer.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "codec/yaml.h"
#include "tests/source_dir.h"

namespace stockade::codec {
namespace {

TEST(YamlWriterTest, WritesManifestsAsPeopleDo) {
  const Json pod = {
      {"apiVersion", "v1"},
      {"metadata", {{"name", "a"}, {"labels", {{"example.com/x", "yes it is"}}}}},
      {"spec",
       {{"containers", Json::array({{{"name", "agent"},
                                     {"args", {"a b", "--x=1", "- dash", "k: v", "# no"}},
                                     {"env", Json::array({{{"name", "LANG"}, {"value", "1"}}})}}})},
        {"hostUsers", false},
        {"volumes", Json::array()},
        {"securityContext", Json::object()},
        {"priority", 10}}}};
  EXPECT_EQ(ToYaml(pod),
            "apiVersion: v1\n"
            "metadata:\n"
            "  labels:\n"
            "    example.com/x: yes it is\n"
            "  name: a\n"
            "spec:\n"
            "  containers:\n"
            "  - args:\n"
            "    - a b\n"
            "    - \"--x=1\"\n"
            "    - \"- dash\"\n"
            "    - \"k: v\"\n"
            "    - \"# no\"\n"
            "    env:\n"
            "    - name: LANG\n"
            "      value: \"1\"\n"
            "    name: agent\n"
            "  hostUsers: false\n"
            "  priority: 10\n"
            "  securityContext: {}\n"
            "  volumes: []\n");
}

TEST(YamlWriterTest, QuotesWhatAReaderWouldTakeForSomethingElse) {
  for (const char* text :
       {"",           "yes", "off",   "null", "~",  "1",   "1.5", "0x10", "1_000", ".5",  "1e3",
        "2026-01-01", "a:",  "a #b",  " a",   "a ", "[a]", "{a}", "*a",   "&a",    "!a",  "|",
        ">",          "'a'", "\"a\"", "a\nb", "%a", "@a",  "`a`", "-",    "?",     "a\tb"}) {
    EXPECT_EQ(ToYaml(text), Json(text).dump() + "\n");
  }
  for (const char* text : {"100m", "1Gi", "10.0.0.0/8", "a:b", "docker.io/library/python:3.13-slim",
                           "/tmp", "a, b (c) = d"}) {
    EXPECT_EQ(ToYaml(text), std::string(text) + "\n");
  }
}

TEST(YamlWriterTest, NestedListsKeepTheirShape) {
  const Json lists = {{1, 2}, {{3}}, Json::array()};
  EXPECT_EQ(ToYaml(lists), "- - 1\n  - 2\n- - - 3\n- []\n");
}

// What is written is read as the same, for everything that is known from kubectl.
TEST(YamlWriterTest, IsReadAsTheSame) {
  int documents_seen = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(STOCKADE_SOURCE_DIR "/tests/golden/yaml")) {
    if (entry.path().extension() != ".yaml") continue;
    SCOPED_TRACE(entry.path().string());
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto documents = ParseYamlDocuments(text);
    ASSERT_TRUE(documents.ok()) << documents.status().ToString();
    for (const JsonDocument& document : *documents) {
      ++documents_seen;
      const Json value = document.root().ToJson();
      const std::string yaml = ToYaml(value);
      const auto again = ParseYaml(yaml);
      ASSERT_TRUE(again.ok()) << again.status().ToString() << "\n" << yaml;
      EXPECT_EQ(again->root().ToJson(), value) << yaml;
    }
  }
  EXPECT_GT(documents_seen, 8);
}

}  // namespace
}  // namespace stockade::codec
