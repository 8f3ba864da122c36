#include "render/agent_settings.h"

#include <algorithm>
#include <array>
#include <utility>

#include "api/names.h"
#include "render/edit.h"
#include "render/own_container.h"

namespace stockade::render {
namespace {

using api::AgentPermissions;
using api::AgentSettings;
using api::EgressEntry;
using codec::Json;

constexpr std::array<const char*, 2> kContainerLists = {"initContainers", "containers"};
// What the API server fills in for a volume of the downward API: 0644. The directory itself is
// mounted read-only.
constexpr int kFileMode = 420;

template <typename T>
bool IsEmptyOrHas(const std::vector<T>& list, const T& value) {
  return list.empty() || std::ranges::find(list, value) != list.end();
}

bool IsFetchable(const EgressEntry& entry) {
  const std::vector<std::int64_t> ports = api::AllowedPorts(entry);
  return std::ranges::find(ports, api::kHttpsPort) != ports.end() &&
         IsEmptyOrHas(entry.methods, std::string("GET"));
}

bool IsDeniedAltogether(const api::Egress& egress, const std::string& host) {
  return std::ranges::any_of(egress.deny, [&host](const EgressEntry& entry) {
    return entry.ports.empty() && entry.methods.empty() && entry.paths.empty() &&
           api::CoversHost(entry.host, host);
  });
}

std::string FetchRule(const std::string& host) { return "WebFetch(domain:" + host + ")"; }

// The author's rules first, and no rule twice.
Json AllowedCalls(const AgentPermissions& permissions, const std::vector<std::string>& hosts) {
  Json rules = permissions.allow;
  for (const std::string& host : hosts) {
    const std::string rule = FetchRule(host);
    if (std::ranges::find(permissions.allow, rule) == permissions.allow.end()) {
      rules.push_back(rule);
    }
  }
  return rules;
}

// Names within a wildcard of allow that the gateway refuses.
Json DeniedCalls(const AgentPermissions& permissions, const api::AgentSandbox& sandbox) {
  Json rules = permissions.deny;
  if (!sandbox.spec.egress) return rules;
  for (const EgressEntry& entry : sandbox.spec.egress->deny) {
    // There a wildcard is of any depth, and would deny more than the gateway does.
    if (api::IsWildcardHost(entry.host)) continue;
    const std::string rule = FetchRule(entry.host);
    if (IsDeniedAltogether(*sandbox.spec.egress, entry.host) &&
        std::ranges::find(rules, Json(rule)) == rules.end()) {
      rules.push_back(rule);
    }
  }
  return rules;
}

Json Permissions(const api::AgentSandbox& sandbox, const std::vector<std::string>& hosts) {
  const AgentPermissions& permissions = sandbox.spec.agent_settings->permissions;
  Json json = {{"allow", AllowedCalls(permissions, hosts)},
               {"ask", permissions.ask},
               {"deny", DeniedCalls(permissions, sandbox)}};
  if (permissions.default_mode) {
    json["defaultMode"] =
        api::kPermissionModeNames[static_cast<std::size_t>(*permissions.default_mode)];
  }
  if (permissions.disable_bypass) {
    json["disableBypassPermissionsMode"] = "disable";
    json["disableAutoMode"] = "disable";
  }
  return json;
}

Json CommandSandbox(const AgentSettings& settings, api::Isolation isolation,
                    const std::vector<std::string>& hosts) {
  // Under gVisor it breaks every command; there the tier is the sandbox.
  if (isolation == api::Isolation::kGVisor) return {{"enabled", false}};
  if (!settings.sandbox_enabled) return nullptr;
  if (!*settings.sandbox_enabled) return {{"enabled", false}};
  return {{"enabled", true},
          {"failIfUnavailable", true},
          {"allowUnsandboxedCommands", false},
          {"autoAllowBashIfSandboxed", false},
          {"network", {{"allowedDomains", hosts}, {"allowManagedDomainsOnly", true}}}};
}

Json Servers(const std::vector<api::McpServer>& servers) {
  Json list = Json::array();
  for (const api::McpServer& server : servers) {
    list.push_back(server.command.empty() ? Json{{"serverUrl", server.url}}
                                          : Json{{"serverCommand", server.command}});
  }
  return list;
}

Json Marketplaces(const std::vector<std::string>& marketplaces) {
  Json list = Json::array();
  for (const std::string& marketplace : marketplaces) {
    list.push_back(marketplace.starts_with("https://")
                       ? Json{{"source", "git"}, {"url", marketplace}}
                       : Json{{"source", "github"}, {"repo", marketplace}});
  }
  return list;
}

Json DownwardFile(std::string_view file, std::string_view annotation) {
  return {{"path", file},
          {"fieldRef",
           {{"apiVersion", "v1"},
            {"fieldPath", "metadata.annotations['" + std::string(annotation) + "']"}}}};
}

std::string Text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::vector<std::string> FetchableHosts(const api::AgentSandbox& sandbox) {
  std::vector<std::string> hosts;
  if (!sandbox.spec.egress) return hosts;
  const api::Egress& egress = *sandbox.spec.egress;
  for (const EgressEntry& entry : egress.allow) {
    if (!IsFetchable(entry) || IsDeniedAltogether(egress, entry.host)) continue;
    if (std::ranges::find(hosts, entry.host) == hosts.end()) hosts.push_back(entry.host);
  }
  return hosts;
}

Json ManagedSettings(const api::AgentSandbox& sandbox) {
  const AgentSettings& settings = *sandbox.spec.agent_settings;
  const std::vector<std::string> hosts = FetchableHosts(sandbox);
  Json json = {{"permissions", Permissions(sandbox, hosts)},
               {"allowManagedPermissionRulesOnly", settings.permissions.managed_only},
               {"allowManagedHooksOnly", settings.permissions.managed_only},
               {"disableSideloadFlags", settings.permissions.managed_only},
               {"allowManagedMcpServersOnly", true},
               {"allowedMcpServers", Servers(settings.mcp_allow)},
               {"deniedMcpServers", Servers(settings.mcp_deny)},
               {"strictKnownMarketplaces", Marketplaces(settings.plugins_allow)},
               {"disableRemoteControl", true},
               // The gateway judges hosts; the question to the vendor's would not get through.
               {"skipWebFetchPreflight", true}};
  Json sandboxed = CommandSandbox(settings, sandbox.spec.isolation, hosts);
  if (!sandboxed.is_null()) json["sandbox"] = std::move(sandboxed);
  return json;
}

void AddAgentSettings(Json& pod, const api::AgentSandbox& sandbox) {
  if (!sandbox.spec.agent_settings) return;
  Json& annotations = pod["metadata"]["annotations"];
  Json items = Json::array({DownwardFile(kManagedSettingsFile, api::kManagedSettingsAnnotation)});
  annotations[std::string(api::kManagedSettingsAnnotation)] = Text(ManagedSettings(sandbox));
  if (sandbox.spec.agent_settings->mcp_allow.empty()) {
    // With that file there are the servers that it lists, and no others.
    annotations[std::string(api::kManagedMcpAnnotation)] = Text({{"mcpServers", Json::object()}});
    items.push_back(DownwardFile(kManagedMcpFile, api::kManagedMcpAnnotation));
  }
  Json& spec = pod["spec"];
  spec["volumes"].push_back(
      {{"name", kAgentSettingsVolume},
       {"downwardAPI", {{"defaultMode", kFileMode}, {"items", std::move(items)}}}});
  for (const char* list : kContainerLists) {
    Json* containers = MutableArray(spec, list);
    if (containers == nullptr) continue;
    for (Json& container : *containers) {
      if (!container.is_object()) continue;
      container["volumeMounts"].push_back(
          ReadOnlyMount(kAgentSettingsVolume, kAgentSettingsDirectory));
    }
  }
}

}  // namespace stockade::render
