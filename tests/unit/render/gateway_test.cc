#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "render/envoy/envoy.h"
#include "render/envoy/paths.h"
#include "render/gateway_credentials.h"
#include "render_testing.h"
#include "tests/unit/render/gateway_testing.h"

namespace stockade::render {
namespace {

using codec::Json;
using ::testing::ElementsAre;

constexpr const char* kAllThree = R"({allow: [
  {host: a.example.com, credential: header}, {host: b.example.com, credential: basic},
  {host: s3.eu-west-1.amazonaws.com, credential: cloud}]})";
constexpr const char* kTheirCredentials = R"([
  {name: header, header: {name: X-Key, secretKeyRef: {name: one, key: token}}},
  {name: cloud, aws: {roleARN: 'arn:aws:iam::1:role/r', region: eu-west-1, service: s3}},
  {name: basic, basicAuth: {username: u, secretKeyRef: {name: two, key: password}}}])";

std::vector<std::string> MountPaths(const Json& container) {
  std::vector<std::string> paths;
  for (const Json& mount : container.at("volumeMounts")) paths.push_back(mount.at("mountPath"));
  return paths;
}

const Json& Metadata(const Json& object) { return object.at("metadata"); }

TEST(GatewayTest, EveryContainerIsHardenedAsRestrictedAsksFor) {
  const EgressCase rendered = RenderedWithEgress(kAllThree, kTheirCredentials);
  const Json& spec = GatewayPodSpec(rendered);
  EXPECT_EQ(spec.at("automountServiceAccountToken"), false);
  EXPECT_EQ(spec.at("enableServiceLinks"), false);
  EXPECT_EQ(spec.at("securityContext").at("runAsNonRoot"), true);
  EXPECT_EQ(spec.at("securityContext").at("seccompProfile").at("type"), "RuntimeDefault");
  for (const char* key : {"hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"}) {
    EXPECT_FALSE(spec.contains(key)) << key;
  }
  const auto containers = ContainersOf(spec);
  EXPECT_THAT(NamesIn(containers),
              ElementsAre("stockade-prepare", "stockade-credentials", "stockade-gateway"));
  for (const Json& container : containers) {
    SCOPED_TRACE(container.at("name"));
    const Json& context = container.at("securityContext");
    EXPECT_EQ(context.at("allowPrivilegeEscalation"), false);
    EXPECT_EQ(context.at("readOnlyRootFilesystem"), true);
    EXPECT_EQ(context.at("capabilities"), FromYaml("{drop: [ALL]}"));
    EXPECT_EQ(context.at("runAsUser"), 10003);
    for (const char* resource : {"cpu", "memory", "ephemeral-storage"}) {
      EXPECT_TRUE(container.at("resources").at("limits").contains(resource));
      EXPECT_TRUE(container.at("resources").at("requests").contains(resource));
    }
  }
}

TEST(GatewayTest, ProxyHasNoHotRestartNorAnAddressForAdministrators) {
  const EgressCase rendered = RenderedWithEgress("{allow: [{host: a.example.com}]}");
  const Json proxy = Named(GatewayPodSpec(rendered).at("containers"), "stockade-gateway");
  EXPECT_THAT(proxy.at("args").get<std::vector<std::string>>(),
              ElementsAre("--config-path", "/etc/stockade/proxy/envoy.json",
                          "--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"));
  EXPECT_EQ(proxy.at("readinessProbe").at("tcpSocket"), FromYaml("{port: 15443}"));
  EXPECT_EQ(proxy.at("ports").size(), 1U);
  EXPECT_FALSE(GatewayPodSpec(rendered).contains("initContainers"));  // nothing to prepare
}

