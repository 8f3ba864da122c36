#include "api/agent_sandbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "api/names.h"

namespace stockade::api {
namespace {

using codec::FieldError;
using codec::Json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

Json Minimal() {
  return Json::parse(R"({
    "apiVersion": "stockade.dev/v1alpha1", "kind": "AgentSandbox",
    "metadata": {"name": "a", "namespace": "n"},
    "spec": {"podTemplate": {"spec": {"containers": [{"name": "agent", "image": "x"}]}}}})");
}

Result<AgentSandbox> Decode(const Json& object) {
  return DecodeAgentSandbox(codec::ParseTrusted(object).root());
}

TEST(DecodeAgentSandboxTest, UnsetFieldsTakeTheDefaultsOfTheCrd) {
  const auto sandbox = Decode(Minimal());
  ASSERT_TRUE(sandbox.ok()) << sandbox.status().ToString();
  EXPECT_EQ(sandbox->spec.isolation, Isolation::kGVisor);
  EXPECT_EQ(sandbox->spec.input_trust, InputTrust::kUntrusted);
  EXPECT_EQ(sandbox->spec.operating_mode, OperatingMode::kRunning);
  EXPECT_THAT(sandbox->spec.mounts, IsEmpty());
  EXPECT_THAT(sandbox->spec.volume_claim_templates, IsEmpty());
  EXPECT_THAT(sandbox->spec.ingress, IsEmpty());
  EXPECT_THAT(sandbox->spec.service_ports, IsEmpty());
  EXPECT_EQ(sandbox->status.text(), "null");
  EXPECT_FALSE(sandbox->metadata.deleting);
}

TEST(DecodeAgentSandboxTest, NullIsUnset) {
  Json object = Minimal();
  for (const char* key : {"isolation", "inputTrust", "operatingMode", "mounts",
                          "volumeClaimTemplates", "ingress", "service"}) {
    object["spec"][key] = nullptr;
  }
  object["spec"]["podTemplate"]["metadata"] = nullptr;
  const auto sandbox = Decode(object);
  ASSERT_TRUE(sandbox.ok()) << sandbox.status().ToString();
  EXPECT_EQ(sandbox->spec.isolation, Isolation::kGVisor);
  EXPECT_EQ(sandbox->spec.input_trust, InputTrust::kUntrusted);
}

TEST(DecodeAgentSandboxTest, ReadsMetadata) {
  Json object = Minimal();
  object["metadata"] = Json::parse(R"({
    "name": "a", "namespace": "n", "uid": "u", "resourceVersion": "12", "generation": 7,
    "labels": {"l": "1"}, "annotations": {"x/y": "2"},
    "deletionTimestamp": "2026-01-01T00:00:00Z"})");
  const auto sandbox = Decode(object);
  ASSERT_TRUE(sandbox.ok());
  const ObjectMeta& metadata = sandbox->metadata;
  EXPECT_EQ(metadata.name, "a");
  EXPECT_EQ(metadata.namespace_name, "n");
  EXPECT_EQ(metadata.uid, "u");
  EXPECT_EQ(metadata.resource_version, "12");
  EXPECT_EQ(metadata.generation, 7);
  EXPECT_THAT(metadata.labels, ElementsAre(Pair("l", "1")));
  EXPECT_THAT(metadata.annotations, ElementsAre(Pair("x/y", "2")));
  EXPECT_TRUE(metadata.deleting);
}

TEST(DecodeAgentSandboxTest, ReadsEnums) {
  for (std::size_t i = 0; i < kIsolationNames.size(); ++i) {
    Json object = Minimal();
    object["spec"]["isolation"] = kIsolationNames[i];
    object["spec"]["inputTrust"] = "Trusted";
    object["spec"]["operatingMode"] = "Suspended";
    const auto sandbox = Decode(object);
    ASSERT_TRUE(sandbox.ok());
    EXPECT_EQ(IsolationName(sandbox->spec.isolation), kIsolationNames[i]);
    EXPECT_EQ(sandbox->spec.input_trust, InputTrust::kTrusted);
    EXPECT_EQ(sandbox->spec.operating_mode, OperatingMode::kSuspended);
  }
  EXPECT_LT(Isolation::kContainer, Isolation::kGVisor);
  EXPECT_LT(Isolation::kGVisor, Isolation::kMicroVM);
}

