#include <gtest/gtest.h>

#include <set>

#include "api/agent_sandbox.h"
#include "crd_schema.h"

// The decoder and the CRD's source describe the same fields; whatever one of them learns, the other
// has to.
namespace stockade::api {
namespace {

using codec::Json;
using codec::JsonView;

class CrdFieldsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    spec_ = SpecSchemaOf("stockade.dev_agentsandboxes.yaml");
    ASSERT_TRUE(spec_["properties"].is_object());
  }

  static std::vector<codec::FieldError> Check(const Json& spec) {
    const Json object = {{"apiVersion", "v"}, {"kind", "k"}, {"spec", spec}};
    return CheckAgentSandboxFields(codec::ParseTrusted(object).root());
  }

  Json spec_;
};

TEST_F(CrdFieldsTest, TheDecoderKnowsEveryField) {
  // The only complaints about an object with every field are of those of which one is wanted, and
  // of times of which one has to be longer than the other.
  for (const codec::FieldError& error : Check(Example(spec_))) {
    EXPECT_TRUE(error.message.starts_with("must have exactly one") ||
                error.message.starts_with("must be more than"))
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
  const Json& settings = properties["agentSettings"]["properties"];
  const Json& permissions = settings["permissions"]["properties"];
  EXPECT_EQ(permissions["defaultMode"]["enum"], Json(Names(kPermissionModeNames)));
  EXPECT_EQ(permissions["disableBypass"]["default"], AgentPermissions{}.disable_bypass);
  EXPECT_EQ(permissions["managedOnly"]["default"], AgentPermissions{}.managed_only);
  const Json& lifecycle = properties["lifecycle"]["properties"];
  EXPECT_EQ(Enum(lifecycle["shutdownPolicy"]),
            std::pair(Names(kShutdownPolicyNames), std::string("Retain")));
  EXPECT_EQ(lifecycle["volumePolicy"]["default"], "Delete");
  const Json& restart = lifecycle["restart"]["properties"];
  const Json& backoff = restart["backoff"]["properties"];
  EXPECT_EQ(restart["maxAttempts"]["default"], Restart{}.max_attempts);
  EXPECT_EQ(restart["maxAttempts"]["maximum"], kMostRestarts);
  EXPECT_EQ(backoff["initialSeconds"]["default"], Restart{}.initial_wait.count());
  EXPECT_EQ(backoff["maxSeconds"]["default"], Restart{}.max_wait.count());
  EXPECT_EQ(backoff["maxSeconds"]["maximum"], kLongestRestartWaitSeconds);
  EXPECT_EQ(lifecycle["maxLifetimeSeconds"]["maximum"], kLongestLifetimeSeconds);
  for (const char* field : {"suspendAfterSeconds", "deleteAfterSeconds"}) {
    const Json& after = lifecycle["idle"]["properties"][field];
    EXPECT_EQ(after["minimum"], kShortestIdleSeconds) << field;
    EXPECT_EQ(after["maximum"], kLongestLifetimeSeconds) << field;
  }
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
