#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "api/agent_sandbox.h"
#include "codec/yaml.h"
#include "tests/source_dir.h"

// The decoder and the CRD's source describe the same fields; whatever one of them learns, the other
// has to.
namespace stockade::api {
namespace {

using codec::Json;
using codec::JsonView;

class CrdFieldsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ifstream file(STOCKADE_SOURCE_DIR "/crds/source/stockade.dev_agentsandboxes.yaml");
    std::stringstream text;
    text << file.rdbuf();
    auto parsed = codec::ParseYaml(text.str());
    ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
    crd_ = parsed->root().ToJson();
    spec_ = crd_["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    ASSERT_TRUE(spec_["properties"].is_object());
  }

  // A value that has every field of the schema, as far as the schema is ours: of what comes from
  // Kubernetes ("$core") only what we require.
  static Json Example(const Json& schema) {
    if (schema.contains("$core")) {
      const std::string core = schema["$core"];
      if (core.ends_with("Quantity") || core.ends_with("IntOrString")) return "1";
      Json object = Json::object();
      for (const Json& key : schema.value("required", Json::array())) {
        object[key.get<std::string>()] = "x";
      }
      return object;
    }
    if (schema.contains("default")) return schema["default"];
    if (schema.contains("enum")) return schema["enum"].back();
    const std::string type = schema.value("type", "");
    if (type == "string") return "x";
    if (type == "integer") return 1;
    if (type == "array") return Json::array({Example(schema["items"])});
    Json object = Json::object();
    if (schema.contains("properties")) {
      for (const auto& [key, property] : schema["properties"].items()) {
        object[key] = Example(property);
      }
    } else {
      object["key"] = "value";  // a map from string to string
    }
    return object;
  }

  static std::vector<codec::FieldError> Check(const Json& spec) {
    const Json object = {{"apiVersion", "v"}, {"kind", "k"}, {"spec", spec}};
    return CheckAgentSandboxFields(codec::ParseTrusted(object).root());
  }

  // Every object of ours in the example, as JSON pointers.
  static void FindObjects(const Json& schema, const Json& value, const std::string& pointer,
                          std::vector<std::string>& pointers) {
    if (schema.contains("$core")) return;
    if (value.is_array()) FindObjects(schema["items"], value[0], pointer + "/0", pointers);
    if (!value.is_object() || !schema.contains("properties")) return;
    pointers.push_back(pointer);
    for (const auto& [key, property] : schema["properties"].items()) {
      FindObjects(property, value[key], pointer + "/" + key, pointers);
    }
  }

  // A document's enumerations: the names, and the default that stands beside them.
  [[nodiscard]] static std::pair<std::vector<std::string>, std::string> Enum(const Json& schema) {
    return {schema["enum"].get<std::vector<std::string>>(), schema["default"]};
  }

  Json crd_;
  Json spec_;
};

template <std::size_t N>
std::vector<std::string> Names(const std::array<std::string_view, N>& names) {
  return {names.begin(), names.end()};
}

TEST_F(CrdFieldsTest, TheDecoderKnowsEveryField) {
  // The only complaint about an object with every field is of those of which one is wanted.
  for (const codec::FieldError& error : Check(Example(spec_))) {
    EXPECT_TRUE(error.message.starts_with("must have exactly one"))
        << error.path << ": " << error.message;
  }
}

TEST_F(CrdFieldsTest, TheDecoderKnowsNoOtherField) {
  const Json example = Example(spec_);
  std::vector<std::string> pointers;
  FindObjects(spec_, example, "", pointers);
  EXPECT_GE(pointers.size(), 12U);
  for (const std::string& pointer : pointers) {
    Json spec = example;
    spec[Json::json_pointer(pointer + "/notAField")] = 1;
    std::set<std::string> unknown;
    for (const codec::FieldError& error : Check(spec)) {
      if (error.message.starts_with("is not a known field")) unknown.insert(error.path);
    }
    EXPECT_EQ(unknown.size(), 1U) << pointer;
  }
}

TEST_F(CrdFieldsTest, EnumerationsAndDefaultsAgree) {
  const Json& properties = spec_["properties"];
  const Json& mount = properties["mounts"]["items"]["properties"];
  const AgentSandboxSpec defaults;
  EXPECT_EQ(Enum(properties["isolation"]),
            std::pair(Names(kIsolationNames), std::string(IsolationName(defaults.isolation))));
  EXPECT_EQ(
      Enum(properties["inputTrust"]),
      std::pair(Names(kInputTrustNames),
                std::string(kInputTrustNames[static_cast<std::size_t>(defaults.input_trust)])));
  EXPECT_EQ(Enum(properties["operatingMode"]),
            std::pair(Names(kOperatingModeNames),
                      std::string(
                          kOperatingModeNames[static_cast<std::size_t>(defaults.operating_mode)])));
  EXPECT_EQ(Enum(mount["access"]),
            std::pair(Names(kMountAccessNames),
                      std::string(kMountAccessNames[static_cast<std::size_t>(Mount{}.access)])));
  const Json& entry = properties["egress"]["properties"]["allow"]["items"]["properties"];
  EXPECT_EQ(Enum(entry["tls"]), std::pair(Names(kTlsModeNames), std::string("Terminate")));
  EXPECT_EQ(Enum(entry["clientCredentials"]),
            std::pair(Names(kClientCredentialsNames), std::string("Strip")));
  EXPECT_EQ(Enum(properties["egress"]["properties"]["gateway"]),
            std::pair(Names(kGatewayModeNames), std::string("Dedicated")));
  const Json& port = properties["service"]["properties"]["ports"]["items"]["properties"];
  EXPECT_EQ(port["protocol"]["default"], ServicePort{}.protocol);
}

TEST_F(CrdFieldsTest, EverySourceOfAMountIsASourceInTheCrd) {
  std::set<std::string> sources;
  for (const auto& [key, value] : spec_["properties"]["mounts"]["items"]["properties"].items()) {
    if (value.value("type", "") == "object" || value.contains("$core")) sources.insert(key);
  }
  sources.erase("sizeLimit");
  const auto names = Names(kMountSourceNames);
  EXPECT_EQ(sources, std::set<std::string>(names.begin(), names.end()));
}

}  // namespace
}  // namespace stockade::api