TEST(DecodeAgentSandboxTest, ReadsThePodTemplate) {
  Json object = Minimal();
  object["spec"]["podTemplate"]["metadata"] = {{"labels", {{"app", "tools"}}},
                                               {"annotations", {{"note", "kept"}}}};
  const auto sandbox = Decode(object);
  ASSERT_TRUE(sandbox.ok());
  const PodTemplate& pod_template = sandbox->spec.pod_template;
  EXPECT_THAT(pod_template.labels, ElementsAre(Pair("app", "tools")));
  EXPECT_THAT(pod_template.annotations, ElementsAre(Pair("note", "kept")));
  EXPECT_EQ(pod_template.spec.text(), R"({"containers":[{"image":"x","name":"agent"}]})");
  EXPECT_EQ(ToDocument(pod_template).root().ToJson(), object["spec"]["podTemplate"]);
}

TEST(DecodeAgentSandboxTest, ATemplateWithoutMetadataHasAnEmptyOne) {
  const auto sandbox = Decode(Minimal());
  ASSERT_TRUE(sandbox.ok());
  const Json document = ToDocument(sandbox->spec.pod_template).root().ToJson();
  EXPECT_EQ(document["metadata"], Json::object());
}

TEST(DecodeAgentSandboxTest, ReadsEverySourceOfAMount) {
  Json object = Minimal();
  object["spec"]["mounts"] = Json::parse(R"([
    {"name": "a", "mountPath": "/a", "access": "Persistent",
     "persistentVolumeClaim": {"claimName": "data"}},
    {"name": "b", "mountPath": "/b", "volumeClaimTemplate": {"name": "own"}},
    {"name": "c", "mountPath": "/c", "configMap": {"name": "m", "items": [{"key": "k", "path": "p"}]}},
    {"name": "d", "mountPath": "/d", "image": {"reference": "r", "pullPolicy": "Always"}},
    {"name": "e", "mountPath": "/e", "access": "Ephemeral", "sizeLimit": "2Gi",
     "empty": {"medium": "Memory"}}])");
  const auto sandbox = Decode(object);
  ASSERT_TRUE(sandbox.ok()) << sandbox.status().ToString();
  const auto& mounts = sandbox->spec.mounts;
  ASSERT_EQ(mounts.size(), 5U);
  for (std::size_t i = 0; i < mounts.size(); ++i) {
    EXPECT_EQ(mounts[i].name, std::string(1, static_cast<char>('a' + i)));
    EXPECT_EQ(mounts[i].mount_path, "/" + mounts[i].name);
    EXPECT_EQ(mounts[i].source, static_cast<MountSource>(i));
  }
  EXPECT_EQ(mounts[0].access, MountAccess::kPersistent);
  EXPECT_EQ(mounts[0].claim_name, "data");
  EXPECT_EQ(mounts[1].access, MountAccess::kReadOnly);
  EXPECT_EQ(mounts[1].claim_name, "own");
  EXPECT_EQ(mounts[2].source_spec.text(), R"({"items":[{"key":"k","path":"p"}],"name":"m"})");
  EXPECT_EQ(mounts[3].source_spec.text(), R"({"pullPolicy":"Always","reference":"r"})");
  EXPECT_EQ(mounts[4].access, MountAccess::kEphemeral);
  EXPECT_EQ(mounts[4].medium, "Memory");
  EXPECT_EQ(mounts[4].size_limit, "2Gi");
}

TEST(DecodeAgentSandboxTest, ASizeLimitMayBeANumber) {
  Json object = Minimal();
  object["spec"]["mounts"] =
      Json::parse(R"([{"name": "e", "mountPath": "/e", "sizeLimit": 1048576, "empty": {}}])");
  const auto sandbox = Decode(object);
  ASSERT_TRUE(sandbox.ok());
  EXPECT_EQ(sandbox->spec.mounts[0].size_limit, "1048576");
}

