#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "api/egress.h"
#include "policy/permission_rule.h"
#include "policy/policy_subject.h"
#include "policy/quoting.h"
#include "policy/report.h"
#include "policy/rule_groups.h"
#include "policy/subject.h"

// Rules for spec.agentSettings, which become the agent's managed settings.
namespace stockade::policy {
namespace {

using api::AgentSettings;
using api::PermissionList;
using api::PermissionMode;

constexpr const char* kSettings = "spec.agentSettings";
// The most that rules, servers and marketplaces may take together. The pod carries the files in
// annotations, of which the API server takes 256 KiB in all.
constexpr std::size_t kMaxSettingsBytes = 65536;

const AgentSettings* SettingsOf(const Subject& s) {
  const auto& settings = s.sandbox->spec.agent_settings;
  return settings ? &*settings : nullptr;
}

std::string ListPath(PermissionList list) {
  return std::string(kSettings) + ".permissions." +
         std::string(api::kPermissionListNames[static_cast<std::size_t>(list)]);
}

// Calls f(text, list, path) for each rule of the three lists, in the order of the fields' names.
template <typename F>
void ForEachRule(const Subject& s, F&& f) {
  const AgentSettings* settings = SettingsOf(s);
  if (settings == nullptr) return;
  for (const PermissionList list :
       {PermissionList::kAllow, PermissionList::kAsk, PermissionList::kDeny}) {
    const std::vector<std::string>& rules = settings->permissions.ListOf(list);
    const std::string path = ListPath(list);
    for (std::size_t i = 0; i < rules.size(); ++i) f(rules[i], list, IndexedPath(path, i));
  }
}

// Both halves of what permission_rule.h says: the problem, and behind "; " what to write instead.
void AddProblem(Report& report, const std::string& path, std::string_view rule,
                const std::string& problem) {
  const std::size_t middle = problem.find("; ");
  report.Add(path, "the rule " + Quote(rule) + " " + problem.substr(0, middle),
             problem.substr(middle + 2));
}

void CheckPermissionRuleInvalid(const Subject& s, Report& report) {
  ForEachRule(s, [&](const std::string& text, PermissionList list, const std::string& path) {
    const auto rule = ParsePermissionRule(text, list);
    if (!rule.ok()) AddProblem(report, path, text, rule.status().message());
  });
}

void CheckPermissionRuleIgnored(const Subject& s, Report& report) {
  ForEachRule(s, [&](const std::string& text, PermissionList list, const std::string& path) {
    const auto rule = ParsePermissionRule(text, list);
    if (!rule.ok()) return;  // PermissionRuleInvalid
    if (const auto problem = IgnoredProblem(*rule)) AddProblem(report, path, text, *problem);
  });
}

void CheckPermissionBypass(const Subject& s, Report& report) {
  const AgentSettings* settings = SettingsOf(s);
  if (settings == nullptr) return;
  const auto mode = settings->permissions.default_mode;
  const std::string path = std::string(kSettings) + ".permissions.defaultMode";
  if (mode == PermissionMode::kBypassPermissions) {
    report.Add(path, "defaultMode is bypassPermissions, in which no rule is asked");
  } else if (mode == PermissionMode::kAuto && settings->permissions.disable_bypass) {
    report.Add(path,
               "defaultMode is auto, in which a model decides, and disableBypass, which is true "
               "unless set, shuts that mode",
               "use dontAsk, acceptEdits, plan or default, or set disableBypass to false");
  }
}

void CheckPermissionTooBroad(const Subject& s, Report& report) {
  ForEachRule(s, [&](const std::string& text, PermissionList list, const std::string& path) {
    if (list != PermissionList::kAllow) return;
    const auto rule = ParsePermissionRule(text, list);
    if (!rule.ok() || IgnoredProblem(*rule)) return;
    if (const auto problem = BroadProblem(*rule)) {
      report.Add(path, "the rule " + Quote(text) + " " + *problem);
    }
  });
}

// ---- What egress leaves of it

bool IsListed(const Subject& s, std::string_view host) {
  const std::vector<ListedHost> hosts = ListedHosts(*s.sandbox);
  return std::ranges::any_of(hosts, [host](const ListedHost& listed) {
    return listed.host == host || api::CoversHost(listed.host, host);
  });
}

// The host of a URL, without user information and port.
std::string_view HostOf(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme != url.npos) url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  if (const std::size_t user = url.rfind('@'); user != url.npos) url.remove_prefix(user + 1);
  return url.substr(0, url.find(':'));
}

bool IsThisMachine(std::string_view host) { return host == "localhost" || host == "127.0.0.1"; }

// A marketplace of plugins is fetched from there.
std::string_view MarketplaceHost(std::string_view marketplace) {
  return marketplace.starts_with("https://") ? HostOf(marketplace) : "github.com";
}

void CheckBeyondEgress(const Subject& s, Report& report) {
  const AgentSettings* settings = SettingsOf(s);
  if (settings == nullptr) return;
  // With audit every public host passes.
  if (s.sandbox->spec.egress && s.sandbox->spec.egress->audit) return;
  const auto check = [&](const std::string& path, const std::string& what, std::string_view host) {
    if (host.empty() || host == "*" || IsThisMachine(host) || IsListed(s, host)) return;
    report.Add(path, what + " needs the host " + Quote(host) +
                         ", which the gateway refuses: it is none of egress.allow");
  };
  ForEachRule(s, [&](const std::string& text, PermissionList list, const std::string& path) {
    if (list != PermissionList::kAllow) return;
    const auto rule = ParsePermissionRule(text, list);
    if (rule.ok()) check(path, "the rule " + Quote(text), FetchedHost(*rule));
  });
  for (std::size_t i = 0; i < settings->mcp_allow.size(); ++i) {
    const std::string& url = settings->mcp_allow[i].url;
    check(IndexedPath("spec.agentSettings.mcp.allow", i, "url"), "the server " + Quote(url),
          HostOf(url));
  }
  for (std::size_t i = 0; i < settings->plugins_allow.size(); ++i) {
    const std::string& marketplace = settings->plugins_allow[i];
    check(IndexedPath("spec.agentSettings.plugins.allow", i),
          "the marketplace " + Quote(marketplace), MarketplaceHost(marketplace));
  }
}

// ---- The rest

void CheckCommandSandbox(const Subject& s, Report& report) {
  const AgentSettings* settings = SettingsOf(s);
  if (settings == nullptr || !settings->sandbox_enabled.value_or(false)) return;
  if (s.sandbox->spec.isolation != api::Isolation::kGVisor) return;
  report.Add("spec.agentSettings.sandbox.enabled",
             "the agent's own sandbox cannot start under GVisor, so that every command would fail");
}

std::size_t BytesOf(const std::vector<std::string>& texts) {
  std::size_t bytes = 0;
  for (const std::string& text : texts) bytes += text.size();
  return bytes;
}

std::size_t BytesOf(const std::vector<api::McpServer>& servers) {
  std::size_t bytes = 0;
  for (const api::McpServer& server : servers) bytes += server.url.size() + BytesOf(server.command);
  return bytes;
}

void CheckSettingsSize(const Subject& s, Report& report) {
  const AgentSettings* settings = SettingsOf(s);
  if (settings == nullptr) return;
  const api::AgentPermissions& permissions = settings->permissions;
  const std::size_t bytes = BytesOf(permissions.allow) + BytesOf(permissions.ask) +
                            BytesOf(permissions.deny) + BytesOf(settings->mcp_allow) +
                            BytesOf(settings->mcp_deny) + BytesOf(settings->plugins_allow);
  if (bytes <= kMaxSettingsBytes) return;
  report.Add(kSettings, "its rules, servers and marketplaces take " + std::to_string(bytes) +
                            " bytes, and " + std::to_string(kMaxSettingsBytes) + " are the most");
}

constexpr std::array kRules = {
    Rule{.code = "PermissionRuleInvalid",
         .judges = JudgedObject::kSandbox,
         .check = CheckPermissionRuleInvalid,
         .fields = "agentSettings.permissions: allow[], ask[], deny[]",
         .summary = "A rule that the agent cannot read it leaves out without a word: a mistake in "
                    "a rule of deny would deny nothing.",
         .remedy = "write Tool or Tool(specifier), as in Bash(npm test *), Read(//etc/**) or "
                   "WebFetch(domain:example.com)",
         .references = {.principle = Principle::kDefenceInDepth}},
    Rule{.code = "PermissionRuleIgnored",
         .judges = JudgedObject::kSandbox,
         .check = CheckPermissionRuleIgnored,
         .fields = "agentSettings.permissions: allow[], ask[], deny[]",
         .summary = "Some rules can be read and are never asked: the paths of Write, NotebookEdit "
                    "and MultiEdit are decided by rules of Edit, those of Glob by rules of Read, "
                    "and no rule names the main field of its own tool.",
         .remedy = "write Edit(PATH) or Read(PATH), which hold for every tool that edits or reads",
         .references = {.principle = Principle::kDefenceInDepth}},
    Rule{.code = "PermissionBypass",
         .judges = JudgedObject::kSandbox,
         .check = CheckPermissionBypass,
         .fields = "agentSettings.permissions.defaultMode, agentSettings.permissions.disableBypass",
         .summary = "No agent begins in a mode that goes past its rules: bypassPermissions, or "
                    "auto while disableBypass stands.",
         .remedy = "use dontAsk, acceptEdits, plan or default, and allow what the agent needs",
         .references = {.principle = Principle::kLeastPrivilege}},
    Rule{.code = "PermissionTooBroad",
         .severity = Severity::kWarning,
         .judges = JudgedObject::kSandbox,
         .check = CheckPermissionTooBroad,
         .fields = "agentSettings.permissions.allow[]",
         .summary = "A rule of allow that lets through as good as anything: every command, every "
                    "fetch, every file; shells, interpreters, eval, sudo, ssh, find, xargs and the "
                    "like with what they run left open. What the sandbox keeps shut stays shut.",
         .remedy = "allow the commands, hosts and paths that the agent needs one by one",
         .references = {.principle = Principle::kLeastPrivilege}},
    Rule{.code = "AgentSettingsBeyondEgress",
         .severity = Severity::kWarning,
         .judges = JudgedObject::kSandbox,
         .check = CheckBeyondEgress,
         .fields = "agentSettings.permissions.allow[], agentSettings.mcp.allow[].url, "
                   "agentSettings.plugins.allow[], egress.allow[].host",
         .summary = "What the agent's settings allow and the gateway refuses: a WebFetch of a "
                    "host, a server or a marketplace that is none of egress.allow.",
         .remedy = "add the host to egress.allow, or take the entry out",
         .references = {.principle = Principle::kDefenceInDepth}},
    Rule{.code = "CommandSandboxTier",
         .judges = JudgedObject::kSandbox,
         .check = CheckCommandSandbox,
         .fields = "agentSettings.sandbox.enabled, isolation",
         .summary = "The agent's own sandbox for commands makes a network namespace that gVisor "
                    "does not let it set up. There the tier itself is the sandbox.",
         .remedy = "remove enabled, or use the isolation MicroVM or Container",
         .references = {.principle = Principle::kIsolation}},
    Rule{.code = "AgentSettingsSize",
         .judges = JudgedObject::kSandbox,
         .check = CheckSettingsSize,
         .fields = "agentSettings",
         .summary = "The agent's settings reach its pod as annotations, of which a pod may have "
                    "256 KiB in all; 64 KiB of them are for rules, servers and marketplaces.",
         .remedy = "write fewer or shorter rules: one with a wildcard for several",
         .references = {.principle = Principle::kDefenceInDepth}},
};

}  // namespace

std::span<const Rule> AgentSettingsRules() { return kRules; }

}  // namespace stockade::policy
