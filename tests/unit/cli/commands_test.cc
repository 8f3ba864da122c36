#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "cli/command.h"
#include "codec/json.h"
#include "tests/fakes/temporary_directory.h"

namespace stockade::cli {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

struct Outcome {
  int code = -1;
  std::string out;
  std::string err;
};

Outcome RunWith(const std::vector<const char*>& arguments, const std::string& stdin_text = "",
                const std::string& program = "stockade") {
  Environment environment;
  environment.program = program;
  environment.read_stdin = [&stdin_text]() -> Result<std::string> { return stdin_text; };
  Console console;
  Outcome outcome;
  outcome.code = RunCommandLine(arguments, environment, console);
  outcome.out = console.out;
  outcome.err = console.err;
  return outcome;
}

constexpr const char* kClean =
    "apiVersion: stockade.dev/v1alpha1\n"
    "kind: AgentSandbox\n"
    "metadata: {name: a}\n"
    "spec: {podTemplate: {spec: {containers: [{name: agent, image: "
    "registry.example.com/agent:v1}]}}}\n";
constexpr const char* kRefused =
    "apiVersion: stockade.dev/v1alpha1\n"
    "kind: AgentSandbox\n"
    "metadata: {name: a}\n"
    "spec: {podTemplate: {spec: {hostPID: true, containers: [{name: agent, image: "
    "registry.example.com/agent:v1}]}}}\n";

TEST(CommandsTest, EveryCommandTeachesItsUse) {
  std::set<std::string_view> names;
  for (const Command& command : Commands()) {
    EXPECT_TRUE(names.insert(command.name).second);
    const std::string help = CommandHelp("stockade", command);
    EXPECT_THAT(ProgramHelp("stockade"), HasSubstr(command.name));
    EXPECT_THAT(help, HasSubstr("Usage: stockade " + std::string(command.name)));
    EXPECT_THAT(help, HasSubstr("--help"));
    for (const Flag& flag : command.flags) {
      EXPECT_FALSE(flag.help.empty()) << command.name << " --" << flag.name;
    }
    // A help that wraps on a terminal of 100 columns is read by nobody.
    std::size_t column = 0;
    for (const char c : help) {
      column = c == '\n' ? 0 : column + 1;
      EXPECT_LE(column, 110U) << command.name;
    }
  }
  EXPECT_EQ(RunWith({}).out, ProgramHelp("stockade"));
  EXPECT_EQ(RunWith({"--help"}).out, ProgramHelp("stockade"));
  EXPECT_EQ(RunWith({"help", "lint"}).out, RunWith({"lint", "-h"}).out);
  EXPECT_THAT(RunWith({"explain", "sandbox", "--help"}).out,
              HasSubstr("Usage: stockade explain sandbox"));
}

TEST(CommandsTest, APluginIsCalledAsItIsCalled) {
  const Outcome help = RunWith({"lint", "--help"}, "", "kubectl stockade");
  EXPECT_THAT(help.out, HasSubstr("Usage: kubectl stockade lint"));
  EXPECT_THAT(help.out, HasSubstr("$ kubectl stockade lint manifests/"));
  EXPECT_THAT(help.out, Not(HasSubstr("$ stockade")));
}

TEST(CommandsTest, MistakesOfUsageAreExitCodeTwo) {
  const struct {
    std::vector<const char*> arguments;
    const char* message;
  } cases[] = {
      {{"lnt"}, "unknown command \"lnt\", did you mean \"lint\"?; see stockade --help"},
      {{"policy"}, "\"policy\" needs a second word, as in \"policy test\""},
      {{"export"}, "\"export\" needs a second word, as in \"export sandbox-runtime\""},
      {{"export", "sandbox-runtime"}, "nothing to read"},
      {{"--output", "json"}, "options stand after the command"},
      {{"lint"}, "nothing to read: name files or directories, or - for standard input"},
      {{"lint", "-o", "xml", "-"}, "--output must be one of text, json, sarif, junit, not \"xml\""},
      {{"lint", "--plicy=x", "-"}, "unknown option --plicy"},
      {{"lint", "-n", "A b", "-"}, "--namespace must be the name of a namespace"},
      {{"lint", "--namespace-labels", "a b=c", "-"}, "\"a b\" can be no label's key"},
      {{"lint", "--namespace-labels", "a=b c", "-"}, "\"b c\" can be no label's value"},
      {{"lint", "--config", "/nonexistent", "-"}, "cannot read /nonexistent"},
      {{"version", "x"}, "unexpected argument \"x\""},
      {{"explain"}, "name a code"},
      {{"explain", "RotUser"}, "did you mean \"RootUser\"?"},
      {{"explain", "sandbox"}, "name one sandbox"},
      {{"completion", "tcsh"}, "there is one for bash, zsh, fish and kubectl"},
      {{"render", "-o", "xml", "-"}, "--output must be yaml or json"},
      {{"convert", "--report", "xml", "-"}, "--report must be text or json, not \"xml\""},
      {{"convert", "--force", "-"}, "--force is for --output-dir"},
      {{"convert"}, "nothing to read"},
  };
  for (const auto& test : cases) {
    const Outcome outcome = RunWith(test.arguments);
    EXPECT_EQ(outcome.code, kExitError) << test.message;
    EXPECT_EQ(outcome.out, "") << test.message;
    EXPECT_THAT(outcome.err, HasSubstr(test.message));
    EXPECT_THAT(outcome.err, ::testing::StartsWith("stockade: "));
  }
}

TEST(CommandsTest, FilesNamesAreEscapedInEveryMessage) {
  const testing::TemporaryDirectory directory;
  const std::string path = directory.path() + "/b\n::warning::y\x1b.yaml";
  const std::string shown = "/b\\x0a::warning::y\\x1b.yaml";
  const auto write = [&path](const std::string& text) { std::ofstream(path) << text; };
  const auto told = [&](const std::vector<const char*>& arguments) {
    const Outcome outcome = RunWith(arguments, kClean);
    const std::string all = outcome.out + outcome.err;
    EXPECT_EQ(all.find("\n::"), std::string::npos) << all;
    EXPECT_EQ(all.find('\x1b'), std::string::npos) << all;
    return all;
  };
  write("a: [");
  EXPECT_THAT(told({"lint", path.c_str()}), HasSubstr(shown));
  EXPECT_THAT(told({"lint", "--policy", path.c_str(), "-"}), HasSubstr(shown));
  EXPECT_THAT(told({"lint", "--config", path.c_str(), "-"}), HasSubstr(shown));
  write(kRefused);
  EXPECT_THAT(told({"lint", path.c_str()}), HasSubstr(shown));
  EXPECT_THAT(told({"lint", "-o", "junit", path.c_str()}), HasSubstr("hostPID"));
  EXPECT_THAT(told({"lint", "-o", "sarif", path.c_str()}), HasSubstr("hostPID"));
  EXPECT_THAT(told({"policy", "test", path.c_str()}), HasSubstr(shown));
  EXPECT_THAT(told({"render", path.c_str()}), HasSubstr(shown));
  write(
      "apiVersion: agents.x-k8s.io/v1alpha1\nkind: Sandbox\nmetadata: {name: a}\nspec: "
      "{podTemplate: "
      "{spec: {containers: [{name: a, image: registry.example.com/a:v1}]}}}\n");
  EXPECT_THAT(told({"convert", path.c_str()}), HasSubstr(shown));
  EXPECT_THAT(told({"explain", "a\n::x\x1b"}), HasSubstr("a\\x0a::x\\x1b"));
}

TEST(CommandsTest, LintAnswersByItsExitCode) {
  EXPECT_EQ(RunWith({"lint", "-"}, kClean).code, kExitClean);
  EXPECT_EQ(RunWith({"lint", "-"}, kClean).out, "");
  EXPECT_EQ(RunWith({"lint", "-"}, kRefused).code, kExitFindings);
  EXPECT_EQ(RunWith({"lint", "-q", "-"}, kRefused).err, "");
  EXPECT_EQ(RunWith({"lint", "-"}, "a: [").code, kExitError);
  EXPECT_EQ(RunWith({"lint", "-"}, std::string(kRefused) + "---\na: [").code, kExitError)
      << "what could not be read may be worse than what was found";
  const Outcome empty = RunWith({"lint", "-"}, "");
  EXPECT_EQ(empty.code, kExitClean);
  EXPECT_THAT(empty.err, HasSubstr("nothing was judged"));
}

TEST(CommandsTest, WarningsCountOnlyWhenTold) {
  // latest is what the image rules warn of.
  std::string warned = kClean;
  warned.replace(warned.find(":v1}"), 4, ":latest}");
  const Outcome outcome = RunWith({"lint", "-"}, warned);
  ASSERT_THAT(outcome.out, HasSubstr("warning:"));
  EXPECT_EQ(outcome.code, kExitClean);
  EXPECT_EQ(RunWith({"lint", "--warnings-as-errors", "-"}, warned).code, kExitFindings);
}

TEST(CommandsTest, RenderPrintsInTheOrderOfWriting) {
  const Outcome outcome =
      RunWith({"render", "-n", "agents", "-"}, std::string(kClean) + "---\n" + std::string(kClean));
  EXPECT_EQ(outcome.code, kExitClean) << outcome.err;
  const std::size_t deny_all = outcome.out.find("name: stockade-deny-all");
  const std::size_t pod = outcome.out.find("name: asb-a");
  ASSERT_NE(deny_all, std::string::npos);
  ASSERT_NE(pod, std::string::npos);
  EXPECT_LT(deny_all, pod);
  EXPECT_EQ(outcome.out.find("name: stockade-deny-all", deny_all + 1), std::string::npos)
      << "one namespace has one";
  EXPECT_THAT(outcome.out, HasSubstr("namespace: agents"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("ownerReferences")));
}

std::string WithEgress(const std::string& name, const std::string& gateway) {
  return "apiVersion: stockade.dev/v1alpha1\n"
         "kind: AgentSandbox\n"
         "metadata: {name: " +
         name +
         ", namespace: agents}\n"
         "spec:\n"
         "  egress: {gateway: " +
         gateway +
         ", allow: [{host: forge.example.com, credential: forge}]}\n"
         "  credentials: [{name: forge, header: {name: Authorization, secretKeyRef: {name: s, key: "
         "token}}}]\n"
         "  podTemplate: {spec: {containers: [{name: agent, image: "
         "registry.example.com/agent:v1}]}}\n";
}

std::vector<std::string> TitlesOf(const codec::Json& list) {
  std::vector<std::string> titles;
  for (const codec::Json& item : list["items"]) {
    titles.push_back(std::string(item["kind"]) + " " + std::string(item["metadata"]["name"]));
  }
  return titles;
}

TEST(CommandsTest, RenderShowsTheGatewayAndTheConfigurationsOfBothProxies) {
  const Outcome outcome = RunWith({"render", "-o", "json", "-"}, WithEgress("box", "Dedicated"));
  ASSERT_EQ(outcome.code, kExitClean) << outcome.err;
  const codec::Json list = codec::Json::parse(outcome.out);
  EXPECT_THAT(
      TitlesOf(list),
      ElementsAre("NetworkPolicy stockade-deny-all", "NetworkPolicy stockade-gateway-deny-all",
                  "ServiceAccount stockade-gateway", "Service asg-box", "ConfigMap asg-box-gateway",
                  "ConfigMap asg-box-authorities", "ConfigMap asg-box-sandboxes",
                  "NetworkPolicy asg-box-gateway", "NetworkPolicy asg-box-sandboxes",
                  "Deployment asg-box", "Pod asb-box"));
  // Both are what Envoy reads: the gateway's knows the host, the sidecar's where the gateway is.
  const auto envoy = [&list](std::size_t index) {
    return codec::Json::parse(std::string(list["items"][index]["data"]["envoy.json"]));
  };
  EXPECT_THAT(envoy(4).dump(), HasSubstr("forge.example.com"));
  EXPECT_THAT(envoy(6).dump(), AllOf(HasSubstr("192.0.2.1"), Not(HasSubstr("forge.example.com"))));
  EXPECT_EQ(list["items"][10]["spec"]["initContainers"][1]["name"], "stockade-proxy");
  EXPECT_THAT(outcome.out, Not(HasSubstr("\"image\": \"\"")));
  EXPECT_THAT(outcome.out, Not(HasSubstr("ownerReferences")));
}

TEST(CommandsTest, RenderShowsASharedGatewayOnce) {
  const Outcome outcome =
      RunWith({"render", "-o", "json", "-"},
              WithEgress("one", "Shared") + "---\n" + WithEgress("two", "Shared"));
  ASSERT_EQ(outcome.code, kExitClean) << outcome.err;
  const auto titles = TitlesOf(codec::Json::parse(outcome.out));
  EXPECT_EQ(std::ranges::count_if(
                titles, [](const std::string& title) { return title.starts_with("Deployment "); }),
            1);
  EXPECT_THAT(titles, AllOf(Contains("Pod asb-one"), Contains("Pod asb-two")));
}

TEST(CommandsTest, WhatIsRefusedIsNotRendered) {
  const Outcome outcome = RunWith({"render", "-"}, kRefused);
  EXPECT_EQ(outcome.code, kExitFindings);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, HasSubstr("[HostNamespace]"));
  EXPECT_THAT(outcome.err, HasSubstr("would be refused"));
  EXPECT_THAT(RunWith({"render", "-"}, "{apiVersion: v1, kind: Pod}").err,
              HasSubstr("there is no AgentSandbox in the input"));
}

