#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "cli/conversion.h"
#include "cli/json_edit.h"
#include "cli/lint.h"
#include "codec/yaml.h"
#include "codec/yaml_writer.h"
#include "tests/source_dir.h"

// tests/corpus/convert/NAME has an input.yaml modelled on what users of agent-sandbox write, and
// beside it the expected output and account; rules.txt says of every example of a rule whether it
// is repaired. To rewrite them, and then to read the diff, set STOCKADE_UPDATE_GOLDEN=1.
namespace stockade::cli {
namespace {

using codec::Json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const std::filesystem::path kCorpus = STOCKADE_SOURCE_DIR "/tests/corpus/convert";
const std::filesystem::path kRules = STOCKADE_SOURCE_DIR "/tests/corpus/rules";

bool Updating() { return std::getenv("STOCKADE_UPDATE_GOLDEN") != nullptr; }

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void Compare(const std::filesystem::path& path, const std::string& text) {
  if (Updating()) {
    std::ofstream(path, std::ios::binary) << text;
  } else {
    EXPECT_EQ(text, ReadFile(path)) << path;
  }
}

std::vector<std::filesystem::path> Sorted(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  return paths;
}

Conversion ConvertText(const std::string& text, const ConvertOptions& options = {}) {
  Input input;
  input.files = 1;
  ReadText("input.yaml", text, input);
  return Convert(input, options);
}

// A Sandbox around the PodSpec, given in YAML of one line.
std::string SandboxWith(const std::string& pod_spec) {
  return "apiVersion: agents.x-k8s.io/v1beta1\nkind: Sandbox\nmetadata: {name: a}\n"
         "spec: {podTemplate: {spec: " +
         pod_spec + "}}\n";
}

std::size_t LintErrors(const std::string& text) {
  Input input;
  ReadText("output.yaml", text, input);
  EXPECT_THAT(input.problems, IsEmpty());
  return Lint(input, {}).Count(Level::kError);
}

// What must hold of every conversion.
void ExpectSound(const Conversion& conversion, const std::string& what) {
  const std::string text = YamlOf(conversion.outputs);
  EXPECT_THAT(conversion.problems, IsEmpty()) << what;
  if (!conversion.HasErrors()) {
    EXPECT_EQ(LintErrors(text), 0U) << what;
  }
  for (const Json& output : conversion.outputs) {
    EXPECT_THAT(output["apiVersion"].get<std::string>(), Not(HasSubstr("agents.x-k8s.io"))) << what;
  }
  const Conversion again = ConvertText(text);
  EXPECT_EQ(again.outputs, conversion.outputs) << what << ": what was converted stays as it is";
}

TEST(ConvertCorpusTest, GivesWhatWasReviewed) {
  std::size_t cases = 0;
  for (const auto& directory : Sorted(kCorpus)) {
    if (!std::filesystem::is_directory(directory)) continue;
    ++cases;
    const Conversion conversion = ConvertText(ReadFile(directory / "input.yaml"));
    ExpectSound(conversion, directory.filename());
    Compare(directory / "expected.yaml", YamlOf(conversion.outputs));
    Compare(directory / "report.txt", std::string("exit code ") +
                                          (conversion.HasErrors() ? "1" : "0") + "\n" +
                                          TextReport(conversion) + Summary(conversion));
  }
  EXPECT_GE(cases, 12U);
  if (Updating()) GTEST_FAIL() << "the expected files are rewritten; read their diff";
}

// Every example of a rule's corpus, as if agent-sandbox had it.
TEST(ConvertCorpusTest, KnowsWhichRulesHaveASafeAnswer) {
  std::string account;
  for (const auto& rule : Sorted(kRules)) {
    for (const auto& file : Sorted(rule)) {
      Input input;
      ReadText("input.yaml", ReadFile(file), input);
      ASSERT_FALSE(input.objects.empty()) << file;
      Json sandbox = input.objects.front().object.ToJson();
      sandbox["apiVersion"] = "agents.x-k8s.io/v1beta1";
      sandbox["kind"] = "Sandbox";
      const Conversion conversion = ConvertText(codec::ToYaml(sandbox));
      ExpectSound(conversion, file);
      const bool good = file.filename().string().starts_with("good");
      if (good) continue;
      ASSERT_THAT(conversion.objects, SizeIs(1)) << file;
      const Account& told = conversion.objects[0].account;
      std::string outcome = told.HasErrors() ? "left to a person" : "nothing to repair";
      for (const auto* changes : {&told.tightened, &told.moved}) {
        for (const Change& change : *changes) {
          if (!change.code.empty() && !told.HasErrors()) outcome = "repaired";
        }
      }
      account += rule.filename().string() + "/" + file.stem().string() + ": " + outcome + "\n";
    }
  }
  Compare(kCorpus / "rules.txt", account);
  if (Updating()) GTEST_FAIL() << "the expected file is rewritten; read its diff";
}

TEST(ConvertTest, AnObjectThatCannotBeUnderstoodIsLeftToAPerson) {
  for (const char* text : {
           "apiVersion: agents.x-k8s.io/v1beta1\nkind: Sandbox\nmetadata: {name: a}\n",
           "apiVersion: agents.x-k8s.io/v1beta1\nkind: Sandbox\nspec: [1]\nmetadata: x\n",
           "apiVersion: agents.x-k8s.io/v1beta1\nkind: Sandbox\nmetadata: {name: a}\n"
           "spec: {podTemplate: {spec: {containers: {}}}, volumeClaimTemplates: [3]}\n",
           "apiVersion: agents.x-k8s.io/v1beta1\nkind: Sandbox\nmetadata: {name: a}\n"
           "spec: {podTemplate: 7, replicas: two, service: maybe}\n",
           "apiVersion: agents.x-k8s.io/v1beta1\nkind: Sandbx\nmetadata: {name: a}\n",
       }) {
    const Conversion conversion = ConvertText(text);
    EXPECT_TRUE(conversion.HasErrors()) << text;
    ASSERT_THAT(conversion.objects, SizeIs(1)) << text;
    EXPECT_FALSE(conversion.objects[0].account.concerns.empty()) << text;
    ExpectSound(conversion, text);
  }
}

TEST(ConvertTest, WhatIsSharedWithASecretStaysInTheOutput) {
  const Conversion conversion = ConvertText(ReadFile(kCorpus / "secrets/input.yaml"));
  EXPECT_THAT(YamlOf(conversion.outputs), HasSubstr("secretName: internal-ca"));
  std::vector<std::string> codes;
  for (const Concern& concern : conversion.objects.at(0).account.concerns) {
    codes.push_back(concern.code);
  }
  EXPECT_THAT(codes, Contains("SecretInAgent"));
  EXPECT_THAT(codes, Contains("ExtendedResource"));
}

TEST(ConvertTest, CredentialsOfVariablesAreNotInTheAccount) {
  const Conversion conversion = ConvertText(ReadFile(kCorpus / "hardened/input.yaml"));
  EXPECT_THAT(TextReport(conversion), Not(HasSubstr("secret-of-the-proxy")));
  EXPECT_THAT(JsonReport(conversion, {}), Not(HasSubstr("secret-of-the-proxy")));
  EXPECT_THAT(YamlOf(conversion.outputs), Not(HasSubstr("secret-of-the-proxy")));
}

TEST(ConvertTest, OfPartsOfAProjectedVolumeOnlyTheTokenGoes) {
  const Conversion conversion = ConvertText(SandboxWith(
      "{containers: [{name: a, image: 'r.example.com/a:1', volumeMounts: [{name: p, mountPath: "
      "/p}]}], volumes: [{name: p, projected: {sources: [{serviceAccountToken: {path: t}}, "
      "{configMap: {name: c}}]}}]}"));
  EXPECT_FALSE(conversion.HasErrors());
  const std::string text = YamlOf(conversion.outputs);
  EXPECT_THAT(text, Not(HasSubstr("serviceAccountToken")));
  EXPECT_THAT(text, HasSubstr("mountPath: /p"));
  EXPECT_THAT(text, HasSubstr("configMap"));
}

TEST(ConvertTest, TheMountsOfAClaimTemplateStayWhenAVolumeOfItsNameGoes) {
  const Conversion conversion = ConvertText(
      "apiVersion: agents.x-k8s.io/v1beta1\nkind: Sandbox\nmetadata: {name: a}\n"
      "spec: {volumeClaimTemplates: [{metadata: {name: w}, spec: {accessModes: [ReadWriteOnce], "
      "resources: {requests: {storage: 1Gi}}}}], podTemplate: {spec: {containers: [{name: a, "
      "image: 'r.example.com/a:1', volumeMounts: [{name: w, mountPath: /w}]}], volumes: [{name: w, "
      "hostPath: {path: /srv}}]}}}\n");
  EXPECT_FALSE(conversion.HasErrors()) << TextReport(conversion);
  ASSERT_THAT(conversion.outputs, SizeIs(1));
  const Json& spec = conversion.outputs[0]["spec"];
  EXPECT_EQ(spec["mounts"][0]["mountPath"], "/w");
  EXPECT_FALSE(spec["podTemplate"]["spec"].contains("volumes"));
}

TEST(ConvertTest, MountsOfOneClaimWithDifferentRightsAreNotMixed) {
  const Conversion conversion = ConvertText(ReadFile(kCorpus / "sub-path/input.yaml"));
  EXPECT_TRUE(conversion.HasErrors());
  EXPECT_FALSE(conversion.outputs.at(0)["spec"].contains("mounts"));
}

TEST(ConvertTest, TheConfiguredRuntimeClassesAreKnown) {
  ConvertOptions options;
  options.profile.runtime_classes = {"plain", "user-kernel", "vm"};
  const std::string container = "containers: [{name: a, image: 'r.example.com/a:1'}]}";
  const auto isolation = [&](const std::string& name) {
    const Conversion conversion =
        ConvertText(SandboxWith("{runtimeClassName: " + name + ", " + container), options);
    EXPECT_FALSE(conversion.HasErrors()) << name;
    return conversion.outputs.at(0)["spec"].value("isolation", "unset");
  };
  EXPECT_EQ(isolation("vm"), "MicroVM");
  EXPECT_EQ(isolation("user-kernel"), "unset");
  EXPECT_EQ(isolation("plain"), "unset") << "never a weaker tier than the default";
}

TEST(ConvertTest, PoliciesOfTheInputJudgeTheResult) {
  const std::string policy =
      "apiVersion: stockade.dev/v1alpha1\nkind: AgentSandboxPolicy\nmetadata: {name: strict}\n"
      "spec: {namespaceSelector: {}, enforcement: Enforce, images: {requireDigest: true}}\n---\n";
  const Conversion conversion =
      ConvertText(policy + SandboxWith("{containers: [{name: a, image: 'r.example.com/a:1'}]}"));
  EXPECT_TRUE(conversion.HasErrors());
  EXPECT_THAT(TextReport(conversion), HasSubstr("[ImageDigest]"));
}

// A template with that policy for variables, and a claim that sets two.
Conversion ConvertClaim(const std::string& policy) {
  return ConvertText(
      "apiVersion: extensions.agents.x-k8s.io/v1beta1\nkind: SandboxTemplate\nmetadata: {name: t}\n"
      "spec: {" +
      policy +
      "podTemplate: {spec: {containers: [{name: a, image: 'r.example.com/a:1', env: [{name: X, "
      "value: '1'}]}]}}}\n---\n"
      "apiVersion: extensions.agents.x-k8s.io/v1alpha1\nkind: SandboxClaim\nmetadata: {name: c}\n"
      "spec: {sandboxTemplateRef: {name: t}, env: [{name: X, value: '2'}, {name: LATE, value: '3', "
      "containerName: b}]}\n");
}

TEST(ConvertTest, ATemplateNamesTheVariablesThatItsClaimsMaySet) {
  const auto named = [](const std::string& policy) {
    const Conversion conversion = ConvertClaim(policy);
    EXPECT_FALSE(conversion.HasErrors()) << TextReport(conversion);
    return conversion.outputs.at(0)["spec"].value("/claims/env"_json_pointer, Json());
  };
  EXPECT_EQ(named(""), Json());
  EXPECT_EQ(named("envVarsInjectionPolicy: Disallowed, "), Json());
  EXPECT_EQ(named("envVarsInjectionPolicy: Allowed, "), Json({"LATE"}));
  EXPECT_EQ(named("envVarsInjectionPolicy: Overrides, "), Json({"X", "LATE"}));
}

TEST(ConvertTest, VariablesOfAClaimAreForEveryContainer) {
  const Conversion conversion = ConvertClaim("envVarsInjectionPolicy: Overrides, ");
  ASSERT_THAT(conversion.outputs, SizeIs(2));
  EXPECT_EQ(conversion.outputs[1]["spec"]["env"],
            Json::parse(R"([{"name": "X", "value": "2"}, {"name": "LATE", "value": "3"}])"));
  const Account& told = conversion.objects.at(1).account;
  ASSERT_THAT(told.left_out, SizeIs(1));
  EXPECT_EQ(told.left_out[0].field, "spec.env[1].containerName");
}

TEST(ConvertTest, ItemsOfAnObjectOfOursAreWrittenOnce) {
  const Conversion conversion = ConvertText(R"(
apiVersion: stockade.dev/v1alpha1
kind: AgentSandbox
metadata: {name: two}
spec: {podTemplate: {spec: {containers: [{name: agent, image: "example.com/agent:1"}]}}}
items:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: instructions}}
)");
  ASSERT_EQ(conversion.outputs.size(), 2U);
  EXPECT_FALSE(conversion.outputs[0].contains("items"));
  EXPECT_EQ(conversion.outputs[1]["kind"], "ConfigMap");
  ASSERT_EQ(conversion.objects.size(), 1U);
  ASSERT_FALSE(conversion.objects[0].account.left_out.empty());
  EXPECT_EQ(conversion.objects[0].account.left_out[0].field, "items");
  EXPECT_EQ(ConvertText(YamlOf(conversion.outputs)).outputs, conversion.outputs);
}

