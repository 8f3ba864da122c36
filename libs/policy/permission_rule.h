#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/agent_settings.h"
#include "base/status.h"

// The permission rules of Claude Code: "Tool" or "Tool(specifier)". What the agent cannot read it
// leaves out without a word, so whoever writes a rule hears of it here. Pure.
namespace stockade::policy {

// One rule, in its parts. Of "Bash(npm test *)" the tool is "Bash" and the specifier "npm test *";
// "Bash(*)" is the same as "Bash", and has none.
struct PermissionRule {
  std::string tool;
  std::string specifier;  // empty: every call of the tool

  // "Tool" or "Tool(specifier)", equal for rules that say the same: a ":*" at the end of a command
  // is " *".
  [[nodiscard]] std::string Text() const;

  bool operator==(const PermissionRule&) const = default;
};

// A rule as the lists `list` take it. BadRequest says what is wrong, as the beginning of a sentence
// about the rule, and after "; " what to write instead.
[[nodiscard]] Result<PermissionRule> ParsePermissionRule(std::string_view text,
                                                         api::PermissionList list);

// Why the agent never asks a rule that it can read, with what to write instead; nothing for one
// that it asks.
[[nodiscard]] std::optional<std::string> IgnoredProblem(const PermissionRule& rule);

// Why a rule of the list allow lets through as good as anything: a whole tool that runs commands or
// leaves the machine, or a command that runs what its arguments say. Nothing for one that does not.
[[nodiscard]] std::optional<std::string> BroadProblem(const PermissionRule& rule);

// Whether whatever `rule` speaks of is spoken of by `other` too, both in the list deny: the same
// rule, or one of the whole tool, in whose name "*" stands for any text.
[[nodiscard]] bool CoversDenied(const PermissionRule& other, const PermissionRule& rule);

// The host of "WebFetch(domain:HOST)"; empty for any other rule.
[[nodiscard]] std::string_view FetchedHost(const PermissionRule& rule);

// Whether `text` is one that `pattern` stands for, in which "*" stands for any text.
[[nodiscard]] bool MatchesGlob(std::string_view pattern, std::string_view text);

}  // namespace stockade::policy