TEST(DecodeAgentSandboxTest, ReadsClaimTemplatesIngressAndService) {
  Json object = Minimal();
  object["spec"]["volumeClaimTemplates"] = Json::parse(R"([
    {"metadata": {"name": "own", "labels": {"l": "1"}, "annotations": {"a": "2"}},
     "spec": {"accessModes": ["ReadWriteOnce"]}}])");
  object["spec"]["ingress"] = Json::parse(R"([
    {"from": [{"podSelector": {}}], "ports": [{"port": 8080}]}, {"from": [{"podSelector": {}}]}])");
  object["spec"]["service"] = Json::parse(R"({"ports": [
    {"name": "http", "port": 80, "targetPort": "web", "protocol": "UDP", "appProtocol": "h2c"},
    {"port": 65535, "targetPort": 8080}, {"port": 1}]})");
  const auto sandbox = Decode(object);
  ASSERT_TRUE(sandbox.ok()) << sandbox.status().ToString();
  ASSERT_EQ(sandbox->spec.volume_claim_templates.size(), 1U);
  const VolumeClaimTemplate& claim = sandbox->spec.volume_claim_templates[0];
  EXPECT_EQ(claim.name, "own");
  EXPECT_THAT(claim.labels, ElementsAre(Pair("l", "1")));
  EXPECT_THAT(claim.annotations, ElementsAre(Pair("a", "2")));
  EXPECT_EQ(claim.spec.text(), R"({"accessModes":["ReadWriteOnce"]})");
  ASSERT_EQ(sandbox->spec.ingress.size(), 2U);
  EXPECT_EQ(sandbox->spec.ingress[0].from.text(), R"([{"podSelector":{}}])");
  EXPECT_EQ(sandbox->spec.ingress[0].ports.text(), R"([{"port":8080}])");
  EXPECT_EQ(sandbox->spec.ingress[1].ports.text(), "null");
  ASSERT_EQ(sandbox->spec.service_ports.size(), 3U);
  const ServicePort& port = sandbox->spec.service_ports[0];
  EXPECT_EQ(port.name, "http");
  EXPECT_EQ(port.port, 80);
  EXPECT_EQ(port.target_port.text(), "\"web\"");
  EXPECT_EQ(port.protocol, "UDP");
  EXPECT_EQ(port.app_protocol, "h2c");
  EXPECT_EQ(sandbox->spec.service_ports[1].target_port.text(), "8080");
  EXPECT_EQ(sandbox->spec.service_ports[1].protocol, "TCP");
  EXPECT_EQ(sandbox->spec.service_ports[2].target_port.text(), "null");
}

TEST(DecodeAgentSandboxTest, KeepsTheStatusAsItIs) {
  Json object = Minimal();
  object["status"] = {{"podName", "asb-a"}};
  const auto sandbox = Decode(object);
  ASSERT_TRUE(sandbox.ok());
  EXPECT_EQ(sandbox->status.text(), R"({"podName":"asb-a"})");
}

TEST(DecodeAgentSandboxTest, LeavesUnknownFieldsAlone) {
  Json object = Minimal();
  object["spec"]["fromTheFuture"] = 1;
  object["spec"]["podTemplate"]["fromTheFuture"] = 1;
  EXPECT_TRUE(Decode(object).ok());
}

struct Mistake {
  const char* name;
  const char* pointer;  // where, in the minimal object
  const char* value;    // what is put there, as JSON
  const char* error;    // a part of the message
};

class DecodeMistakeTest : public ::testing::TestWithParam<Mistake> {};

TEST_P(DecodeMistakeTest, IsNamedWithItsPath) {
  Json object = Minimal();
  object[Json::json_pointer(GetParam().pointer)] = Json::parse(GetParam().value);
  const auto sandbox = Decode(object);
  EXPECT_EQ(sandbox.status().code(), StatusCode::kBadRequest);
  EXPECT_THAT(sandbox.status().message(), HasSubstr(GetParam().error));
}