constexpr const char* kPool = R"(
apiVersion: stockade.dev/v1alpha1
kind: AgentSandboxTemplate
metadata: {name: python-3.13}
spec:
  template:
    spec:
      podTemplate: {spec: {containers: [{name: agent, image: "registry.example/agent:1"}]}}
  claims: {env: [TASK]}
---
apiVersion: stockade.dev/v1alpha1
kind: AgentSandboxPool
metadata: {name: warm}
spec: {templateRef: {name: python-3.13}}
---
)";

constexpr const char* kClaim = R"(
apiVersion: stockade.dev/v1alpha1
kind: AgentSandboxClaim
metadata: {name: mine}
spec: {poolRef: {name: warm}, env: [{name: NAME, value: "42"}]}
)";

std::string ClaimThatSets(const std::string& name) {
  std::string claim = kClaim;
  claim.replace(claim.find("NAME"), 4, name);
  return claim;
}

TEST(CommandsTest, RenderShowsWhatTemplatesAndClaimsMake) {
  const Outcome outcome =
      RunWith({"render", "-o", "json", "-"}, std::string(kPool) + ClaimThatSets("TASK"));
  ASSERT_EQ(outcome.code, kExitClean) << outcome.err;
  const codec::Json list = codec::Json::parse(outcome.out);
  EXPECT_THAT(TitlesOf(list), ElementsAre("NetworkPolicy stockade-deny-all", "Pod asb-python-3-13",
                                          "Pod asb-mine"));
  const auto sets_task = [&list](std::size_t index) {
    const codec::Json& variables = list["items"][index]["spec"]["containers"][0]["env"];
    return std::ranges::any_of(variables,
                               [](const auto& each) { return each.value("name", "") == "TASK"; });
  };
  EXPECT_FALSE(sets_task(1));
  EXPECT_TRUE(sets_task(2));
}

