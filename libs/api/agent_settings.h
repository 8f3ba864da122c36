#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"
#include "codec/object_reader.h"

// spec.agentSettings of an AgentSandbox: what becomes the managed settings of Claude Code, which
// whoever works in the sandbox cannot override.
namespace stockade::api {

// How the agent begins: what it does with a call of a tool that no rule speaks of. The names are
// Claude Code's own.
enum class PermissionMode { kDefault, kAcceptEdits, kPlan, kDontAsk, kAuto, kBypassPermissions };
inline constexpr std::array<std::string_view, 6> kPermissionModeNames = {
    "default", "acceptEdits", "plan", "dontAsk", "auto", "bypassPermissions"};

// The lists of rules, in the order in which the agent asks them. The first that has one for a call
// decides.
enum class PermissionList { kDeny, kAsk, kAllow };
inline constexpr std::array<std::string_view, 3> kPermissionListNames = {"deny", "ask", "allow"};

struct AgentPermissions {
  std::vector<std::string> allow;  // "Bash(npm test *)", "WebFetch(domain:example.com)"
  std::vector<std::string> ask;
  std::vector<std::string> deny;
  std::optional<PermissionMode> default_mode;  // unset: the agent's own choice
  bool disable_bypass = true;                  // no mode in which nothing or a model decides
  bool managed_only = true;  // rules and hooks of other settings count for nothing

  [[nodiscard]] const std::vector<std::string>& ListOf(PermissionList list) const;

  bool operator==(const AgentPermissions&) const = default;
};

// Servers of the Model Context Protocol: a remote one by its URL, in which "*" stands for any text,
// or a local one by its exact command. Their names are the agent's to choose, and say nothing.
struct McpServer {
  std::string url;                   // empty: by its command
  std::vector<std::string> command;  // empty: by its URL

  bool operator==(const McpServer&) const = default;
};

struct AgentSettings {
  AgentPermissions permissions;
  std::optional<bool> sandbox_enabled;  // the agent's own sandbox for commands; unset: by the tier
  std::vector<McpServer> mcp_allow;     // empty: none at all
  std::vector<McpServer> mcp_deny;
  // Marketplaces that plugins may come from: "owner/repository" of GitHub, or the https URL of a
  // git repository. Empty: none.
  std::vector<std::string> plugins_allow;

  bool operator==(const AgentSettings&) const = default;
};

// Reads spec.agentSettings, whose path is given; `value` must be set. Errors name every field of
// the wrong type, and with `strict` every unknown one.
[[nodiscard]] AgentSettings DecodeAgentSettings(codec::JsonView value, const std::string& path,
                                                bool strict,
                                                std::vector<codec::FieldError>& errors);

// A form in which equal values give equal text. What is unset is left out, so that a field of a
// later version changes nothing for who does not use it.
[[nodiscard]] codec::Json ToJson(const AgentSettings& settings);

}  // namespace stockade::api