const Mistake kMistakes[] = {
    {"NoSpec", "/spec", "null", "spec: is required"},
    {"SpecIsAList", "/spec", "[]", "spec: must be an object"},
    {"SpecIsText", "/spec", "\"x\"", "spec: must be an object"},
    {"NoTemplate", "/spec/podTemplate", "null", "spec.podTemplate: is required"},
    {"TemplateIsAList", "/spec/podTemplate", "[]", "spec.podTemplate: must be an object"},
    {"NoPodSpec", "/spec/podTemplate", "{}", "spec.podTemplate.spec: is required"},
    {"PodSpecIsText", "/spec/podTemplate/spec", "\"x\"",
     "spec.podTemplate.spec: must be an object"},
    {"MetadataIsAList", "/spec/podTemplate/metadata", "[]",
     "spec.podTemplate.metadata: must be an object"},
    {"LabelsAreAList", "/spec/podTemplate/metadata/labels", "[]",
     "spec.podTemplate.metadata.labels: must be an object"},
    {"LabelIsANumber", "/spec/podTemplate/metadata/labels", R"({"a": 1})",
     R"(spec.podTemplate.metadata.labels: the value of "a" must be a string)"},
    {"IsolationTypo", "/spec/isolation", "\"gvisor\"",
     R"(spec.isolation: must be one of Container, GVisor, MicroVM, not "gvisor"; did you mean "GVisor"?)"},
    {"IsolationEmpty", "/spec/isolation", "\"\"", "spec.isolation: must be one of"},
    {"IsolationSpace", "/spec/isolation", "\"Container \"", "spec.isolation: must be one of"},
    {"IsolationNumber", "/spec/isolation", "0", "spec.isolation: must be one of"},
    {"TrustTypo", "/spec/inputTrust", "\"trusted\"", "spec.inputTrust: must be one of"},
    {"TrustBool", "/spec/inputTrust", "true", "spec.inputTrust: must be one of"},
    {"ModeTypo", "/spec/operatingMode", "\"Paused\"", "spec.operatingMode: must be one of"},
    {"MountsAreAMap", "/spec/mounts", R"({"a": {}})", "spec.mounts: must be a list"},
    {"MountIsText", "/spec/mounts", R"(["a"])", "spec.mounts[0]: must be an object"},
    {"MountIsNull", "/spec/mounts", "[null]", "spec.mounts[0].name: is required"},
    {"MountWithoutName", "/spec/mounts", R"([{"mountPath": "/a", "empty": {}}])",
     "spec.mounts[0].name: is required"},
    {"MountWithoutPath", "/spec/mounts", R"([{"name": "a", "empty": {}}])",
     "spec.mounts[0].mountPath: is required"},
    {"MountAccess", "/spec/mounts",
     R"([{"name": "a", "mountPath": "/a", "empty": {}, "access": "ReadWrite"}])",
     "spec.mounts[0].access: must be one of ReadOnly, Ephemeral, Persistent"},
    {"MountWithoutSource", "/spec/mounts", R"([{"name": "a", "mountPath": "/a"}])",
     "spec.mounts[0]: must have exactly one source"},
    {"MountWithNullSource", "/spec/mounts", R"([{"name": "a", "mountPath": "/a", "empty": null}])",
     "spec.mounts[0]: must have exactly one source"},
    {"MountWithTwoSources", "/spec/mounts",
     R"([{"name": "a", "mountPath": "/a", "empty": {}, "configMap": {"name": "m"}}])",
     "spec.mounts[0]: must have exactly one source"},
    {"MountSourceIsText", "/spec/mounts", R"([{"name": "a", "mountPath": "/a", "empty": ""}])",
     "spec.mounts[0].empty: must be an object"},
    {"MountSizeIsBool", "/spec/mounts",
     R"([{"name": "a", "mountPath": "/a", "empty": {}, "sizeLimit": true}])",
     "spec.mounts[0].sizeLimit: must be a string"},
    {"ClaimWithoutName", "/spec/mounts",
     R"([{"name": "a", "mountPath": "/a", "persistentVolumeClaim": {}}])",
     "spec.mounts[0].persistentVolumeClaim.claimName: is required"},
    {"TemplateReferenceWithoutName", "/spec/mounts",
     R"([{"name": "a", "mountPath": "/a", "volumeClaimTemplate": {"name": null}}])",
     "spec.mounts[0].volumeClaimTemplate.name: is required"},
    {"ConfigMapWithoutName", "/spec/mounts",
     R"([{"name": "a", "mountPath": "/a", "configMap": {}}])",
     "spec.mounts[0].configMap.name: is required"},
    {"ConfigMapNameIsANumber", "/spec/mounts",
     R"([{"name": "a", "mountPath": "/a", "configMap": {"name": 1}}])",
     "spec.mounts[0].configMap.name: must be a string"},
    {"ConfigMapItemsAreText", "/spec/mounts",
     R"([{"name": "a", "mountPath": "/a", "configMap": {"name": "m", "items": ""}}])",
     "spec.mounts[0].configMap.items: must be a list"},
    {"ConfigMapItemIsText", "/spec/mounts",
     R"([{"name": "a", "mountPath": "/a", "configMap": {"name": "m", "items": ["k"]}}])",
     "spec.mounts[0].configMap.items[0]: must be an object"},
    {"ConfigMapItemWithoutPath", "/spec/mounts",
     R"([{"name": "a", "mountPath": "/a", "configMap": {"name": "m", "items": [{"key": "k"}]}}])",
     "spec.mounts[0].configMap.items[0].path: is required"},
    {"ConfigMapMode", "/spec/mounts",
     R"([{"name": "a", "mountPath": "/a", "configMap": {"name": "m", "defaultMode": 4095}}])",
     "spec.mounts[0].configMap.defaultMode: must be an integer from 0 to 511"},
    {"ConfigMapOptionalIsText", "/spec/mounts",
     R"([{"name": "a", "mountPath": "/a", "configMap": {"name": "m", "optional": "yes"}}])",
     "spec.mounts[0].configMap.optional: must be true or false"},
    {"ConfigMapUnknownField", "/spec/mounts",
     R"([{"name": "a", "mountPath": "/a", "configMap": {"name": "m", "extra": []}}])",
     "spec.mounts[0].configMap.extra: is not a known field"},
    {"ImageWithoutReference", "/spec/mounts", R"([{"name": "a", "mountPath": "/a", "image": {}}])",
     "spec.mounts[0].image.reference: is required"},
    {"ImagePullPolicyIsAList", "/spec/mounts",
     R"([{"name": "a", "mountPath": "/a", "image": {"reference": "r", "pullPolicy": []}}])",
     "spec.mounts[0].image.pullPolicy: must be a string"},
    {"MediumIsANumber", "/spec/mounts",
     R"([{"name": "a", "mountPath": "/a", "empty": {"medium": 1}}])",
     "spec.mounts[0].empty.medium: must be a string"},
    {"ClaimTemplateWithoutName", "/spec/volumeClaimTemplates", R"([{"spec": {}}])",
     "spec.volumeClaimTemplates[0].metadata.name: is required"},
    {"ClaimTemplateWithoutSpec", "/spec/volumeClaimTemplates", R"([{"metadata": {"name": "a"}}])",
     "spec.volumeClaimTemplates[0].spec: is required"},
    {"ClaimTemplateLabel", "/spec/volumeClaimTemplates",
     R"([{"metadata": {"name": "a", "labels": {"x": null}}, "spec": {}}])",
     "spec.volumeClaimTemplates[0].metadata.labels"},
    {"IngressIsAMap", "/spec/ingress", "{}", "spec.ingress: must be a list"},
    {"PeersAreAMap", "/spec/ingress", R"([{"from": {}}])", "spec.ingress[0].from: must be a list"},
    {"IngressPortsAreAMap", "/spec/ingress", R"([{"from": [], "ports": {}}])",
     "spec.ingress[0].ports: must be a list"},
    {"ServiceIsAList", "/spec/service", "[]", "spec.service: must be an object"},
    {"PortMissing", "/spec/service", R"({"ports": [{}]})",
     "spec.service.ports[0].port: is required"},
    {"PortZero", "/spec/service", R"({"ports": [{"port": 0}]})",
     "spec.service.ports[0].port: must be an integer from 1 to 65535"},
    {"PortTooLarge", "/spec/service", R"({"ports": [{"port": 65536}]})",
     "spec.service.ports[0].port: must be an integer from 1 to 65535"},
    {"PortIsText", "/spec/service", R"({"ports": [{"port": "80"}]})",
     "spec.service.ports[0].port: must be an integer"},
    {"PortIsAFraction", "/spec/service", R"({"ports": [{"port": 80.5}]})",
     "spec.service.ports[0].port: must be an integer"},
};