TEST(CommandsTest, RenderSaysWhatAClaimLacks) {
  const Outcome alone = RunWith({"render", "-"}, ClaimThatSets("TASK"));
  EXPECT_EQ(alone.code, kExitClean);
  EXPECT_EQ(alone.out, "");
  EXPECT_THAT(alone.err,
              HasSubstr("AgentSandboxPool \"warm\" is not in the input; add its manifest"));
  const Outcome forbidden = RunWith({"render", "-"}, std::string(kPool) + ClaimThatSets("OTHER"));
  EXPECT_EQ(forbidden.code, kExitFindings);
  EXPECT_THAT(forbidden.err, HasSubstr("does not let claims set \"OTHER\""));
  EXPECT_THAT(forbidden.out, AllOf(HasSubstr("asb-python-3-13"), Not(HasSubstr("asb-mine"))));
  EXPECT_THAT(RunWith({"render", "-"}, "{apiVersion: v1, kind: Pod}").err,
              HasSubstr("no template or claim that makes one"));
}

TEST(CommandsTest, ExplainKnowsRulesSchemaAndReasons) {
  EXPECT_THAT(RunWith({"explain", "rootuser"}).out, HasSubstr("Remedy"));
  EXPECT_THAT(RunWith({"explain", "UnknownField"}).out, HasSubstr("misspelt"));
  EXPECT_THAT(RunWith({"explain", "CrashLoop"}).out, HasSubstr("kubectl logs --previous"));
  const std::string list = RunWith({"explain", "--list"}).out;
  for (const char* code : {"RootUser", "UnknownField", "CrashLoop"}) {
    EXPECT_THAT(list, HasSubstr(code));
  }
}