TEST(ConvertTest, AnAutoscalerFollowsItsPool) {
  const std::string autoscaler = R"(
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: warm}
spec:
  scaleTargetRef: {apiVersion: GROUP/v1, kind: KIND, name: warm}
  metrics: [{type: External, external: {metric: {name: agent_sandbox_claim_creation_total}}}]
)";
  const auto scaled = [&](std::string group, std::string kind) {
    std::string text = autoscaler;
    text.replace(text.find("GROUP"), 5, group);
    text.replace(text.find("KIND"), 4, kind);
    return ConvertText(text);
  };
  const Conversion conversion = scaled("extensions.agents.x-k8s.io", "SandboxWarmPool");
  const Json& target = conversion.outputs[0]["spec"]["scaleTargetRef"];
  EXPECT_EQ(target["apiVersion"], "stockade.dev/v1alpha1");
  EXPECT_EQ(target["kind"], "AgentSandboxPool");
  EXPECT_EQ(target["name"], "warm");
  ASSERT_EQ(conversion.objects.size(), 1U);
  ASSERT_EQ(conversion.objects[0].account.concerns.size(), 1U);
  EXPECT_EQ(conversion.objects[0].account.concerns[0].field, "spec.metrics");
  EXPECT_TRUE(scaled("apps", "Deployment").objects.empty());
  EXPECT_TRUE(scaled("apps", "SandboxWarmPool").objects.empty());
}