INSTANTIATE_TEST_SUITE_P(Mistakes, DecodeMistakeTest, ::testing::ValuesIn(kMistakes),
                         [](const auto& param_info) { return param_info.param.name; });

TEST(DecodeAgentSandboxTest, NamesEveryMistakeAtOnce) {
  Json object = Minimal();
  object["spec"]["isolation"] = 1;
  object["spec"]["service"] = {{"ports", {{{"port", "x"}}}}};
  const auto sandbox = Decode(object);
  EXPECT_THAT(sandbox.status().message(), HasSubstr("spec.isolation: "));
  EXPECT_THAT(sandbox.status().message(), HasSubstr("spec.service.ports[0].port: "));
}

TEST(DecodeAgentSandboxTest, NothingIsNoSandbox) {
  EXPECT_EQ(DecodeAgentSandbox({}).status().code(), StatusCode::kBadRequest);
  EXPECT_EQ(Decode(Json::array()).status().code(), StatusCode::kBadRequest);
  EXPECT_EQ(Decode(Json("text")).status().code(), StatusCode::kBadRequest);
}

std::vector<FieldError> Check(const Json& object) {
  return CheckAgentSandboxFields(codec::ParseTrusted(object).root());
}

TEST(CheckAgentSandboxFieldsTest, FindsNothingInACleanObject) {
  EXPECT_THAT(Check(Minimal()), IsEmpty());
}