// Each container sees what it works with: the proxy no password, the helper no header's value and
// no key of a certificate.
TEST(GatewayTest, CredentialsAreMountedWhereTheyAreUsedAlone) {
  const EgressCase rendered = RenderedWithEgress(kAllThree, kTheirCredentials);
  const Json& spec = GatewayPodSpec(rendered);
  EXPECT_THAT(
      MountPaths(Named(spec.at("containers"), "stockade-gateway")),
      ElementsAre(envoy::kConfigDirectory, envoy::kIdentityDirectory, envoy::kLeavesDirectory,
                  "/etc/stockade/credentials/header", envoy::kDerivedDirectory));
  EXPECT_THAT(MountPaths(Named(spec.at("initContainers"), "stockade-credentials")),
              ElementsAre(envoy::kConfigDirectory, "/etc/stockade/credentials/basic",
                          envoy::kDerivedDirectory, kTokensDirectory));
  EXPECT_THAT(MountPaths(Named(spec.at("initContainers"), "stockade-prepare")),
              ElementsAre(envoy::kConfigDirectory, "/etc/stockade/credentials/basic",
                          "/etc/stockade/credentials/header", envoy::kDerivedDirectory));
  for (const Json& container : ContainersOf(spec)) {
    for (const Json& mount : container.at("volumeMounts")) {
      const bool derives =
          container.at("name") != "stockade-gateway" && mount.at("name") == "derived";
      EXPECT_EQ(mount.value("readOnly", false), !derives) << container.at("name") << mount;
    }
  }
}

