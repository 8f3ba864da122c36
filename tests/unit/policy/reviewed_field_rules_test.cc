#include <fstream>
#include <sstream>

#include "codec/yaml.h"
#include "tests/source_dir.h"
#include "tests/unit/policy/objects.h"
#include "tests/unit/policy/rule_case.h"

namespace stockade::policy {

const std::vector<RuleCase>& ReviewedFieldCases() {
  static const std::vector<RuleCase> cases = {
      {"UnreviewedField",
       "OfThePod",
       Scope::kPod,
       {{"/spec/fromTheFuture", "true"}},
       {"spec[fromTheFuture]"}},
      {"UnreviewedField",
       "OtherCase",
       Scope::kPod,
       {{"/spec/HostNetwork", "true"}},
       {"spec[HostNetwork]"}},
      {"UnreviewedField",
       "OfThePodsSecurityContext",
       Scope::kPod,
       {{"/spec/securityContext/privileged", "true"}},
       {"spec.securityContext[privileged]"}},
      {"UnreviewedField", "OfAContainer", Scope::kContainer, {{"/devices", "[]"}}, {"[devices]"}},
      {"UnreviewedField",
       "OfAContainersSecurityContext",
       Scope::kContainer,
       {{"/securityContext/Privileged", "true"}, {"/securityContext/sysctls", "[]"}},
       {"securityContext[Privileged]", "securityContext[sysctls]"}},
      {"UnreviewedField",
       "OfWhatAContainerIsGiven",
       Scope::kContainer,
       {{"/env", R"([{"name":"A","value":"x"},{"name":"B","valueFrom":{"vaultRef":{}}}])"},
        {"/envFrom", R"([{"prefix":"APP_","vaultRef":{}}])"},
        {"/volumeMounts", R"([{"name":"scratch","mountPath":"/a","idMapped":true}])"}},
       {"env[1].valueFrom[vaultRef]", "envFrom[0][vaultRef]", "volumeMounts[0][idMapped]"}},
      {"UnreviewedField",
       "OfWhatTheKubeletDoesForAContainer",
       Scope::kContainer,
       {{"/lifecycle", R"({"preStop":{"udpSocket":{}},"postStart":{"HTTPGet":{}},"onCrash":{}})"},
        {"/livenessProbe", R"({"udpSocket":{}})"},
        {"/readinessProbe", R"({"udpSocket":{}})"},
        {"/startupProbe", R"({"udpSocket":{}})"}},
       {"lifecycle[onCrash]", "lifecycle.postStart[HTTPGet]", "lifecycle.preStop[udpSocket]",
        "livenessProbe[udpSocket]", "readinessProbe[udpSocket]", "startupProbe[udpSocket]"}},
      {"UnreviewedField",
       "OfAClaimTemplate",
       Scope::kSandbox,
       {{"/spec/volumeClaimTemplates",
         R"([{"metadata":{"name":"a"},"spec":{"nodeAffinity":{},
              "resources":{"requests":{"storage":"1Gi"}}}}])"}},
       {"spec.volumeClaimTemplates[0].spec[nodeAffinity]"}},
      {"UnreviewedField",
       "OfAnEphemeralClaim",
       Scope::kPod,
       {{"/spec/volumes",
         R"([{"name":"a","ephemeral":{"volumeClaimTemplate":{"spec":{"VolumeName":"x",
                "resources":{"requests":{"storage":"1Gi"}}}}}}])"}},
       {"spec.volumes[0].ephemeral.volumeClaimTemplate.spec[VolumeName]"}},
      {"UnreviewedField",
       "Null",
       Scope::kPod,
       {{"/spec/fromTheFuture", "null"},
        {"/spec/securityContext/fromTheFuture", "null"},
        {"/spec/topologySpreadConstraints", "[]"},
        {"/spec/restartPolicy", R"("OnFailure")"},
        {"/spec/securityContext/fsGroupChangePolicy", R"("OnRootMismatch")"}}},
      {"UnreviewedField",
       "KnownOfAContainer",
       Scope::kContainer,
       {{"/args", "[]"},
        {"/command", R"(["sleep"])"},
        {"/imagePullPolicy", R"("Always")"},
        {"/resizePolicy", "[]"},
        {"/env", R"([{"name":"A","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}])"},
        {"/lifecycle", R"({"preStop":{"sleep":{"seconds":1}},"stopSignal":"SIGTERM"})"},
        {"/livenessProbe", R"({"grpc":{"port":1},"periodSeconds":5})"},
        {"/stdin", "true"},
        {"/tty", "true"},
        {"/volumeMounts",
         R"([{"name":"scratch","mountPath":"/a","readOnly":true,"recursiveReadOnly":"Disabled"}])"}}},
      {"UnreviewedField",
       "KnownOfAClaimTemplate",
       Scope::kSandbox,
       {{"/spec/volumeClaimTemplates",
         R"([{"metadata":{"name":"a"},"spec":{"accessModes":["ReadWriteOnce"],
              "storageClassName":"fast","volumeAttributesClassName":"gold",
              "resources":{"requests":{"storage":"1Gi"}}}}])"}}},
      {"FieldType",
       "ListThatIsAnObject",
       Scope::kPod,
       {{"/spec/tolerations", "{}"}},
       {"spec.tolerations"}},
      {"FieldType",
       "ObjectThatIsAList",
       Scope::kPod,
       {{"/spec/affinity", "[{}]"}},
       {"spec.affinity"}},
      {"FieldType",
       "VolumesOfStrings",
       Scope::kPod,
       {{"/spec/volumes", R"(["hostPath"])"}},
       {"spec.volumes"}},
      {"FieldType",
       "DeepInside",
       Scope::kPod,
       {{"/spec/volumes", R"([{"name":"v","projected":{"sources":{"serviceAccountToken":{}}}}])"}},
       {"spec.volumes[0].projected.sources"}},
      {"FieldType",
       "OfAContainer",
       Scope::kContainer,
       {{"/env", R"({"LD_PRELOAD":"x"})"}, {"/lifecycle", "[]"}, {"/workingDir", "5"}},
       {"env", "lifecycle", "workingDir"}},
      {"FieldType",
       "OfAClaimTemplate",
       Scope::kSandbox,
       {{"/spec/volumeClaimTemplates",
         R"([{"metadata":{"name":"a"},"spec":{"resources":{"requests":{"storage":"1Gi"}},
              "dataSource":["asb-victim-data"],"dataSourceRef":"x","selector":"x"}}])"}},
       {"spec.volumeClaimTemplates[0].spec.dataSource",
        "spec.volumeClaimTemplates[0].spec.dataSourceRef",
        "spec.volumeClaimTemplates[0].spec.selector"}},
      {"FieldType",
       "KeysOfTheAuthor",
       Scope::kPod,
       {{"/spec/nodeSelector", R"({"env":"x","name":"y","volumes":"z"})"}}},
  };
  return cases;
}

