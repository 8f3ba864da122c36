#include "policy/permission_rule.h"

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "base/strings.h"

namespace stockade::policy {
namespace {

using api::PermissionList;

constexpr std::string_view kMcpPrefix = "mcp__";
constexpr std::string_view kDomain = "domain:";
constexpr std::string_view kPrefixMark = ":*";

// Tools whose specifier is a pattern of paths, and those whose calls the rules of Read and Edit
// decide.
constexpr std::array<std::string_view, 7> kFileTools = {
    "Read", "Write", "Edit", "Glob", "NotebookRead", "NotebookEdit", "MultiEdit"};
constexpr std::array<std::string_view, 3> kEditedBy = {"Write", "NotebookEdit", "MultiEdit"};
constexpr std::array<std::string_view, 2> kReadBy = {"Glob", "NotebookRead"};

// Tools whose specifier is a name, in which ":" may stand, or has a grammar of its own.
constexpr std::array<std::string_view, 6> kNamedTools = {"Agent",        "Task",     "Skill",
                                                         "SlashCommand", "WebFetch", "WebSearch"};

// Tools that run commands.
constexpr std::array<std::string_view, 2> kShellTools = {"Bash", "PowerShell"};

// What a tool's rules speak of already, so that "Tool(field:value)" is not asked there.
struct MainField {
  std::string_view tool;
  std::string_view field;
};
constexpr std::array<MainField, 5> kMainFields = {{{"Bash", "command:"},
                                                   {"Read", "file_path:"},
                                                   {"Edit", "file_path:"},
                                                   {"WebSearch", "query:"},
                                                   {"PowerShell", "command:"}}};

// Programs that run what stands in their first argument: with that one left open, anything.
constexpr std::array<std::string_view, 36> kInterpreters = {
    "ash",     "awk",       "bash", "bun",   "bunx",   "busybox", "csh",  "dash",   "deno",
    "fish",    "gawk",      "java", "julia", "ksh",    "lua",     "mawk", "node",   "nodejs",
    "npx",     "osascript", "perl", "php",   "pipx",   "pnpx",    "pwsh", "python", "python2",
    "python3", "rscript",   "ruby", "sh",    "source", "tclsh",   "tcsh", "uvx",    "zsh"};

// Programs that run another one, or somewhere else, wherever it stands among their arguments.
constexpr std::array<std::string_view, 25> kRunners = {
    ".",      "chroot", "doas",    "env",      "eval",    "exec",   "expect",  "find",   "flock",
    "gdb",    "ionice", "nsenter", "parallel", "rsh",     "script", "setpriv", "setsid", "ssh",
    "strace", "su",     "sudo",    "trap",     "unshare", "watch",  "xargs"};

// What the agent takes off before it compares a command.
constexpr std::array<std::string_view, 8> kWrappers = {"timeout", "time",    "nice",    "nohup",
                                                       "stdbuf",  "command", "builtin", "noglob"};

template <std::size_t N>
bool IsOneOf(std::string_view text, const std::array<std::string_view, N>& list) {
  return std::ranges::find(list, text) != list.end();
}

Status Problem(std::string_view problem, std::string_view remedy) {
  return {StatusCode::kBadRequest, std::string(problem) + "; " + std::string(remedy)};
}

bool HasWildcard(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;  // what follows stands for itself
    } else if (text[i] == '*') {
      return true;
    }
  }
  return false;
}

bool IsMcpTool(std::string_view tool) { return tool.starts_with(kMcpPrefix); }

// "github" of "mcp__github__get_issue".
std::string_view McpServerOf(std::string_view tool) {
  tool.remove_prefix(kMcpPrefix.size());
  return tool.substr(0, tool.find("__"));
}

bool IsToolCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.' || c == ':' || c == '*';
}

// The name of a tool, in the list that has the rule.
Status CheckTool(std::string_view tool, PermissionList list) {
  if (tool.empty()) return Problem("names no tool", "write Tool or Tool(specifier)");
  if (!std::ranges::all_of(tool, IsToolCharacter)) {
    return Problem("has a character that no tool's name has",
                   "write Tool or Tool(specifier), and one rule in each entry");
  }
  if (IsMcpTool(tool) && McpServerOf(tool).empty()) {
    return Problem("names no server", "write mcp__SERVER or mcp__SERVER__TOOL");
  }
  if (tool.find('*') != tool.npos && list == PermissionList::kAllow &&
      (!IsMcpTool(tool) || McpServerOf(tool).find('*') != std::string_view::npos)) {
    return Problem("has a wildcard in the tool's name, which allows nothing",
                   "name the tool, or the tools of one server as mcp__SERVER__*");
  }
  const bool lower = tool.front() >= 'a' && tool.front() <= 'z';
  if (lower && tool.find('_') == tool.npos) {
    return Problem("begins with a lower-case letter, as no tool does",
                   "write Bash, Edit, WebFetch and so on");
  }
  return Status::Ok();
}

