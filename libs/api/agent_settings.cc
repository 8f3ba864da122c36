#include "api/agent_settings.h"

#include <utility>

#include "api/read_enum.h"

namespace stockade::api {
namespace {

using codec::FieldError;
using codec::Json;
using codec::JsonView;
using codec::ObjectReader;

class SettingsDecoder {
 public:
  SettingsDecoder(bool strict, std::vector<FieldError>& errors)
      : strict_(strict), errors_(errors) {}

  AgentSettings Decode(JsonView value, const std::string& path) {
    AgentSettings settings;
    ObjectReader reader(value, path, errors_);
    if (const JsonView permissions = reader.Object("permissions"); permissions.IsObject()) {
      settings.permissions = DecodePermissions(permissions, path + ".permissions");
    }
    if (const JsonView sandbox = reader.Object("sandbox"); sandbox.IsObject()) {
      ObjectReader sandbox_reader(sandbox, path + ".sandbox", errors_);
      if (!sandbox_reader.Value("enabled").IsUnset()) {
        sandbox_reader.Bool("enabled", settings.sandbox_enabled.emplace(false));
      }
      Finish(sandbox_reader);
    }
    if (const JsonView mcp = reader.Object("mcp"); mcp.IsObject()) {
      ObjectReader mcp_reader(mcp, path + ".mcp", errors_);
      settings.mcp_allow = DecodeServers(mcp_reader, "allow");
      settings.mcp_deny = DecodeServers(mcp_reader, "deny");
      Finish(mcp_reader);
    }
    if (const JsonView plugins = reader.Object("plugins"); plugins.IsObject()) {
      ObjectReader plugins_reader(plugins, path + ".plugins", errors_);
      plugins_reader.StringList("allow", settings.plugins_allow);
      Finish(plugins_reader);
    }
    Finish(reader);
    return settings;
  }

 private:
  void Finish(ObjectReader& reader) const {
    if (strict_) reader.Finish();
  }

  AgentPermissions DecodePermissions(JsonView value, const std::string& path) {
    AgentPermissions permissions;
    ObjectReader reader(value, path, errors_);
    reader.StringList("allow", permissions.allow);
    reader.StringList("ask", permissions.ask);
    reader.StringList("deny", permissions.deny);
    if (!reader.Value("defaultMode").IsUnset()) {
      ReadEnum(reader, "defaultMode", kPermissionModeNames,
               permissions.default_mode.emplace(PermissionMode::kDefault));
    }
    reader.Bool("disableBypass", permissions.disable_bypass);
    reader.Bool("managedOnly", permissions.managed_only);
    Finish(reader);
    return permissions;
  }

  std::vector<McpServer> DecodeServers(ObjectReader& mcp, const char* list) {
    std::vector<McpServer> servers;
    const std::string path = mcp.PathOf(list);
    mcp.Array(list).ForEachElement([&](std::size_t index, JsonView element) {
      const std::string here = path + "[" + std::to_string(index) + "]";
      ObjectReader reader(element, here, errors_);
      McpServer& server = servers.emplace_back();
      reader.String("url", server.url);
      reader.StringList("command", server.command);
      if (reader.Value("url").IsUnset() == reader.Value("command").IsUnset()) {
        errors_.push_back({here, "must have exactly one of url and command"});
      }
      Finish(reader);
    });
    return servers;
  }

  bool strict_;
  std::vector<FieldError>& errors_;
};

template <typename T>
void AddIfSet(Json& object, const char* key, const T& value) {
  if (!value.empty()) object[key] = value;
}

void AddServers(Json& object, const char* key, const std::vector<McpServer>& servers) {
  for (const McpServer& server : servers) {
    Json json = Json::object();
    AddIfSet(json, "url", server.url);
    AddIfSet(json, "command", server.command);
    object[key].push_back(std::move(json));
  }
}

}  // namespace

const std::vector<std::string>& AgentPermissions::ListOf(PermissionList list) const {
  if (list == PermissionList::kAllow) return allow;
  return list == PermissionList::kAsk ? ask : deny;
}

AgentSettings DecodeAgentSettings(JsonView value, const std::string& path, bool strict,
                                  std::vector<FieldError>& errors) {
  return SettingsDecoder(strict, errors).Decode(value, path);
}

Json ToJson(const AgentSettings& settings) {
  Json json = Json::object();
  const AgentPermissions& permissions = settings.permissions;
  AddIfSet(json, "allow", permissions.allow);
  AddIfSet(json, "ask", permissions.ask);
  AddIfSet(json, "deny", permissions.deny);
  if (permissions.default_mode) {
    json["defaultMode"] = kPermissionModeNames[static_cast<std::size_t>(*permissions.default_mode)];
  }
  if (!permissions.disable_bypass) json["disableBypass"] = false;
  if (!permissions.managed_only) json["managedOnly"] = false;
  if (settings.sandbox_enabled) json["sandbox"] = *settings.sandbox_enabled;
  AddServers(json, "mcpAllow", settings.mcp_allow);
  AddServers(json, "mcpDeny", settings.mcp_deny);
  AddIfSet(json, "plugins", settings.plugins_allow);
  return json;
}

}  // namespace stockade::api