TEST(CheckAgentSandboxFieldsTest, AsksForApiVersionAndKind) {
  Json object = Minimal();
  object.erase("apiVersion");
  object.erase("kind");
  EXPECT_THAT(Check(object), ElementsAre(FieldError{"apiVersion", "is required"},
                                         FieldError{"kind", "is required"}));
}

TEST(CheckAgentSandboxFieldsTest, ReportsUnknownFieldsWithWhatWasMeant) {
  Json object = Minimal();
  object["specs"] = 1;
  object["spec"]["isolaton"] = "GVisor";
  EXPECT_THAT(Check(object),
              ElementsAre(FieldError{"specs", "is not a known field; did you mean \"spec\"?"},
                          FieldError{"spec.isolaton",
                                     "is not a known field; did you mean \"isolation\"?"}));
}

TEST(CheckAgentSandboxFieldsTest, KeysAreCaseSensitive) {
  Json object = Minimal();
  object["spec"]["Isolation"] = "Container";
  EXPECT_THAT(Check(object), Contains(Field(&FieldError::path, "spec.Isolation")));
}

TEST(CheckAgentSandboxFieldsTest, LeavesThePodSpecToTheRules) {
  Json object = Minimal();
  object["spec"]["podTemplate"]["spec"]["anything"] = 1;
  EXPECT_THAT(Check(object), IsEmpty());
}

TEST(ConditionTest, SurvivesARoundTrip) {
  const Condition condition{.type = "Ready",
                            .status = "False",
                            .reason = "PodStarting",
                            .message = "a \"message\"",
                            .last_transition_time = "2026-01-01T00:00:00Z",
                            .observed_generation = 3};
  const Json list = Json::array({ToJson(condition)});
  EXPECT_THAT(DecodeConditions(codec::ParseTrusted(list).root()), ElementsAre(condition));
  EXPECT_EQ(list[0].size(), 6U);
}

TEST(ConditionTest, WhatIsMissingIsEmpty) {
  EXPECT_THAT(DecodeConditions({}), IsEmpty());
  EXPECT_THAT(DecodeConditions(codec::ParseTrusted(Json::parse("[{}, 5]")).root()),
              ElementsAre(Condition{}, Condition{}));
}

TEST(JsonTextTest, IsCanonicalAndShared) {
  const auto document = codec::ParseTrusted(Json::parse(R"({"b": 1, "a": [true, null]})"));
  const JsonText text(document.root());
  EXPECT_EQ(text.text(), R"({"a":[true,null],"b":1})");
  EXPECT_EQ(text.ToJson(), document.root().ToJson());
  const JsonText copy = text;  // NOLINT(performance-unnecessary-copy-initialization)
  EXPECT_EQ(&copy.text(), &text.text());
  EXPECT_EQ(JsonText().text(), "null");
  EXPECT_EQ(JsonText(codec::JsonView()).text(), "null");
}

TEST(NamesTest, AreWhatTheDocumentationPromises) {
  EXPECT_EQ(SandboxObjectName("x"), "asb-x");
  EXPECT_EQ(IngressPolicyName("x"), "asb-x-ingress");
  EXPECT_EQ(ClaimName("x", "data"), "asb-x-data");
  EXPECT_EQ(std::string(kGroup) + "/" + std::string(kVersion), kGroupVersion);
  // The longest name still makes a DNS label with the longest suffix.
  EXPECT_LE(IngressPolicyName(std::string(kMaxSandboxNameBytes, 'a')).size(), 63U);
}

}  // namespace
}  // namespace stockade::api