// "run_in_background:true" and the like, which names a field of a call and its value.
bool NamesField(std::string_view specifier) {
  const std::size_t colon = specifier.find(':');
  if (colon == specifier.npos || colon == 0) return false;
  return std::ranges::all_of(specifier.substr(0, colon), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  });
}

bool IsHostCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._*[]:").find(c) != std::string_view::npos;
}

// What stands between the parentheses, by the tool.
Status CheckSpecifier(std::string_view tool, std::string_view specifier, PermissionList list) {
  const bool shell = IsOneOf(tool, kShellTools);
  if (IsMcpTool(tool)) {
    return Problem("has parentheses, which rules of MCP servers do not",
                   "write mcp__SERVER__TOOL without them");
  }
  if (shell && specifier == kPrefixMark) {
    return Problem("has no command before \":*\"", "write a command, as in Bash(npm *)");
  }
  if (IsOneOf(tool, kFileTools) && specifier.find(kPrefixMark) != specifier.npos) {
    return Problem("has \":*\", which only commands have",
                   "write a pattern of paths, as in Edit(//workspace/**)");
  }
  if (tool == "WebSearch" && specifier.find_first_of("*?") != specifier.npos) {
    return Problem("has a wildcard, which searches do not", "write WebSearch alone");
  }
  if (list == PermissionList::kAllow && !shell && !IsOneOf(tool, kFileTools) &&
      !IsOneOf(tool, kNamedTools) && NamesField(specifier)) {
    return Problem("names a field and its value, which only ask and deny take",
                   "write the tool alone, or deny the values that are not to be");
  }
  if (tool != "WebFetch") return Status::Ok();
  constexpr std::string_view kRemedy =
      "write WebFetch(domain:HOST), as in WebFetch(domain:api.example.com)";
  if (!specifier.starts_with(kDomain)) return Problem("names no domain", kRemedy);
  const std::string_view host = specifier.substr(kDomain.size());
  if (host.empty() || !std::ranges::all_of(host, IsHostCharacter)) {
    return Problem("names a domain that is no host", kRemedy);
  }
  return Status::Ok();
}

bool HasControlCharacter(std::string_view text) {
  return std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

// Whether each "(" has its ")", the escaped ones apart.
bool ParenthesesAreClear(std::string_view text) {
  int open = 0;
  int close = 0;
  bool escaped = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      ++i;
      escaped = escaped || text[i] == '(' || text[i] == ')';
    } else if (text[i] == '(') {
      ++open;
    } else if (text[i] == ')') {
      ++close;
    }
  }
  return !escaped || open == close;
}

// ---- Commands

std::vector<std::string_view> Words(std::string_view command) {
  std::vector<std::string_view> words;
  for (const std::string_view word : Split(command, ' ')) {
    if (!word.empty()) words.push_back(word);
  }
  return words;
}

