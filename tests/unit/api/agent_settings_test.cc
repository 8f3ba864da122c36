#include "api/agent_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "api/agent_sandbox.h"
#include "codec/json.h"

namespace stockade::api {
namespace {

using codec::FieldError;
using codec::Json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

AgentSettings Decode(const char* json, std::vector<FieldError>& errors) {
  const codec::JsonDocument document = codec::ParseTrusted(Json::parse(json));
  return DecodeAgentSettings(document.root(), "spec.agentSettings", /*strict=*/true, errors);
}

AgentSettings Decoded(const char* json) {
  std::vector<FieldError> errors;
  AgentSettings settings = Decode(json, errors);
  EXPECT_THAT(errors, IsEmpty());
  return settings;
}

TEST(DecodeAgentSettingsTest, WhatIsUnsetIsShut) {
  const AgentSettings settings = Decoded("{}");
  EXPECT_EQ(settings, AgentSettings{});
  EXPECT_TRUE(settings.permissions.disable_bypass);
  EXPECT_TRUE(settings.permissions.managed_only);
  EXPECT_FALSE(settings.permissions.default_mode);
  EXPECT_FALSE(settings.sandbox_enabled);
  EXPECT_EQ(ToJson(settings), Json::object());
}

TEST(DecodeAgentSettingsTest, ReadsEveryField) {
  const AgentSettings settings = Decoded(R"j({
    "permissions": {"allow": ["Read"], "ask": ["Edit"], "deny": ["Bash(rm *)"],
                    "defaultMode": "dontAsk", "disableBypass": false, "managedOnly": false},
    "sandbox": {"enabled": false},
    "mcp": {"allow": [{"url": "https://a.example/*"}], "deny": [{"command": ["a", "b"]}]},
    "plugins": {"allow": ["acme/plugins"]}})j");
  EXPECT_THAT(settings.permissions.ListOf(PermissionList::kAllow), ElementsAre("Read"));
  EXPECT_THAT(settings.permissions.ListOf(PermissionList::kAsk), ElementsAre("Edit"));
  EXPECT_THAT(settings.permissions.ListOf(PermissionList::kDeny), ElementsAre("Bash(rm *)"));
  EXPECT_EQ(settings.permissions.default_mode, PermissionMode::kDontAsk);
  EXPECT_FALSE(settings.permissions.disable_bypass);
  EXPECT_FALSE(settings.permissions.managed_only);
  EXPECT_EQ(settings.sandbox_enabled, false);
  EXPECT_EQ(settings.mcp_allow.at(0).url, "https://a.example/*");
  EXPECT_THAT(settings.mcp_deny.at(0).command, ElementsAre("a", "b"));
  EXPECT_THAT(settings.plugins_allow, ElementsAre("acme/plugins"));
}

TEST(DecodeAgentSettingsTest, NamesEveryMistake) {
  std::vector<FieldError> errors;
  (void)Decode(R"({
    "permissions": {"defaultMode": "yolo", "alow": []},
    "sandbox": {"enabled": "yes"},
    "mcp": {"allow": [{}, {"url": "https://a", "command": ["a"]}]}})",
               errors);
  std::vector<std::string> paths;
  for (const FieldError& error : errors) paths.push_back(error.path);
  EXPECT_THAT(
      paths,
      ElementsAre("spec.agentSettings.permissions.defaultMode",
                  "spec.agentSettings.permissions.alow", "spec.agentSettings.sandbox.enabled",
                  "spec.agentSettings.mcp.allow[0]", "spec.agentSettings.mcp.allow[1]"));
}

}  // namespace
}  // namespace stockade::api