TEST(CommandsTest, PolicyTestComparesWithWhatIsExpected) {
  const std::string expected =
      "# expect: HostNamespace spec.podTemplate.spec.hostPID\n" + std::string(kRefused);
  EXPECT_EQ(RunWith({"policy", "test", "-"}, expected).code, kExitClean);
  const Outcome wrong = RunWith({"policy", "test", "-"}, kRefused);
  EXPECT_EQ(wrong.code, kExitFindings);
  EXPECT_THAT(wrong.out, HasSubstr("found and not expected: HostNamespace"));
  EXPECT_EQ(RunWith({"policy", "test", "-"}, "# expect: Nonsense\n" + std::string(kClean)).code,
            kExitError);
  EXPECT_EQ(RunWith({"policy", "test", "-"}, "").code, kExitError) << "nothing was tested";
}

constexpr const char* kForeign =
    "apiVersion: agents.x-k8s.io/v1beta1\n"
    "kind: Sandbox\n"
    "metadata: {name: a}\n"
    "spec: {podTemplate: {spec: {hostPID: true, containers: [{name: agent, image: "
    "registry.example.com/agent:v1}]}}}\n";

TEST(CommandsTest, WhatIsConvertedPassesLint) {
  const Outcome converted = RunWith({"convert", "-"}, kForeign);
  EXPECT_EQ(converted.code, kExitClean) << converted.err;
  EXPECT_THAT(converted.err, HasSubstr("hostPID: true -> removed [HostNamespace]"));
  const Outcome linted = RunWith({"lint", "-"}, converted.out);
  EXPECT_EQ(linted.code, kExitClean) << linted.out;
  EXPECT_THAT(linted.err, HasSubstr("1 AgentSandbox judged: no findings"));
  EXPECT_EQ(RunWith({"render", "-"}, converted.out).code, kExitClean);
}