bool IsAssignment(std::string_view word) {
  const std::size_t equals = word.find('=');
  if (equals == word.npos || equals == 0) return false;
  return std::ranges::all_of(word.substr(0, equals), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

bool IsNumber(std::string_view word) {
  return !word.empty() && word.front() >= '0' && word.front() <= '9';
}

// The program's own name, without its directory and a version: "python3" of "/usr/bin/python3.11".
std::string ProgramOf(std::string_view word) {
  std::string name = ToLower(word.substr(word.rfind('/') + 1));
  const std::size_t version = name.find_last_not_of("0123456789.");
  if (version != name.npos && name.substr(0, version + 1) == "python" &&
      version + 2 < name.size()) {
    name.resize(version + 2);
  }
  return name;
}

// Variables and wrappers, with their options and numbers, do not count.
std::span<const std::string_view> WithoutWrappers(std::span<const std::string_view> words) {
  bool wrapped = false;
  while (!words.empty() && (IsAssignment(words[0]) || IsOneOf(words[0], kWrappers) ||
                            (wrapped && (words[0].starts_with('-') || IsNumber(words[0]))))) {
    wrapped = wrapped || IsOneOf(words[0], kWrappers);
    words = words.subspan(1);
  }
  return words;
}

std::optional<std::string> BroadCommand(std::string_view command) {
  const std::vector<std::string_view> all = Words(command);
  for (const std::string_view word : all) {
    if (!IsAssignment(word)) break;
    if (HasWildcard(word)) return "leaves the value of a variable open, and with it the command";
  }
  const std::span<const std::string_view> words = WithoutWrappers(all);
  if (words.empty() || HasWildcard(words[0])) return "leaves open which command is run";
  const std::string program = ProgramOf(words[0]);
  const auto arguments = words.subspan(1);
  const auto open = std::ranges::find_if(arguments, HasWildcard);
  if (open == arguments.end()) return std::nullopt;
  if (IsOneOf(program, kRunners)) {
    return "allows " + program + ", which runs whatever its arguments say";
  }
  const bool pinned = std::any_of(arguments.begin(), open,
                                  [](std::string_view word) { return !word.starts_with('-'); });
  if (IsOneOf(program, kInterpreters) && !pinned) {
    return "allows " + program + " without saying which program, so any";
  }
  return std::nullopt;
}

// ":*" at the end is " *", for commands.
std::string Spelled(std::string_view tool, std::string_view specifier) {
  if (IsOneOf(tool, kShellTools) && specifier.ends_with(kPrefixMark)) {
    return std::string(specifier.substr(0, specifier.size() - kPrefixMark.size())) + " *";
  }
  return std::string(specifier);
}

}  // namespace

std::string PermissionRule::Text() const {
  return specifier.empty() ? tool : tool + "(" + Spelled(tool, specifier) + ")";
}

Result<PermissionRule> ParsePermissionRule(std::string_view text, PermissionList list) {
  constexpr std::string_view kForm = "write Tool or Tool(specifier), and nothing after it";
  if (HasControlCharacter(text)) return Problem("has a control character", "remove it");
  const std::size_t open = text.find('(');
  if (open == text.npos) {
    if (text.find(')') != text.npos) return Problem("has a \")\" without its \"(\"", kForm);
    if (const Status status = CheckTool(text, list); !status.ok()) return status;
    return PermissionRule{.tool = std::string(text), .specifier = {}};
  }
  const std::string_view tool = text.substr(0, open);
  if (tool.find(')') != tool.npos || !text.ends_with(')')) {
    return Problem("does not end with the \")\" of its \"(\"", kForm);
  }
  const std::string_view specifier = text.substr(open + 1, text.size() - open - 2);
  if (const Status status = CheckTool(tool, list); !status.ok()) return status;
  if (specifier.find_first_not_of(' ') == specifier.npos) {
    return Problem("has nothing between its parentheses", "write the tool alone for all its calls");
  }
  if (!ParenthesesAreClear(specifier)) {
    return Problem("has an escaped parenthesis beside one that is not",
                   "escape parentheses in pairs, or write [(] and [)]");
  }
  if (specifier == "*" && !IsMcpTool(tool)) {
    return PermissionRule{.tool = std::string(tool), .specifier = {}};
  }
  if (const Status status = CheckSpecifier(tool, specifier, list); !status.ok()) return status;
  return PermissionRule{.tool = std::string(tool), .specifier = std::string(specifier)};
}

std::optional<std::string> IgnoredProblem(const PermissionRule& rule) {
  if (rule.specifier.empty()) return std::nullopt;
  const bool edited = IsOneOf(rule.tool, kEditedBy);
  if (edited || IsOneOf(rule.tool, kReadBy)) {
    const std::string instead = edited ? "Edit" : "Read";
    return "is never asked, since the paths of " + rule.tool + " are decided by rules of " +
           instead + "; write " + instead + "(" + Truncate(rule.specifier, 60) + ")";
  }
  for (const auto& [tool, field] : kMainFields) {
    if (rule.tool != tool || !rule.specifier.starts_with(field)) continue;
    return "is never asked, since a rule of " + rule.tool + " cannot name the field " +
           std::string(field.substr(0, field.size() - 1)) + "; write " + rule.tool + "(" +
           Truncate(rule.specifier.substr(field.size()), 60) + ")";
  }
  return std::nullopt;
}

std::optional<std::string> BroadProblem(const PermissionRule& rule) {
  const std::string_view specifier = rule.specifier;
  if (IsOneOf(rule.tool, kShellTools)) {
    if (specifier.empty()) return "allows every command";
    return BroadCommand(Spelled(rule.tool, specifier));
  }
  if (rule.tool == "WebFetch" && (specifier.empty() || specifier == "domain:*")) {
    return "allows every host that the gateway lets pass";
  }
  if (rule.tool == "Edit" && (specifier.empty() || specifier == "//**" || specifier == "~/**")) {
    return "allows every file that the agent can write, its own start-up files among them";
  }
  if (IsOneOf(rule.tool, kEditedBy) && specifier.empty()) {
    return "allows every file that the agent can write, its own start-up files among them";
  }
  return std::nullopt;
}

bool MatchesGlob(std::string_view pattern, std::string_view text) {
  // Where the last "*" stands, and how much of the text it stands for so far.
  std::size_t star = std::string_view::npos;
  std::size_t taken = 0;
  std::size_t p = 0;
  std::size_t t = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++taken;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool CoversDenied(const PermissionRule& other, const PermissionRule& rule) {
  if (other.specifier.empty()) {
    if (MatchesGlob(other.tool, rule.tool)) return true;
    // "mcp__github" is every tool of that server.
    return IsMcpTool(other.tool) && rule.tool.starts_with(other.tool + "__");
  }
  return other.Text() == rule.Text();
}

std::string_view FetchedHost(const PermissionRule& rule) {
  if (rule.tool != "WebFetch" || !rule.specifier.starts_with(kDomain)) return {};
  return std::string_view(rule.specifier).substr(kDomain.size());
}

}  // namespace stockade::policy