TEST(ConvertTest, WhereAClaimOfTheOldVersionTakesItsSandboxFrom) {
  const std::string pool =
      "apiVersion: extensions.agents.x-k8s.io/v1alpha1\nkind: SandboxWarmPool\nmetadata: {name: "
      "p}\n"
      "spec: {sandboxTemplateRef: {name: t}}\n---\n";
  const auto source = [](const std::string& text, const std::string& warm_pool) {
    const Conversion conversion = ConvertText(
        text +
        "apiVersion: extensions.agents.x-k8s.io/v1alpha1\nkind: SandboxClaim\nmetadata: {name: c}\n"
        "spec: {sandboxTemplateRef: {name: t}" +
        warm_pool + "}\n");
    EXPECT_FALSE(conversion.HasErrors()) << TextReport(conversion);
    return conversion.outputs.back()["spec"];
  };
  const Json from_template = {{"templateRef", {{"name", "t"}}}};
  const auto from_pool = [](const char* name) { return Json{{"poolRef", {{"name", name}}}}; };
  EXPECT_EQ(source("", ""), from_template);
  EXPECT_EQ(source(pool, ", warmpool: none"), from_template);
  EXPECT_EQ(source(pool, ""), from_pool("p"));
  EXPECT_EQ(source(pool, ", warmpool: default"), from_pool("p"));
  EXPECT_EQ(source(pool, ", warmpool: fast"), from_pool("fast"));
}

