#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/policy/policies.h"
#include "tests/unit/policy/policy_cases.h"
#include "tests/unit/policy/rule_case.h"

namespace stockade::policy {
namespace {

constexpr const char* kHere = "/spec/agentSettings";
constexpr const char* kAllow = "spec.agentSettings.permissions.allow[0]";
constexpr const char* kHost =
    R"j({"allow":[{"host":"a.example.com"},{"host":"*.b.example.com"}]})j";

// So many servers of 4096 bytes each.
std::string Servers(int count) {
  std::string list;
  for (int i = 0; i < count; ++i) {
    std::string command;
    for (int j = 0; j < 16; ++j) {
      command += (j == 0 ? "\"" : ",\"") + std::string(256, 'x') + "\"";
    }
    list += std::string(i == 0 ? "" : ",") + R"j({"command":[)j" + command + "]}";
  }
  return R"j({"mcp":{"allow":[)j" + list + "]}}";
}
const std::string kFits = Servers(16);
const std::string kDoesNotFit = Servers(17);

RuleCase Case(std::string_view code, std::string_view name, const char* settings,
              std::vector<std::string> fields = {}, std::string_view remedy = {}) {
  return {code, name, Scope::kSandbox, {{kHere, settings}}, std::move(fields), Form::kAny, remedy};
}

}  // namespace

const std::vector<RuleCase>& AgentSettingsCases() {
  constexpr std::string_view kInvalid = "PermissionRuleInvalid";
  constexpr std::string_view kIgnored = "PermissionRuleIgnored";
  constexpr std::string_view kBypass = "PermissionBypass";
  constexpr std::string_view kBroad = "PermissionTooBroad";
  constexpr std::string_view kBeyond = "AgentSettingsBeyondEgress";
  static const std::vector<RuleCase> cases = {
      Case(kInvalid, "EveryList",
           R"j({"permissions":{"allow":["Bash()"],"ask":["Edit()"],"deny":["Read","Edit( )"]}})j",
           {kAllow, "spec.agentSettings.permissions.ask[0]",
            "spec.agentSettings.permissions.deny[1]"},
           "write the tool alone for all its calls"),
      Case(kInvalid, "LowerCase", R"j({"permissions":{"allow":["bash"]}})j", {kAllow},
           "write Bash, Edit, WebFetch and so on"),
      Case(kInvalid, "AWildcardAllowsNothing", R"j({"permissions":{"allow":["*"]}})j", {kAllow},
           "name the tool, or the tools of one server as mcp__SERVER__*"),
      Case(kInvalid, "AWildcardDenies", R"j({"permissions":{"deny":["*"],"ask":["mcp__*"]}})j"),
      Case(kInvalid, "Nothing", "{}"),
      Case(kIgnored, "Write", R"j({"permissions":{"allow":["Write(/src/**)"]}})j", {kAllow},
           "write Edit(/src/**)"),
      Case(kIgnored, "Glob", R"j({"permissions":{"deny":["Glob(**/*.pem)"]}})j",
           {"spec.agentSettings.permissions.deny[0]"}, "write Read(**/*.pem)"),
      Case(kIgnored, "TheToolAlone", R"j({"permissions":{"deny":["Write","Glob"]}})j"),
      Case(kBypass, "Everything", R"j({"permissions":{"defaultMode":"bypassPermissions"}})j",
           {"spec.agentSettings.permissions.defaultMode"}),
      Case(kBypass, "EverythingThoughNotShut",
           R"j({"permissions":{"defaultMode":"bypassPermissions","disableBypass":false}})j",
           {"spec.agentSettings.permissions.defaultMode"}),
      Case(kBypass, "AutoThatIsShut", R"j({"permissions":{"defaultMode":"auto"}})j",
           {"spec.agentSettings.permissions.defaultMode"},
           "use dontAsk, acceptEdits, plan or default, or set disableBypass to false"),
      Case(kBypass, "Auto", R"j({"permissions":{"defaultMode":"auto","disableBypass":false}})j"),
      Case(kBypass, "Others", R"j({"permissions":{"defaultMode":"dontAsk"}})j"),
      Case(kBroad, "Several",
           R"j({"permissions":{"allow":["Bash","Bash(ls *)","Bash(python3 *)","WebFetch"]}})j",
           {kAllow, "spec.agentSettings.permissions.allow[2]",
            "spec.agentSettings.permissions.allow[3]"}),
      Case(kBroad, "AskAndDeny", R"j({"permissions":{"ask":["Bash"],"deny":["Bash(eval *)"]}})j"),
      {kBeyond,
       "Fetch",
       Scope::kSandbox,
       {{kHere, R"j({"permissions":{"allow":["WebFetch(domain:c.example.com)"]}})j"},
        {"/spec/egress", kHost}},
       {kAllow}},
      Case(kBeyond, "FetchWithoutEgress",
           R"j({"permissions":{"allow":["WebFetch(domain:a.example.com)"]}})j", {kAllow}),
      {kBeyond,
       "Listed",
       Scope::kSandbox,
       {{kHere, R"j({"permissions":{"allow":["WebFetch(domain:a.example.com)",
                    "WebFetch(domain:x.b.example.com)","WebFetch(domain:*.b.example.com)"],
                    "deny":["WebFetch(domain:c.example.com)"]},
                    "mcp":{"allow":[{"url":"https://a.example.com/mcp"},{"command":["tool"]},
                    {"url":"http://127.0.0.1:8000/*"}]},
                    "plugins":{"allow":["https://a.example.com/x.git"]}})j"},
        {"/spec/egress", kHost}}},
      {kBeyond,
       "ServersAndMarketplaces",
       Scope::kSandbox,
       {{kHere, R"j({"mcp":{"allow":[{"url":"https://u@c.example.com:8443/mcp"}]},
                    "plugins":{"allow":["acme/plugins"]}})j"},
        {"/spec/egress", kHost}},
       {"spec.agentSettings.mcp.allow[0].url", "spec.agentSettings.plugins.allow[0]"}},
      {kBeyond,
       "Audit",
       Scope::kSandbox,
       {{kHere, R"j({"permissions":{"allow":["WebFetch(domain:c.example.com)"]}})j"},
        {"/spec/egress", R"j({"audit":true})j"}}},
      Case("CommandSandboxTier", "Enabled", R"j({"sandbox":{"enabled":true}})j",
           {"spec.agentSettings.sandbox.enabled"}),
      Case("CommandSandboxTier", "Disabled", R"j({"sandbox":{"enabled":false}})j"),
      {"CommandSandboxTier",
       "MicroVM",
       Scope::kSandbox,
       {{kHere, R"j({"sandbox":{"enabled":true}})j"}, {"/spec/isolation", R"("MicroVM")"}}},
      Case("AgentSettingsSize", "Fits", kFits.c_str()),
      Case("AgentSettingsSize", "DoesNotFit", kDoesNotFit.c_str(), {"spec.agentSettings"}),
  };
  return cases;
}