INSTANTIATE_TEST_SUITE_P(ReviewedFieldRules, RuleCaseTest,
                         ::testing::ValuesIn(ReviewedFieldCases()), CaseName);

namespace {

using codec::Json;

// The CRD has the PodSpec of one version of Kubernetes. Whoever moves it to another reviews what is
// new in it before this test passes.
class ReviewedCrdTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ifstream file(STOCKADE_SOURCE_DIR "/crds/stockade.dev_agentsandboxes.yaml");
    std::stringstream text;
    text << file.rdbuf();
    auto crd = codec::ParseYaml(text.str());
    ASSERT_TRUE(crd.ok()) << crd.status().ToString();
    const Json json = crd->root().ToJson();
    pod_ = Properties(json["spec"]["versions"][0]["schema"]["openAPIV3Schema"])["spec"];
    pod_ = Properties(Properties(pod_)["podTemplate"])["spec"];
  }

  static Json Properties(const Json& schema) { return schema.value("properties", Json::object()); }

  // Sets each of the fields at `pointer` of a pod template, and expects the rule to know it.
  static void ExpectReviewed(const Json& fields, const std::string& pointer) {
    EXPECT_GE(fields.size(), 3U) << pointer;
    for (const auto& [field, schema] : fields.items()) {
      Json sandbox = PlainSandbox();
      Json& spec = sandbox["spec"]["podTemplate"]["spec"];
      spec[Json::json_pointer(pointer + "/" + field)] = "x";
      for (const Finding& finding : JudgeSandbox(sandbox)) {
        EXPECT_NE(finding.code, "UnreviewedField") << finding.field;
      }
    }
  }

  Json pod_;
};

TEST_F(ReviewedCrdTest, EveryFieldOfThePodSpecIsReviewed) {
  const Json fields = Properties(pod_);
  ExpectReviewed(fields, "");
  const Json ephemeral = Properties(fields["volumes"]["items"])["ephemeral"];
  ExpectReviewed(Properties(Properties(Properties(ephemeral)["volumeClaimTemplate"])["spec"]),
                 "/volumes/0/ephemeral/volumeClaimTemplate/spec");
  ExpectReviewed(Properties(fields["securityContext"]), "/securityContext");
  for (const char* list : {"initContainers", "containers", "ephemeralContainers"}) {
    const Json container = Properties(fields[list]["items"]);
    ExpectReviewed(container, "/" + std::string(list) + "/0");
    const std::string first = "/" + std::string(list) + "/0/";
    ExpectReviewed(Properties(container["securityContext"]), first + "securityContext");
    ExpectReviewed(Properties(Properties(container["env"]["items"])["valueFrom"]),
                   first + "env/0/valueFrom");
    ExpectReviewed(Properties(container["envFrom"]["items"]), first + "envFrom/0");
    ExpectReviewed(Properties(container["volumeMounts"]["items"]), first + "volumeMounts/0");
    const Json lifecycle = Properties(container["lifecycle"]);
    ExpectReviewed(lifecycle, first + "lifecycle");
    ExpectReviewed(Properties(lifecycle["preStop"]), first + "lifecycle/preStop");
    for (const char* probe : {"livenessProbe", "readinessProbe", "startupProbe"}) {
      ExpectReviewed(Properties(container[probe]), first + probe);
    }
  }
}

}  // namespace
}  // namespace stockade::policy