TEST(ConvertTest, AClaimThatNamesNothingIsLeftToAPerson) {
  const Conversion conversion = ConvertText(
      "apiVersion: extensions.agents.x-k8s.io/v1beta1\nkind: SandboxClaim\nmetadata: {name: c}\n"
      "spec: {}\n");
  EXPECT_TRUE(conversion.HasErrors());
}

TEST(ConvertTest, WhenAClaimHasEndedSaysWhetherItIsDeleted) {
  const auto lifecycle = [](const std::string& text) {
    const Conversion conversion = ConvertText(
        "apiVersion: extensions.agents.x-k8s.io/v1beta1\nkind: SandboxClaim\nmetadata: {name: c}\n"
        "spec: {warmPoolRef: {name: p}, lifecycle: " +
        text + "}\n");
    EXPECT_FALSE(conversion.HasErrors()) << TextReport(conversion);
    return conversion.outputs.at(0)["spec"].value("lifecycle", Json());
  };
  EXPECT_EQ(lifecycle("{shutdownPolicy: Retain}"), Json());
  EXPECT_EQ(lifecycle("{shutdownPolicy: DeleteForeground}"),
            Json({{"ttlSecondsAfterFinished", 0}}));
  EXPECT_EQ(lifecycle("{shutdownPolicy: Delete, ttlSecondsAfterFinished: 60, shutdownTime: "
                      "'2027-01-01T00:00:00Z'}"),
            Json({{"shutdownTime", "2027-01-01T00:00:00Z"}, {"ttlSecondsAfterFinished", 60}}));
}