std::vector<PolicyCase> AgentSettingsPolicyCases() {
  const std::string deny = "agentSettings: {requiredDeny: [WebFetch, 'Bash(curl *)']}";
  const std::string bypass = "agentSettings: {forbidBypass: true}";
  const std::string missing = "PermissionDenyMissing spec.agentSettings.permissions.deny";
  const auto denies = [](const std::string& rules) {
    return "agentSettings: {permissions: {deny: [" + rules + "]}}";
  };
  return {
      {"NothingAskedOfSettings", "agentSettings: {forbidBypass: false}", "", {}},
      {"NoSettings", deny, "", {missing, missing}},
      {"OneDenied", deny, denies("WebFetch"), {missing}},
      {"BothDenied", deny, denies("WebFetch, 'Bash(curl:*)'"), {}},
      {"TheWholeToolDenied", deny, denies("'Web*', Bash"), {}},
      {"LessDenied",
       deny,
       denies("'WebFetch(domain:a.example)', 'Bash(curl -s *)'"),
       {missing, missing}},
      {"AskedIsNotDenied",
       deny,
       "agentSettings: {permissions: {ask: [WebFetch, Bash]}}",
       {missing, missing}},
      {"BypassWithoutSettings", bypass, "", {"PermissionBypassOpen spec.agentSettings"}},
      {"BypassShutByDefault", bypass, "agentSettings: {}", {}},
      {"BypassOpen",
       bypass,
       "agentSettings: {permissions: {disableBypass: false}}",
       {"PermissionBypassOpen spec.agentSettings.permissions.disableBypass"}},
  };
}

namespace {

TEST(AgentSettingsPolicyTest, RefusesRulesThatDenyNothing) {
  const auto errors = CheckPolicy(
      PolicyObject("p", "agentSettings: {requiredDeny: [bash, 'Write(/a)', 'Bash(rm *)']}").root());
  ASSERT_EQ(errors.size(), 2U);
  EXPECT_EQ(errors[0].path, "spec.agentSettings.requiredDeny[0]");
  EXPECT_EQ(errors[1].path, "spec.agentSettings.requiredDeny[1]");
  EXPECT_THAT(errors[1].message, ::testing::HasSubstr("write Edit(/a)"));
}

}  // namespace
}  // namespace stockade::policy
