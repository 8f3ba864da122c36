#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "api/pod_view.h"
#include "policy/evaluate.h"
#include "render_testing.h"
#include "tests/source_dir.h"
#include "tests/unit/render/gateway_testing.h"

namespace stockade::render {
namespace {

using codec::Json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr const char* kEgress = "{allow: [{host: a.example.com}]}";

bool IsOperators(const Json& container) {
  return container.at("name").get<std::string>().starts_with("stockade-");
}

// With an init container, a sidecar and two ordinary ones of the agent.
EgressCase RenderedWithPod(std::string_view pod_spec_yaml, std::string_view egress = kEgress) {
  const Json spec = {{"podTemplate", {{"spec", FromYaml(pod_spec_yaml)}}},
                     {"egress", FromYaml(egress)}};
  return RenderedWithEgress(SandboxWithSpec(spec.dump()));
}
constexpr const char* kFourContainers = R"(
initContainers:
  - {name: setup, image: 'example.com/a:v1'}
  - {name: helper, image: 'example.com/a:v1', restartPolicy: Always}
containers:
  - {name: agent, image: 'example.com/a:v1', securityContext: {runAsUser: 10002}}
  - {name: second, image: 'example.com/a:v1', env: [{name: HOME, value: /work}]})";

std::vector<std::string> ErrorsIn(const Json& pod, std::string_view runtime_class = "gvisor") {
  const codec::JsonDocument document = codec::ParseTrusted(pod);
  std::vector<std::string> errors;
  for (const policy::Finding& finding :
       policy::EvaluateRenderedPod(api::PodView(document.root(), ""), runtime_class, {})) {
    if (finding.severity != policy::Severity::kError) continue;
    errors.push_back(std::string(finding.code) + " " + finding.field);
  }
  return errors;
}

std::string Variable(const Json& container, std::string_view name) {
  std::string value = "(unset)";
  for (const Json& variable : container.at("env")) {
    if (variable.at("name") == name) value = variable.value("value", "");  // the last one counts
  }
  return value;
}

TEST(SandboxEgressTest, CanaryComesFirstThenTheProxyThenTheAgent) {
  const Json spec = RenderedWithPod(kFourContainers).pod.at("spec");
  EXPECT_THAT(NamesIn(spec.at("initContainers")),
              ElementsAre("stockade-canary", "stockade-proxy", "setup", "helper"));
  EXPECT_THAT(NamesIn(spec.at("containers")), ElementsAre("agent", "second"));
  EXPECT_FALSE(spec.at("initContainers").at(0).contains("restartPolicy"));
  EXPECT_EQ(spec.at("initContainers").at(1).at("restartPolicy"), "Always");
}

// Wherever a container of the agent stands, it sees the authorities and nothing else of ours.
TEST(SandboxEgressTest, NoContainerOfTheAgentMountsWhatTheProxyHas) {
  const Json spec = RenderedWithPod(kFourContainers).pod.at("spec");
  int agents = 0;
  for (const Json& container : ContainersOf(spec)) {
    if (IsOperators(container)) continue;
    ++agents;
    EXPECT_THAT(NamesIn(container.at("volumeMounts")),
                UnorderedElementsAre("stockade-home", "stockade-tmp", "stockade-ca"));
    EXPECT_EQ(Named(container.at("volumeMounts"), "stockade-ca"),
              FromYaml("{name: stockade-ca, mountPath: /etc/stockade/ca, readOnly: true}"));
  }
  EXPECT_EQ(agents, 4);
  int secrets = 0;
  for (const Json& volume : spec.at("volumes")) {
    EXPECT_FALSE(volume.contains("projected"));
    if (volume.contains("secret")) ++secrets;
  }
  EXPECT_EQ(secrets, 1);
  EXPECT_EQ(Named(spec.at("volumes"), "stockade-identity").at("secret").at("secretName"),
            "stockade-sandbox-t8v3w");
}

TEST(SandboxEgressTest, ProxyReadsAndTheCanaryAloneWrites) {
  const Json spec = RenderedWithPod(kFourContainers).pod.at("spec");
  EXPECT_EQ(Named(spec.at("initContainers"), "stockade-proxy").at("volumeMounts"), FromYaml(R"(
- {name: stockade-proxy, mountPath: /etc/stockade/proxy, readOnly: true}
- {name: stockade-identity, mountPath: /etc/stockade/identity, readOnly: true}
- {name: stockade-tools, mountPath: /opt/stockade, readOnly: true})"));
  EXPECT_EQ(Named(spec.at("initContainers"), "stockade-canary").at("volumeMounts"),
            FromYaml("[{name: stockade-tools, mountPath: /opt/stockade}]"));
}

TEST(SandboxEgressTest, ProxyRunsAsAUserThatNoContainerOfTheAgentHas) {
  const auto user_of = [](const char* pod_spec) {
    return Named(RenderedWithPod(pod_spec).pod.at("spec").at("initContainers"), "stockade-proxy")
        .at("securityContext")
        .at("runAsUser");
  };
  EXPECT_EQ(user_of("{containers: [{name: agent, image: 'example.com/a:v1'}]}"), 10002);
  EXPECT_EQ(user_of(kFourContainers), 10003);
  EXPECT_EQ(user_of("{securityContext: {runAsUser: 10002}, containers: [{name: agent, image: "
                    "'example.com/a:v1', securityContext: {runAsUser: 10003}}]}"),
            10004);
}

TEST(SandboxEgressTest, CanaryTriesWhatMustBeShutWhileTheGatewayAnswers) {
  const Json spec = RenderedWithPod(kFourContainers).pod.at("spec");
  const Json canary = Named(spec.at("initContainers"), "stockade-canary");
  EXPECT_EQ(canary.at("args"), FromYaml(R"(
- --copy-to
- /opt/stockade/stockade-canary
- --shut
- "tcp://10.96.0.1:443,udp://10.96.0.10:53,tcp://[$(HOST_IP)]:10250"
- --open
- "tcp://10.96.0.20:15443")"));
  EXPECT_EQ(canary.at("env").at(0).at("valueFrom").at("fieldRef").at("fieldPath"), "status.hostIP");
  const Json proxy = Named(spec.at("initContainers"), "stockade-proxy");
  EXPECT_EQ(proxy.at("env"), canary.at("env"));
  EXPECT_EQ(proxy.at("readinessProbe").at("exec").at("command"), FromYaml(R"(
- /opt/stockade/stockade-canary
- --probe
- --shut
- "tcp://10.96.0.1:443,udp://10.96.0.10:53,tcp://[$$(HOST_IP)]:10250"
- --open
- "tcp://10.96.0.20:15443"
- --timeout
- "500")"));
  // The kubelet hands the command of a hook on as it is.
  EXPECT_EQ(proxy.at("lifecycle").at("postStart").at("exec").at("command"), FromYaml(R"(
- /opt/stockade/stockade-canary
- --probe
- --shut
- "tcp://10.96.0.1:443,udp://10.96.0.10:53,tcp://[$(HOST_IP)]:10250"
- --open
- "tcp://127.0.0.1:3128"
- --timeout
- "200"
- --interval
- "50"
- --deadline
- "30000")"));
}

TEST(SandboxEgressTest, AddressesOfIpv6StandInBrackets) {
  GatewayState state = TestState();
  state.address = "fd00:10:96::20";
  const EgressCase rendered =
      RenderedWithEgress(SandboxWithSpec("{podTemplate: {spec: {containers: []}}, egress: {}}"),
                         TestSettings(), state);
  EXPECT_EQ(rendered.pod.at("spec").at("initContainers").at(0).at("args").at(5),
            "tcp://[fd00:10:96::20]:15443");
}

TEST(SandboxEgressTest, EveryContainerOfTheAgentIsLedToTheProxy) {
  const Json spec = RenderedWithPod(kFourContainers).pod.at("spec");
  for (const Json& container : ContainersOf(spec)) {
    if (IsOperators(container)) continue;
    SCOPED_TRACE(container.at("name"));
    EXPECT_EQ(container.at("env").at(0).at("name"), "HOME");
    for (const char* name : {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"}) {
      EXPECT_EQ(Variable(container, name), "http://127.0.0.1:3128") << name;
    }
    EXPECT_EQ(Variable(container, "NO_PROXY"), "localhost,127.0.0.1,::1");
    EXPECT_EQ(Variable(container, "no_proxy"), "localhost,127.0.0.1,::1");
    EXPECT_EQ(Variable(container, "NODE_USE_ENV_PROXY"), "1");
    for (const char* name :
         {"SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
          "GIT_SSL_CAINFO", "PIP_CERT", "AWS_CA_BUNDLE", "NPM_CONFIG_CAFILE"}) {
      EXPECT_EQ(Variable(container, name), "/etc/stockade/ca/ca.crt") << name;
    }
  }
}

TEST(SandboxEgressTest, TemplateKeepsItsVariablesButForThoseOfTheProxy) {
  const Json spec = RenderedWithPod(R"(
containers:
  - name: agent
    image: example.com/a:v1
    env:
      - {name: HTTPS_PROXY, value: "http://192.0.2.1:1"}
      - {name: NPM_CONFIG_CAFILE, value: /work/ca.crt}
      - {name: ANTHROPIC_BASE_URL, value: "https://a.example.com"}
      - {name: MINE, value: $(HTTPS_PROXY)})",
                                    "{model: {bedrock: {region: eu-central-1, roleARN: "
                                    "'arn:aws:iam::1:role/r'}}}")
                        .pod.at("spec");
  const Json agent = Named(spec.at("containers"), "agent");
  int proxies = 0;
  for (const std::string& name : NamesIn(agent.at("env"))) {
    if (name == "HTTPS_PROXY") ++proxies;
  }
  EXPECT_EQ(proxies, 1);
  EXPECT_EQ(Variable(agent, "HTTPS_PROXY"), "http://127.0.0.1:3128");
  EXPECT_EQ(Variable(agent, "NPM_CONFIG_CAFILE"), "/work/ca.crt");
  EXPECT_EQ(Variable(agent, "ANTHROPIC_BASE_URL"), "https://a.example.com");
  EXPECT_EQ(Variable(agent, "CLAUDE_CODE_USE_BEDROCK"), "1");
  EXPECT_EQ(agent.at("env").back().at("name"), "MINE");
}

TEST(SandboxEgressTest, WithoutAGatewayThePodIsWhatItIsWithoutEgress) {
  const std::string pod = std::string(
      "podTemplate: {spec: {containers: [{name: agent, image: "
      "'example.com/a:v1'}]}}\n");
  EXPECT_EQ(Render(SandboxWithSpec(pod + "egress: {allow: [{host: a.example.com}]}"), {}).pod,
            Render(SandboxWithSpec(pod), {}).pod);
}

TEST(SandboxEgressTest, AnotherGatewayMakesAnotherPodAndAnotherImageAnOutdatedOne) {
  const auto sandbox = SandboxWithSpec("{podTemplate: {spec: {containers: []}}, egress: {}}");
  SandboxEgress egress{.settings = TestSettings(),
                       .gateway = "asg-box",
                       .address = "10.96.0.20",
                       .profile_hash = "aa",
                       .identity_secret = "s"};
  const std::string spec_hash = SpecHash(sandbox, egress);
  const std::string profile_hash = ProfileHash(sandbox, {}, egress);
  EXPECT_NE(spec_hash, SpecHash(sandbox));
  EXPECT_NE(profile_hash, ProfileHash(sandbox, {}));
  for (std::string* essential :
       {&egress.gateway, &egress.address, &egress.profile_hash, &egress.identity_secret}) {
    const std::string before = *essential;
    *essential += "1";
    EXPECT_NE(SpecHash(sandbox, egress), spec_hash) << before;
    EXPECT_EQ(ProfileHash(sandbox, {}, egress), profile_hash) << before;
    *essential = before;
  }
  egress.settings.proxy_image += "1";
  EXPECT_EQ(SpecHash(sandbox, egress), spec_hash);
  EXPECT_NE(ProfileHash(sandbox, {}, egress), profile_hash);
}

// The floor judges the pod once more before it is created.
TEST(SandboxEgressTest, FloorTakesWhatIsRenderedAndNothingThatIsMovedInIt) {
  const Json pod = RenderedWithPod(kFourContainers).pod;
  EXPECT_THAT(ErrorsIn(pod), IsEmpty());
  const Json identity = {{"name", "stockade-identity"}, {"mountPath", "/i"}, {"readOnly", true}};

  Json forged = pod;
  forged["spec"]["containers"][1]["volumeMounts"].push_back(identity);
  EXPECT_THAT(ErrorsIn(forged),
              ElementsAre("SecretInAgent spec.containers[1].volumeMounts[3].name"));
  forged = pod;
  forged["spec"]["initContainers"][2]["volumeMounts"].push_back(identity);
  EXPECT_THAT(ErrorsIn(forged),
              ElementsAre("SecretInAgent spec.initContainers[2].volumeMounts[3].name"));
  forged = pod;
  forged["spec"]["containers"][0]["name"] = "stockade-proxy";
  EXPECT_THAT(ErrorsIn(forged), ElementsAre("ReservedName spec.containers[0].name"));
  forged = pod;
  forged["spec"]["volumes"].push_back({{"name", "other"}, {"secret", {{"secretName", "s"}}}});
  EXPECT_EQ(ErrorsIn(forged).size(), 1U);
}

TEST(SandboxEgressTest, FloorTakesEveryGoldenPod) {
  std::size_t pods = 0;
  for (const auto& file : FilesIn(STOCKADE_SOURCE_DIR "/tests/golden/gateway", ".yaml")) {
    SCOPED_TRACE(file.filename().string());
    for (api::AgentSandbox& sandbox : SandboxesIn(ReadFile(file))) {
      const std::string runtime_class = Profile().RuntimeClassFor(sandbox.spec.isolation);
      const codec::JsonDocument pod_template = api::ToDocument(sandbox.spec.pod_template);
      EXPECT_FALSE(policy::HasErrors(policy::EvaluateSandbox(
          sandbox, api::PodView(pod_template.root(), "spec.podTemplate"), {})));
      EXPECT_THAT(ErrorsIn(RenderedWithEgress(std::move(sandbox)).pod, runtime_class), IsEmpty());
      ++pods;
    }
  }
  EXPECT_GE(pods, 5U);
}

// What bounds the pod as a whole bounds the proxy too; a request of its own could exceed it.
TEST(SandboxEgressTest, PodsOwnResourcesAreLeftToBoundTheProxy) {
  const Json spec = RenderedWithPod(R"(
resources: {requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 1, memory: 1Gi}}
containers: [{name: agent, image: 'example.com/a:v1'}])")
                        .pod.at("spec");
  const Json proxy = Named(spec.at("initContainers"), "stockade-proxy");
  EXPECT_EQ(proxy.at("resources").at("limits"), FromYaml("{ephemeral-storage: 64Mi}"));
  EXPECT_EQ(proxy.at("resources").at("requests"), FromYaml("{ephemeral-storage: 16Mi}"));
}

}  // namespace
}  // namespace stockade::render