TEST(ConvertTest, AnInvalidFieldOfATemplateIsToldWhereItStands) {
  const Conversion conversion = ConvertText(
      "apiVersion: extensions.agents.x-k8s.io/v1beta1\nkind: SandboxTemplate\nmetadata: {name: t}\n"
      "spec: {podTemplate: {spec: {hostPID: true, containers: [{name: a, image: "
      "'r.example.com/a:1', env: [{name: K, valueFrom: {secretKeyRef: {name: s, key: k}}}]}]}}}\n");
  ASSERT_THAT(conversion.outputs, SizeIs(1));
  const Json& pod = conversion.outputs[0]["spec"]["template"]["spec"]["podTemplate"]["spec"];
  EXPECT_FALSE(pod.contains("hostPID"));
  ASSERT_THAT(conversion.objects.at(0).account.concerns, SizeIs(1));
  const Concern& concern = conversion.objects[0].account.concerns[0];
  EXPECT_EQ(concern.code, "SecretInAgent");
  EXPECT_THAT(concern.field, testing::StartsWith("spec.template.spec.podTemplate.spec."));
}

TEST(ConvertTest, TheJsonReportSaysWhatTheTextSays) {
  const Conversion conversion = ConvertText(ReadFile(kCorpus / "secrets/input.yaml"));
  const Json report = Json::parse(JsonReport(conversion, {"out/a.yaml"}));
  ASSERT_THAT(report["objects"], SizeIs(1));
  const Json& object = report["objects"][0];
  EXPECT_EQ(object["from"], "Sandbox default/with-secrets");
  EXPECT_EQ(object["to"], "AgentSandbox default/with-secrets");
  EXPECT_EQ(object["output"], "out/a.yaml");
  EXPECT_EQ(object["needsPerson"].size(), conversion.objects[0].account.concerns.size());
  EXPECT_EQ(report["summary"]["needPerson"], 1);
}

TEST(JsonEditTest, FindsWhatAFindingNames) {
  Json root = Json::parse(R"({
    "a": {"list": [{"x": 1}, {"x": 2}], "labels": {"example.com/team": "b", "c[0].d": "e"}},
    "dotted.key": {"y": 3}})");
  EXPECT_EQ(*FindField(root, "a.list[1].x"), 2);
  EXPECT_EQ(*FindField(root, "a.labels[example.com/team]"), "b");
  EXPECT_EQ(*FindField(root, "a.labels[c[0].d]"), "e");
  EXPECT_EQ(*FindField(root, "dotted.key.y"), 3);
  for (const char* path : {"a.list[2]", "a.list[x]", "a.list[", "a.list.x", "a.missing",
                           "a.labels[z]", ".", "a.list[0].x.y", "a."}) {
    EXPECT_EQ(FindField(root, path), nullptr) << path;
  }
}

TEST(JsonEditTest, WhatIsMarkedGoesWithWhatItLeavesEmpty) {
  Json root = Json::parse(R"({"gone": {"list": [1, {"x": 1}]}, "kept": {}, "also": [[], 2]})");
  MarkRemoved(*FindField(root, "gone.list[0]"));
  MarkRemoved(*FindField(root, "gone.list[1].x"));
  MarkRemoved(*FindField(root, "also[1]"));
  EXPECT_TRUE(IsMarkedRemoved(*FindField(root, "also[1]")));
  EXPECT_FALSE(Sweep(root));
  EXPECT_EQ(root, Json::parse(R"({"kept": {}, "also": [[]]})"));
  Json all = Json::parse(R"({"x": 1})");
  MarkRemoved(all["x"]);
  EXPECT_TRUE(Sweep(all));
}

}  // namespace
}  // namespace stockade::cli