TEST(CommandsTest, ConvertAnswersByItsExitCode) {
  std::string with_secret = kForeign;
  with_secret.replace(with_secret.find("hostPID: true"), 13, "volumes: [{name: s, secret: {}}]");
  const Outcome left = RunWith({"convert", "-"}, with_secret);
  EXPECT_EQ(left.code, kExitFindings);
  EXPECT_THAT(left.err, HasSubstr("[SecretInAgent]"));
  EXPECT_EQ(RunWith({"lint", "-"}, left.out).code, kExitFindings);
  EXPECT_EQ(RunWith({"convert", "-"}, std::string(kForeign) + "---\na: [").code, kExitError);
  const Outcome own = RunWith({"convert", "-"}, kClean);
  EXPECT_EQ(own.code, kExitClean);
  EXPECT_THAT(own.err, HasSubstr("nothing of agent-sandbox's in the input; passed through "
                                 "unchanged: 1 AgentSandbox"));
  EXPECT_EQ(RunWith({"convert", "-"}, own.out).out, own.out);
}

TEST(CommandsTest, ConvertWritesFilesAndNamesThemInItsReport) {
  const testing::TemporaryDirectory directory;
  const std::string target = directory.PathOf("out");
  const std::vector<const char*> arguments = {"convert",      "--report",     "json",
                                              "--output-dir", target.c_str(), "-"};
  const Outcome first = RunWith(arguments, kForeign);
  EXPECT_EQ(first.code, kExitClean) << first.err;
  EXPECT_EQ(first.out, "");
  const auto report = codec::JsonDocument::Parse(first.err);
  ASSERT_TRUE(report.ok()) << "nothing but the report is on standard error";
  EXPECT_THAT(first.err, HasSubstr("\"output\": \"" + target + "/agentsandbox-a.yaml\""));
  EXPECT_EQ(RunWith({"lint", target.c_str()}).code, kExitClean);
  const Outcome second = RunWith(arguments, kForeign);
  EXPECT_EQ(second.code, kExitError);
  EXPECT_THAT(second.err, HasSubstr("exists; --force replaces it"));
  std::vector<const char*> forced = arguments;
  forced.insert(forced.begin() + 1, "--force");
  EXPECT_EQ(RunWith(forced, kForeign).code, kExitClean);
}

TEST(CommandsTest, CompletionKnowsEveryCommandAndOption) {
  for (const char* shell : {"bash", "zsh", "fish", "kubectl"}) {
    const std::string script = RunWith({"completion", shell}).out;
    for (const Command& command : Commands()) {
      const std::string last(command.name.substr(command.name.rfind(' ') + 1));
      EXPECT_THAT(script, HasSubstr(last)) << shell;
      for (const Flag& flag : command.flags) {
        EXPECT_THAT(script, HasSubstr(std::string(flag.name))) << shell << " " << command.name;
      }
    }
    EXPECT_THAT(script, HasSubstr("text json sarif junit")) << shell;
    EXPECT_THAT(script, HasSubstr("RootUser")) << shell;
  }
}

}  // namespace
}  // namespace stockade::cli