TEST(GatewayTest, SecretsAreMountedByTheirNamedKeysAndMayBeMissing) {
  const EgressCase rendered = RenderedWithEgress(kAllThree, kTheirCredentials);
  const Json& volumes = GatewayPodSpec(rendered).at("volumes");
  EXPECT_EQ(Named(volumes, "credential-0").at("secret"), FromYaml(R"(
secretName: two
defaultMode: 288
optional: true
items: [{key: password, path: password}])"));
  EXPECT_EQ(Named(volumes, "credential-1").at("secret").at("secretName"), "one");
  // Those that the operator makes must be there.
  for (const char* own : {"identity", "leaves"}) {
    EXPECT_FALSE(Named(volumes, own).at("secret").contains("optional")) << own;
  }
}

TEST(GatewayTest, CredentialThatNoHostUsesIsNotMounted) {
  const EgressCase rendered = RenderedWithEgress(
      "{allow: [{host: a.example.com}]}",
      "[{name: idle, header: {name: X-Key, secretKeyRef: {name: one, key: token}}}]");
  EXPECT_THAT(NamesIn(GatewayPodSpec(rendered).at("volumes")),
              ElementsAre("config", "identity", "leaves"));
}

TEST(GatewayTest, HelperIsToldNamesAndPlacesAndNoValue) {
  const EgressCase rendered = RenderedWithEgress(kAllThree, kTheirCredentials);
  const Json& data = rendered.gateway.configuration.at("data");
  EXPECT_EQ(Json::parse(data.at("credentials.json").get<std::string>()), FromYaml(R"(
secrets:
  - {credential: basic, secret: two, key: password, file: /etc/stockade/credentials/basic/password}
  - {credential: header, secret: one, key: token, file: /etc/stockade/credentials/header/token}
derived:
  - credential: basic
    kind: basic
    username: u
    passwordFile: /etc/stockade/credentials/basic/password
    file: /run/stockade/credentials/basic/basic
  - credential: cloud
    kind: aws
    roleARN: "arn:aws:iam::1:role/r"
    region: eu-west-1
    sessionName: render.box
    tokenFile: /var/run/secrets/stockade/aws
    file: /run/stockade/credentials/cloud/aws)"));
}

// What Envoy is told to read is what is mounted or derived.
TEST(GatewayTest, ProxyBeginsWhenEveryCredentialIsThere) {
  const EgressCase rendered = RenderedWithEgress(kAllThree, kTheirCredentials);
  const Json helper = Named(GatewayPodSpec(rendered).at("initContainers"), "stockade-credentials");
  EXPECT_EQ(helper.at("restartPolicy"), "Always");
  EXPECT_EQ(helper.at("startupProbe").at("exec").at("command"),
            FromYaml("[/usr/bin/stockade-credentials, ready, --config, "
                     "/etc/stockade/proxy/credentials.json]"));
  // The helper gives up first, and then says why.
  EXPECT_GT(helper.at("startupProbe").at("failureThreshold"), 60);
  EXPECT_FALSE(helper.contains("readinessProbe"));  // an exchange that fails later shuts no host
}

TEST(GatewayTest, ProxyReadsNoFileThatIsNotThere) {
  const EgressCase rendered = RenderedWithEgress(kAllThree, kTheirCredentials);
  std::set<std::string> there;
  const Json helper = Json::parse(
      rendered.gateway.configuration.at("data").at("credentials.json").get<std::string>());
  for (const char* list : {"secrets", "derived"}) {
    for (const Json& entry : helper.at(list)) there.insert(entry.at("file"));
  }
  int read = 0;
  for (const auto& [name, text] : rendered.gateway.configuration.at("data").items()) {
    const std::string contents = text.get<std::string>();
    if (name == kCredentialsFile) continue;
    for (const std::string_view directory : {envoy::kSecretsDirectory, envoy::kDerivedDirectory}) {
      const std::string marker = "\"filename\":\"" + std::string(directory);
      for (auto at = contents.find(marker); at != std::string::npos;
           at = contents.find(marker, at + 1)) {
        const auto begin = at + std::string("\"filename\":\"").size();
        EXPECT_TRUE(there.contains(contents.substr(begin, contents.find('"', begin) - begin)))
            << contents.substr(begin, 80);
        ++read;
      }
    }
  }
  EXPECT_EQ(read, 3);
}

TEST(GatewayTest, TokenIsForTheCloudThatAsksForItAndForTheHelperAlone) {
  const struct {
    const char* egress;
    const char* audience;
  } kCases[] = {
      {"{model: {bedrock: {region: r, roleARN: 'arn:aws:iam::1:role/r'}}}", "sts.amazonaws.com"},
      {"{model: {vertex: {project: p, region: r}}}", nullptr}};
  for (const auto& c : kCases) {
    const EgressCase rendered = RenderedWithEgress(c.egress);
    const std::string audience =
        c.audience != nullptr ? c.audience : TestSettings().google_audience;
    const Json& spec = GatewayPodSpec(rendered);
    EXPECT_EQ(spec.at("serviceAccountName"), "stockade-gateway");
    const Json sources = Named(spec.at("volumes"), "tokens").at("projected").at("sources");
    ASSERT_EQ(sources.size(), 1U);
    EXPECT_EQ(sources[0].at("serviceAccountToken").at("audience"), audience);
    for (const Json& container : ContainersOf(spec)) {
      const auto paths = MountPaths(container);
      EXPECT_EQ(std::ranges::count(paths, kTokensDirectory),
                container.at("name") == "stockade-credentials" ? 1 : 0)
          << container.at("name");
    }
  }
  const EgressCase without = RenderedWithEgress("{allow: [{host: a.example.com}]}");
  for (const Json& volume : GatewayPodSpec(without).at("volumes")) {
    EXPECT_FALSE(volume.contains("projected"));
  }
}

// A token without an audience would be good for the API server.
TEST(GatewayTest, NoTokenIsMountedWithoutAnAudience) {
  EgressSettings settings = TestSettings();
  settings.google_audience.clear();
  const EgressCase rendered =
      RenderedWithEgress(SandboxWithSpec("{podTemplate: {spec: {containers: []}},"
                                         " egress: {model: {vertex: {project: p, region: r}}}}"),
                         settings);
  EXPECT_THAT(NamesIn(GatewayPodSpec(rendered).at("volumes")),
              ElementsAre("config", "identity", "leaves", "derived"));
}

TEST(GatewayTest, RoleSessionNamesAreOfAtMost64CharactersAndStayApart) {
  EXPECT_EQ(RoleSessionName("team", "box"), "team.box");
  const std::string space(40, 'n');
  const std::string first = RoleSessionName(space, std::string(30, 'a') + "1");
  const std::string second = RoleSessionName(space, std::string(30, 'a') + "2");
  EXPECT_EQ(first.size(), 64U);
  EXPECT_EQ(first.substr(0, 41), space + ".");
  EXPECT_NE(first, second);
  EXPECT_EQ(RoleSessionName(space, std::string(23, 'a')).size(), 64U);
  EXPECT_EQ(RoleSessionName(space, std::string(23, 'a')).back(), 'a');
}

TEST(GatewayTest, DedicatedGatewayGoesWithItsSandbox) {
  const EgressCase rendered = RenderedWithEgress("{allow: [{host: a.example.com}]}");
  EXPECT_EQ(rendered.gateway.name, "asg-box");
  for (const Json& object : ObjectsOf(rendered)) {
    if (Metadata(object).at("name").get<std::string>().starts_with("stockade-")) continue;
    SCOPED_TRACE(object.at("kind"));
    EXPECT_EQ(Metadata(object).at("ownerReferences").at(0).at("name"), "box");
    EXPECT_EQ(Metadata(object).at("ownerReferences").at(0).at("controller"), true);
    EXPECT_EQ(Metadata(object).at("labels").at("app.kubernetes.io/managed-by"), "stockade");
  }
}

TEST(GatewayTest, SharedGatewayIsTheSameForEverySandboxAndOfNone) {
  const std::string spec =
      "{podTemplate: {spec: {containers: []}},"
      " egress: {gateway: Shared, allow: [{host: a.example.com}]}}";
  api::AgentSandbox other = SandboxWithSpec(spec);
  other.metadata.name = "another";
  other.metadata.uid = "0b7c8a52-6a5e-4a3f-9a55-0000000000fe";
  const EgressCase first = RenderedWithEgress(SandboxWithSpec(spec));
  const EgressCase second = RenderedWithEgress(std::move(other));
  auto objects = ObjectsOf(first);
  auto others = ObjectsOf(second);
  objects.pop_back();  // the sandboxes' own pods
  others.pop_back();
  EXPECT_EQ(objects, others);
  EXPECT_EQ(first.gateway.name, "asg--" + first.profile.hash.substr(0, 32));
  for (const Json& object : objects) {
    EXPECT_FALSE(Metadata(object).contains("ownerReferences"));
    EXPECT_FALSE(Metadata(object).at("labels").contains("stockade.dev/sandbox"));
  }
  EXPECT_EQ(Metadata(first.gateway.deployment).at("labels").at("stockade.dev/egress-profile"),
            first.profile.hash.substr(0, 32));
}

// Two sandboxes, whatever their names, never have objects of one kind and name.
TEST(GatewayTest, NameIsThatOfItsObjectsHoweverItIsAsked) {
  for (const char* egress :
       {"{allow: [{host: a.example.com}]}", "{gateway: Shared, allow: [{host: a.example.com}]}"}) {
    SCOPED_TRACE(egress);
    const EgressCase rendered = RenderedWithEgress(egress);
    const std::string name = GatewayName(rendered.sandbox);
    EXPECT_EQ(GatewayName(rendered.sandbox, rendered.profile.hash), name);
    EXPECT_EQ(Metadata(rendered.gateway.deployment).at("name"), name);
    EXPECT_EQ(Metadata(rendered.gateway.service).at("name"), name);
    const api::StringMap labels = rendered.gateway.deployment.at("spec")
                                      .at("template")
                                      .at("metadata")
                                      .at("labels")
                                      .get<api::StringMap>();
    EXPECT_EQ(labels, GatewayPodLabels(name));
  }
}

TEST(GatewayTest, NamesOfTwoGatewaysNeverMeet) {
  std::set<std::pair<std::string, std::string>> names;
  std::size_t objects = 0;
  for (const char* name : {"a", "a-gateway", "a-sandboxes", "a-authorities", "a-gateway-gateway"}) {
    api::AgentSandbox sandbox =
        SandboxWithSpec("{podTemplate: {spec: {containers: []}}, egress: {}}");
    sandbox.metadata.name = name;
    for (const Json& object : ObjectsOf(RenderedWithEgress(std::move(sandbox)))) {
      const std::string object_name = Metadata(object).at("name");
      if (object_name.starts_with("stockade-")) continue;
      names.emplace(object.at("kind"), object_name);
      ++objects;
    }
  }
  EXPECT_EQ(names.size(), objects);
}

TEST(GatewayTest, AnotherProfileStartsThePodsAnewAndAnotherOwnerDoesNot) {
  const auto hash_of = [](const EgressCase& rendered) {
    return rendered.gateway.deployment.at("spec")
        .at("template")
        .at("metadata")
        .at("annotations")
        .at("stockade.dev/config-hash");
  };
  const EgressCase first = RenderedWithEgress("{allow: [{host: a.example.com}]}");
  EXPECT_EQ(hash_of(first), hash_of(RenderedWithEgress("{allow: [{host: a.example.com}]}")));
  EXPECT_NE(hash_of(first),
            hash_of(RenderedWithEgress("{allow: [{host: a.example.com, methods: [GET]}]}")));
  EXPECT_EQ(first.gateway.deployment.at("spec").at("strategy"),
            FromYaml("{type: RollingUpdate, rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}"));
}

TEST(GatewayTest, SidecarIsConfiguredOnceTheAddressIsKnown) {
  const std::string spec =
      "{podTemplate: {spec: {containers: []}}, egress: {allow: [{host: a.example.com}]}}";
  GatewayState state = TestState();
  state.address.clear();
  EXPECT_FALSE(RenderedWithEgress(SandboxWithSpec(spec), TestSettings(), state)
                   .gateway.sidecar_configuration.has_value());
  const EgressCase known = RenderedWithEgress(SandboxWithSpec(spec));
  ASSERT_TRUE(known.gateway.sidecar_configuration.has_value());
  EXPECT_NE(known.gateway.sidecar_configuration->at("data")
                .at("envoy.json")
                .get<std::string>()
                .find("\"address\":\"10.96.0.20\""),
            std::string::npos);
}

TEST(GatewayTest, AgentsTrustPublicAuthoritiesOnlyWhereAHostShowsItsOwnCertificate) {
  const struct {
    const char* egress;
    bool roots;
  } kCases[] = {{"{allow: [{host: a.example.com}]}", false},
                {"{allow: [{host: a.example.com}, {host: b.example.com, tls: Tunnel}]}", true},
                {"{audit: true}", true},
                {"{}", false}};
  const GatewayState state = TestState();
  for (const auto& c : kCases) {
    const EgressCase rendered = RenderedWithEgress(c.egress);
    EXPECT_EQ(rendered.gateway.authorities.at("data").at("ca.crt"),
              state.authorities + (c.roots ? state.public_roots : ""))
        << c.egress;
  }
}

TEST(GatewayTest, ServiceLeadsToTheGatewaysPods) {
  const EgressCase rendered = RenderedWithEgress("{allow: [{host: a.example.com}]}");
  const Json& spec = rendered.gateway.service.at("spec");
  EXPECT_EQ(spec.at("selector"), FromYaml("{stockade.dev/gateway: asg-box}"));
  EXPECT_EQ(spec.at("type"), "ClusterIP");
  EXPECT_EQ(spec.at("ports").size(), 1U);
  EXPECT_FALSE(spec.contains("clusterIP"));
}

}  // namespace
}  // namespace stockade::render
