#include "cli/advice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/files.h"
#include "cli/command.h"
#include "codec/yaml.h"
#include "tests/source_dir.h"

namespace stockade::cli {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Of a spec in YAML of one line, beside its pod template.
Assessment Of(const std::string& rest) {
  const auto document = codec::ParseYaml(
      "{apiVersion: stockade.dev/v1alpha1, kind: AgentSandbox, metadata: {name: a, namespace: b}, "
      "spec: {podTemplate: {spec: {containers: [{name: agent, image: \"example.com/agent:1\"}]}}" +
      (rest.empty() ? "" : ", " + rest) + "}}");
  EXPECT_TRUE(document.ok()) << document.status().ToString();
  const auto sandbox = api::DecodeAgentSandbox(document->root());
  EXPECT_TRUE(sandbox.ok()) << sandbox.status().ToString();
  return Assess(*sandbox);
}

std::vector<std::string> Named(const Assessment& assessment, Weight weight) {
  std::vector<std::string> names;
  for (const Advice& advice : assessment.advice) {
    if (advice.weight == weight) names.push_back(advice.control);
  }
  return names;
}

const std::string kTrusted = "inputTrust: Trusted";
const std::string kHasCredential =
    "credentials: [{name: forge, header: {name: A, secretKeyRef: {name: s, key: k}}}]";
const std::string kMayRead = "egress: {allow: [{host: docs.example.com, methods: [GET]}]}";

TEST(AdviceTest, TheRiskIsMadeOfThreeThings) {
  EXPECT_EQ(Of(kTrusted).risk, Risk::kLow);
  EXPECT_EQ(Of(kTrusted + ", " + kMayRead).risk, Risk::kLow);
  EXPECT_EQ(Of(kTrusted + ", " + kMayRead + ", " + kHasCredential).risk, Risk::kModerate);
  EXPECT_EQ(Of("").risk, Risk::kModerate);
  EXPECT_EQ(Of(kMayRead).risk, Risk::kHigh);
  EXPECT_EQ(Of(kHasCredential).risk, Risk::kHigh);
  EXPECT_EQ(Of(kMayRead + ", " + kHasCredential).risk, Risk::kCritical);
}

TEST(AdviceTest, AVolumeOfTheOwnersIsWorthTakingAndOneThatIsKeptIsAWayToStay) {
  const std::string data = "{name: m, mountPath: /m, persistentVolumeClaim: {claimName: data}";
  EXPECT_EQ(Of("mounts: [" + data + "}]").risk, Risk::kHigh);
  const Assessment kept = Of("mounts: [" + data + ", access: Persistent}]");
  EXPECT_EQ(kept.risk, Risk::kCritical);
  EXPECT_THAT(Named(kept, Weight::kShould), Contains("no-traces"));
}

TEST(AdviceTest, TheTierFollowsFromTheRisk) {
  EXPECT_EQ(Of(kTrusted).tier, api::Isolation::kContainer);
  const Assessment weak =
      Of(kTrusted + ", isolation: Container, " + kMayRead + ", " + kHasCredential);
  EXPECT_EQ(weak.tier, api::Isolation::kGVisor);
  EXPECT_THAT(Named(weak, Weight::kShould), Contains("tier"));
  EXPECT_THAT(Named(Of(kTrusted + ", isolation: Container"), Weight::kCould), Contains("tier"));
  const Assessment critical = Of(kMayRead + ", " + kHasCredential);
  EXPECT_THAT(Named(critical, Weight::kHas), Contains("tier"));
  EXPECT_THAT(Named(critical, Weight::kCould), Contains("microvm"));
}

TEST(AdviceTest, EachHostIsAsNarrowAsItCanBe) {
  const Assessment wide = Of(kHasCredential +
                             ", egress: {audit: true, gateway: Shared, allow: ["
                             "{host: a.example.com, tls: Tunnel}, "
                             "{host: b.example.com, credential: forge}, "
                             "{host: \"*.example.com\", methods: [GET]}, "
                             "{host: c.example.com, methods: [GET], clientCredentials: Pass}]}");
  EXPECT_THAT(Named(wide, Weight::kShould),
              AllOf(Contains("listed-only"), Contains("terminate"), Contains("methods"),
                    Contains("paths"), Contains("hosts"), Contains("strip"),
                    Contains("dedicated-gateway"), Contains("end"), Contains("digest")));
  const auto methods = std::ranges::find_if(wide.advice, [](const Advice& advice) {
    return advice.control == "methods" && advice.weight == Weight::kShould;
  });
  ASSERT_NE(methods, wide.advice.end());
  EXPECT_EQ(methods->field, "spec.egress.allow[1].methods");
}

TEST(AdviceTest, WhatIsMissingStandsFirst) {
  const Assessment assessment = Of(kMayRead + ", " + kHasCredential);
  EXPECT_TRUE(std::ranges::is_sorted(assessment.advice, {}, [](const Advice& advice) {
    return advice.weight == Weight::kHas ? 2 : advice.weight == Weight::kCould ? 1 : 0;
  }));
  EXPECT_TRUE(assessment.Lacks());
  EXPECT_FALSE(Of("").Lacks());
}

TEST(AdviceTest, AnOpenDoorIsTold) {
  EXPECT_THAT(Named(Of("ingress: [{from: [{namespaceSelector: {}}]}]"), Weight::kShould),
              ElementsAre("ingress"));
  EXPECT_THAT(Named(Of("ingress: [{from: [{podSelector: {}}]}]"), Weight::kHas),
              Contains("ingress"));
}

// A command on files, as a terminal runs it.
Console Advise(const std::vector<std::string>& arguments, int& code) {
  std::vector<const char*> words = {"advise"};
  for (const std::string& argument : arguments) words.push_back(argument.c_str());
  Console console;
  code = RunCommandLine(words, {}, console);
  return console;
}

TEST(AdviceTest, NoProfileLacksWhatItsRiskCallsForAndEachIsNearestToItself) {
  std::size_t profiles = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(STOCKADE_SOURCE_DIR "/examples/profiles")) {
    ++profiles;
    int code = -1;
    const Console console = Advise({"-o", "json", entry.path().string()}, code);
    EXPECT_EQ(code, kExitClean) << entry.path() << console.err << console.out;
    EXPECT_THAT(console.err, IsEmpty());
    const codec::Json sandboxes = codec::Json::parse(console.out)["sandboxes"];
    ASSERT_EQ(sandboxes.size(), 1U);
    EXPECT_EQ(sandboxes[0]["profile"], entry.path().stem().string());
  }
  EXPECT_EQ(profiles, 5U);
}

