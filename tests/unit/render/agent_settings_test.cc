#include "render/agent_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "api/names.h"
#include "api/pod_view.h"
#include "policy/evaluate.h"
#include "render_testing.h"
#include "tests/unit/render/gateway_testing.h"

namespace stockade::render {
namespace {

using codec::Json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kPod =
    "podTemplate: {spec: {containers: [{name: agent, image: 'example.com/a:v1'}]}}\n";

api::AgentSandbox With(const std::string& fields) { return SandboxWithSpec(kPod + fields); }

Json SettingsOfFields(const std::string& fields) { return ManagedSettings(With(fields)); }

std::vector<std::string> Allowed(const std::string& fields) {
  return SettingsOfFields(fields)["permissions"]["allow"].get<std::vector<std::string>>();
}

TEST(AgentSettingsTest, EmptySettingsHaveTheSafeDefaults) {
  EXPECT_EQ(SettingsOfFields("agentSettings: {}"), FromYaml(R"(
permissions:
  {allow: [], ask: [], deny: [], disableBypassPermissionsMode: disable, disableAutoMode: disable}
allowManagedPermissionRulesOnly: true
allowManagedHooksOnly: true
allowManagedMcpServersOnly: true
allowedMcpServers: []
deniedMcpServers: []
disableRemoteControl: true
disableSideloadFlags: true
skipWebFetchPreflight: true
strictKnownMarketplaces: []
sandbox: {enabled: false}
)"));
}

TEST(AgentSettingsTest, WhatTheAuthorOpensIsOpen) {
  const Json settings = SettingsOfFields(
      "agentSettings: {permissions: {disableBypass: false, managedOnly: false, defaultMode: "
      "auto}}");
  const Json& permissions = settings["permissions"];
  EXPECT_FALSE(permissions.contains("disableBypassPermissionsMode"));
  EXPECT_FALSE(permissions.contains("disableAutoMode"));
  EXPECT_EQ(permissions["defaultMode"], "auto");
  EXPECT_EQ(settings["allowManagedPermissionRulesOnly"], false);
  EXPECT_EQ(settings["allowManagedHooksOnly"], false);
  EXPECT_EQ(settings["disableSideloadFlags"], false);
}

TEST(AgentSettingsTest, FetchesOfListedHostsAreAllowed) {
  EXPECT_THAT(
      Allowed(R"(
egress:
  model: {custom: {host: model.example.com, credential: k}}
  allow:
    - {host: a.example.com}
    - {host: '*.b.example.com'}
    - {host: a.example.com, paths: [/x]}
    - {host: tunnel.example.com, tls: Tunnel}
    - {host: port.example.com, ports: [8443]}
    - {host: both.example.com, ports: [443, 8443]}
    - {host: upload.example.com, methods: [POST]}
    - {host: read.example.com, methods: [HEAD, GET]}
    - {host: denied.example.com}
    - {host: partly.example.com}
  deny:
    - {host: denied.example.com}
    - {host: partly.example.com, paths: [/private]}
agentSettings: {permissions: {allow: ['Bash(ls *)', 'WebFetch(domain:both.example.com)']}}
)"),
      ElementsAre("Bash(ls *)", "WebFetch(domain:both.example.com)",
                  "WebFetch(domain:a.example.com)", "WebFetch(domain:*.b.example.com)",
                  "WebFetch(domain:tunnel.example.com)", "WebFetch(domain:read.example.com)",
                  "WebFetch(domain:partly.example.com)"));
}

TEST(AgentSettingsTest, FetchesOfRefusedNamesAreDenied) {
  const Json settings = SettingsOfFields(R"(
egress:
  allow: [{host: '*.example.com'}]
  deny:
    - {host: payroll.example.com}
    - {host: '*.inner.example.com'}
    - {host: wiki.example.com, methods: [POST]}
agentSettings: {permissions: {deny: [WebSearch]}}
)");
  EXPECT_EQ(settings["permissions"]["deny"],
            Json::array({"WebSearch", "WebFetch(domain:payroll.example.com)"}));
}

TEST(AgentSettingsTest, TheCommandSandboxFollowsTheTier) {
  const auto sandbox_of = [](const char* tier, const char* settings) {
    return SettingsOfFields(std::string("isolation: ") + tier +
                            "\ninputTrust: Trusted\negress: {allow: [{host: a.example.com}]}\n" +
                            "agentSettings: " + settings)
        .value("sandbox", Json());
  };
  const Json off = {{"enabled", false}};
  EXPECT_EQ(sandbox_of("GVisor", "{}"), off);
  for (const char* tier : {"Container", "MicroVM"}) {
    EXPECT_EQ(sandbox_of(tier, "{}"), Json());
    EXPECT_EQ(sandbox_of(tier, "{sandbox: {enabled: false}}"), off);
    const Json on = sandbox_of(tier, "{sandbox: {enabled: true}}");
    EXPECT_EQ(on["enabled"], true);
    EXPECT_EQ(on["failIfUnavailable"], true);
    EXPECT_EQ(on["allowUnsandboxedCommands"], false);
    EXPECT_EQ(on["network"]["allowedDomains"], Json::array({"a.example.com"}));
  }
}

TEST(AgentSettingsTest, ServersAndMarketplaces) {
  const Json settings = SettingsOfFields(R"(
agentSettings:
  mcp:
    allow: [{url: 'https://mcp.example.com/*'}, {command: [tool, --stdio]}]
    deny: [{command: [other]}]
  plugins: {allow: [acme/plugins, 'https://git.example.com/plugins.git']}
)");
  EXPECT_EQ(
      settings["allowedMcpServers"],
      FromYaml("[{serverUrl: 'https://mcp.example.com/*'}, {serverCommand: [tool, --stdio]}]"));
  EXPECT_EQ(settings["deniedMcpServers"], FromYaml("[{serverCommand: [other]}]"));
  EXPECT_EQ(settings["strictKnownMarketplaces"],
            FromYaml("[{source: github, repo: acme/plugins}, "
                     "{source: git, url: 'https://git.example.com/plugins.git'}]"));
}

// ---- The pod

std::vector<std::string> FilesOf(const Json& pod) {
  std::vector<std::string> files;
  const Json volume = Named(pod["spec"]["volumes"], kAgentSettingsVolume);
  for (const Json& item : volume["downwardAPI"]["items"]) {
    files.push_back(item["path"]);
    // What the kubelet puts into the file: the annotation that the path names.
    const std::string path = item["fieldRef"]["fieldPath"];
    const std::string key =
        path.substr(path.find('\'') + 1, path.rfind('\'') - path.find('\'') - 1);
    EXPECT_TRUE(pod["metadata"]["annotations"].contains(key)) << key;
  }
  return files;
}

TEST(AgentSettingsTest, EveryContainerOfTheAgentMountsTheWholeDirectory) {
  const Json spec = {{"podTemplate", {{"spec", FromYaml(R"(
initContainers:
  - {name: setup, image: 'example.com/a:v1'}
  - {name: helper, image: 'example.com/a:v1', restartPolicy: Always}
containers:
  - {name: agent, image: 'example.com/a:v1'}
  - {name: second, image: 'example.com/a:v1'})")}}},
                     {"egress", FromYaml("{allow: [{host: a.example.com}]}")},
                     {"agentSettings", Json::object()}};
  const Json pod = RenderedWithEgress(SandboxWithSpec(spec.dump())).pod;
  EXPECT_THAT(FilesOf(pod), ElementsAre("managed-settings.json", "managed-mcp.json"));
  int mounted = 0;
  for (const char* list : {"initContainers", "containers"}) {
    for (const Json& container : pod["spec"][list]) {
      const bool own = container["name"].get<std::string>().starts_with("stockade-");
      int here = 0;
      for (const Json& mount : container["volumeMounts"]) {
        if (mount["name"] != kAgentSettingsVolume) continue;
        ++here;
        EXPECT_EQ(mount["mountPath"], "/etc/claude-code");
        EXPECT_EQ(mount["readOnly"], true);
        EXPECT_FALSE(mount.contains("subPath"));
      }
      EXPECT_EQ(here, own ? 0 : 1) << container["name"];
      mounted += here;
    }
  }
  EXPECT_EQ(mounted, 4);
  const codec::JsonDocument document = codec::ParseTrusted(pod);
  EXPECT_FALSE(policy::HasErrors(
      policy::EvaluateRenderedPod(api::PodView(document.root(), ""), "gvisor", {})));
}

TEST(AgentSettingsTest, TheFilesAreWhatWasRendered) {
  const api::AgentSandbox sandbox =
      With("agentSettings: {permissions: {deny: [\"Bash(é \\\"*)\"]}}");
  const Json pod = Render(sandbox, {}).pod;
  const Json& annotations = pod["metadata"]["annotations"];
  EXPECT_EQ(
      Json::parse(annotations[std::string(api::kManagedSettingsAnnotation)].get<std::string>()),
      ManagedSettings(sandbox));
  EXPECT_EQ(annotations[std::string(api::kManagedMcpAnnotation)], R"({"mcpServers":{}})");
}

TEST(AgentSettingsTest, WithServersThereIsNoExclusiveList) {
  const Json pod = Render(With("agentSettings: {mcp: {allow: [{command: [tool]}]}}"), {}).pod;
  EXPECT_THAT(FilesOf(pod), ElementsAre("managed-settings.json"));
  EXPECT_FALSE(pod["metadata"]["annotations"].contains(std::string(api::kManagedMcpAnnotation)));
}

TEST(AgentSettingsTest, WithoutSettingsNothingIsAdded) {
  const Json pod = Render(With(""), {}).pod;
  EXPECT_THAT(NamesIn(pod["spec"]["volumes"]), Not(Contains(std::string(kAgentSettingsVolume))));
  EXPECT_FALSE(
      pod["metadata"]["annotations"].contains(std::string(api::kManagedSettingsAnnotation)));
}

TEST(AgentSettingsTest, AnAgentWithoutAModelGetsTheVariablesThatGoWithThem) {
  const auto names = [](const std::string& fields) {
    const Json pod = RenderedWithEgress(With(fields)).pod;
    return NamesIn(pod["spec"]["containers"][0]["env"]);
  };
  const std::string egress = "egress: {allow: [{host: a.example.com}]}\n";
  EXPECT_THAT(names(egress), Not(Contains("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC")));
  EXPECT_THAT(names(egress + "agentSettings: {}"),
              Contains("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"));
}

}  // namespace
}  // namespace stockade::render
