#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codec/json.h"
#include "codec/yaml.h"
#include "tests/source_dir.h"

// The source of a CRD as its tests read it.
namespace stockade::api {

// The schema of `spec` in crds/source/`file`.
inline codec::Json SpecSchemaOf(const std::string& file) {
  std::ifstream stream(STOCKADE_SOURCE_DIR "/crds/source/" + file);
  std::stringstream text;
  text << stream.rdbuf();
  const auto parsed = codec::ParseYaml(text.str());
  EXPECT_TRUE(parsed.ok()) << parsed.status().ToString();
  if (!parsed.ok()) return {};
  const codec::Json crd = parsed->root().ToJson();
  return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
}

// A value that has every field of the schema, as far as the schema is ours: of what comes from
// Kubernetes ("$core") only what we require.
inline codec::Json Example(const codec::Json& schema) {
  if (schema.contains("$from")) return codec::Json::object();  // another source's
  if (schema.contains("$core")) {
    const std::string core = schema["$core"];
    if (core.ends_with("Quantity") || core.ends_with("IntOrString")) return "1";
    codec::Json object = codec::Json::object();
    for (const codec::Json& key : schema.value("required", codec::Json::array())) {
      object[key.get<std::string>()] = "x";
    }
    return object;
  }
  // The default of an object is filled up by those of its fields.
  if (schema.contains("default") && !schema["default"].is_object()) return schema["default"];
  if (schema.contains("enum")) return schema["enum"].back();
  const std::string type = schema.value("type", "");
  if (schema.value("format", "") == "date-time") return "2026-11-24T04:15:20Z";
  if (type == "string") return "x";
  if (type == "integer") return std::max(schema.value("minimum", 1), 1);
  if (type == "boolean") return true;
  if (type == "array") return codec::Json::array({Example(schema["items"])});
  codec::Json object = codec::Json::object();
  if (schema.contains("properties")) {
    for (const auto& [key, property] : schema["properties"].items()) {
      object[key] = Example(property);
    }
  } else {
    object["key"] = "value";  // a map from string to string
  }
  return object;
}

// Every object of ours in the example, as JSON pointers.
inline void FindObjects(const codec::Json& schema, const codec::Json& value,
                        const std::string& pointer, std::vector<std::string>& pointers) {
  if (schema.contains("$core") || schema.contains("$from")) return;
  if (value.is_array()) FindObjects(schema["items"], value[0], pointer + "/0", pointers);
  if (!value.is_object() || !schema.contains("properties")) return;
  pointers.push_back(pointer);
  for (const auto& [key, property] : schema["properties"].items()) {
    FindObjects(property, value[key], pointer + "/" + key, pointers);
  }
}

// A document's enumerations: the names, and the default that stands beside them.
[[nodiscard]] inline std::pair<std::vector<std::string>, std::string> Enum(
    const codec::Json& schema) {
  return {schema["enum"].get<std::vector<std::string>>(), schema["default"]};
}

template <std::size_t N>
std::vector<std::string> Names(const std::array<std::string_view, N>& names) {
  return {names.begin(), names.end()};
}

}  // namespace stockade::api