TEST(AdviceTest, TheDocumentHasEveryControl) {
  const auto text = ReadFileUpTo(1, STOCKADE_SOURCE_DIR "/docs/risk-profiles.md");
  ASSERT_TRUE(text.ok());
  const Assessment wide =
      Of(kHasCredential +
         ", ingress: [{from: [{podSelector: {}}]}], mounts: [{name: m, mountPath: /m, access: "
         "Persistent, persistentVolumeClaim: {claimName: c}}], egress: {allow: [{host: "
         "\"*.example.com\", credential: forge, clientCredentials: Pass, webSocket: true, "
         "privateRanges: [10.0.0.0/24]}, {host: a.example.com, tls: Tunnel}]}");
  for (const Advice& advice : wide.advice) {
    if (advice.control == "brokered-credentials") continue;
    EXPECT_THAT(*text, HasSubstr("`" + advice.control + "`"));
  }
}

TEST(AdviceTest, ThePlainTextSaysWhereWhatAndAtWhatPrice) {
  const std::string text = TextOf(Of(kMayRead), "AgentSandbox b/a");
  EXPECT_THAT(text, AllOf(HasSubstr("AgentSandbox b/a: risk high\n"), HasSubstr("  should:\n"),
                          HasSubstr("spec.lifecycle [end]: maxLifetimeSeconds"),
                          HasSubstr("costs "), HasSubstr("  has: "), Not(HasSubstr("\n\n"))));
}

}  // namespace
}  // namespace stockade::cli
