#include "operator/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stockade::sandbox_operator {
namespace {

using ::testing::HasSubstr;

const std::string kHeader =
    "apiVersion: config.stockade.dev/v1alpha1\nkind: OperatorConfiguration\n";

TEST(OperatorConfigTest, EverythingHasADefault) {
  const auto config = ParseOperatorConfig(kHeader);
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_EQ(config->http_port, 8081);
  EXPECT_EQ(config->profile.RuntimeClassFor(api::Isolation::kGVisor), "gvisor");
  EXPECT_EQ(config->transport, TransportKind::kBeast);
}

TEST(OperatorConfigTest, NamesNamespacesThatAreNone) {
  const auto config = ParseOperatorConfig(kHeader + "watchNamespaces: [team, Team, team, a.b]\n");
  ASSERT_FALSE(config.ok());
  EXPECT_THAT(config.status().message(),
              HasSubstr("watchNamespaces[1]: must be the name of a namespace"));
  EXPECT_THAT(config.status().message(),
              HasSubstr("watchNamespaces[2]: \"team\" stands in the list already"));
  EXPECT_THAT(config.status().message(),
              HasSubstr("watchNamespaces[3]: must be the name of a namespace"));
}

TEST(OperatorConfigTest, ReadsEveryField) {
  const auto config = ParseOperatorConfig(kHeader + R"(
http: {address: "127.0.0.1:9000"}
log: {level: debug}
workers: 8
transport: cpprest
clusterDomain: corp.example
runtimeClasses: {Container: runc, GVisor: sandboxed, MicroVM: kata-qemu}
defaults:
  runAsUser: 2000
  runAsGroup: 2001
  fsGroup: 2002
  home: /work
  tmpSize: 512Mi
  homeSize: 2Gi
  scratchSize: 1024Mi
  requests: {cpu: 0.25, memory: 128Mi, ephemeral-storage: 1Gi}
  limits: {cpu: 1000m, memory: 1Gi, ephemeral-storage: 2Gi}
policy: {allowedMetadataPrefixes: [example.com, "*.example.org"]}
watchNamespaces: [team-a, team-b]
leaderElection:
  enabled: false
  namespace: stockade-system
  lease: another
  leaseDurationSeconds: 30
  renewDeadlineSeconds: 20
  retryPeriodSeconds: 4
)");
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_EQ(config->http_address, "127.0.0.1");
  EXPECT_EQ(config->http_port, 9000);
  EXPECT_EQ(config->log_level, LogLevel::kDebug);
  EXPECT_EQ(config->workers, 8);
  EXPECT_EQ(config->watch_namespaces, (std::vector<std::string>{"team-a", "team-b"}));
  EXPECT_EQ(config->transport, TransportKind::kCppRest);
  EXPECT_FALSE(config->leader_election.enabled);
  EXPECT_EQ(config->leader_election.namespace_name, "stockade-system");
  EXPECT_EQ(config->leader_election.lease, "another");
  EXPECT_EQ(config->leader_election.lease_duration_seconds, 30);
  EXPECT_EQ(config->leader_election.renew_deadline_seconds, 20);
  EXPECT_EQ(config->leader_election.retry_period_seconds, 4);
  const render::Profile& profile = config->profile;
  EXPECT_EQ(profile.cluster_domain, "corp.example");
  EXPECT_EQ(profile.runtime_classes,
            (std::array<std::string, 3>{"runc", "sandboxed", "kata-qemu"}));
  EXPECT_EQ(profile.run_as_user, 2000);
  EXPECT_EQ(profile.run_as_group, 2001);
  EXPECT_EQ(profile.fs_group, 2002);
  EXPECT_EQ(profile.home, "/work");
  EXPECT_EQ(profile.tmp_size, "512Mi");
  EXPECT_EQ(profile.home_size, "2Gi");
  EXPECT_EQ(profile.scratch_size, "1Gi");
  EXPECT_EQ(profile.default_requests.at("cpu"), "250m");
  EXPECT_EQ(profile.default_limits.at("cpu"), "1");
  EXPECT_EQ(config->facts.allowed_metadata_prefixes,
            (std::vector<std::string>{"example.com", "*.example.org"}));
}

TEST(OperatorConfigTest, NamesWhatIsWrong) {
  struct {
    std::string yaml;
    const char* expected;
  } const cases[] = {
      {"kind: OperatorConfiguration\n", "apiVersion: must be config.stockade.dev/v1alpha1"},
      {"apiVersion: config.stockade.dev/v1alpha1\nkind: Config\n", "kind: must be Operator"},
      {kHeader + "worker: 3\n", "worker: is not a known field; did you mean \"workers\"?"},
      {kHeader + "workers: many\n", "workers: must be an integer from 1 to 64"},
      {kHeader + "workers: 0\n", "workers: must be an integer from 1 to 64"},
      {kHeader + "http: {adress: ':1'}\n", "did you mean \"address\"?"},
      {kHeader + "http: {address: nonsense}\n", "http.address: "},
      {kHeader + "log: {level: loud}\n", "log.level: must be one of"},
      {kHeader + "runtimeClasses: {GVisor: ''}\n", "runtimeClasses.GVisor: "},
      {kHeader + "runtimeClasses: {gVisor: x}\n", "did you mean \"GVisor\"?"},
      {kHeader + "defaults: {runAsUser: 0}\n", "defaults.runAsUser: "},
      {kHeader + "defaults: {home: relative}\n", "defaults.home: "},
      {kHeader + "defaults: {home: /proc/1}\n", "defaults.home: every sandbox would be refused"},
      {kHeader + "defaults: {home: '/a:b'}\n", "[MountPath]"},
      {kHeader + "defaults: {tmpSize: -1}\n", "defaults.tmpSize: "},
      {kHeader + "defaults: {limits: {memory: 8E}}\n",
       "defaults: every sandbox would be refused: spec.containers[0].resources.limits[memory]"},
      {kHeader + "defaults: {requests: {gpu: 1}}\n", "defaults.requests.gpu: is not a known"},
      {kHeader + "defaults: {requests: {cpu: 100}}\n", "cpu must not be above the limit"},
      {kHeader + "transport: carrier-pigeon\n", "transport: must be one of cpprest, beast"},
      {kHeader + "clusterDomain: 'a b'\n", "clusterDomain: "},
      {kHeader + "http: [1]\n", "http: must be an object"},
      {kHeader + "leaderElection: {enable: false}\n", "did you mean \"enabled\"?"},
      {kHeader + "leaderElection: {namespace: A B}\n", "leaderElection.namespace: "},
      {kHeader + "leaderElection: {renewDeadlineSeconds: 15}\n",
       "leaderElection.leaseDurationSeconds: must be more than renewDeadlineSeconds"},
      {kHeader + "leaderElection: {retryPeriodSeconds: 10}\n",
       "leaderElection.renewDeadlineSeconds: must be more than retryPeriodSeconds"},
      {"[", ""},
      {"", ""},
  };
  for (const auto& test : cases) {
    const auto config = ParseOperatorConfig(test.yaml);
    ASSERT_FALSE(config.ok()) << test.yaml;
    EXPECT_THAT(config.status().message(), HasSubstr(test.expected)) << test.yaml;
  }
}

const std::string kImages =
    "egress:\n  images: {proxy: r.example/envoy:1, canary: r.example/canary:1, "
    "credentials: r.example/credentials:1}\n";

TEST(OperatorConfigTest, GatewaysAreMadeWithASectionEgressAlone) {
  const auto without = ParseOperatorConfig(kHeader);
  ASSERT_TRUE(without.ok());
  EXPECT_FALSE(without->egress.enabled);
  EXPECT_FALSE(without->profile.egress_gateways);
  const auto with = ParseOperatorConfig(kHeader + kImages);
  ASSERT_TRUE(with.ok()) << with.status().ToString();
  EXPECT_TRUE(with->egress.enabled);
  EXPECT_TRUE(with->profile.egress_gateways);
  EXPECT_EQ(with->egress.settings.canary_image, "r.example/canary:1");
  EXPECT_EQ(with->egress.certificate_lifetime, std::chrono::hours(24));
}

TEST(OperatorConfigTest, ReadsEveryFieldOfEgress) {
  const auto config = ParseOperatorConfig(kHeader + kImages + R"(
  proxyUser: 3002
  gatewayUser: 3003
  trustDomain: agents.example.com
  clusterRanges: [10.0.0.0/8, "fd00::/8", 192.0.2.7]
  listenAddress: "::"
  resolvers: [10.96.0.10]
  dns: {namespace: dns-system, podLabels: {app: dns}}
  shutTargets: ["tcp://10.96.0.1:443"]
  googleAudience: //iam.googleapis.com/x
  tokenSeconds: 1200
  publicRootsFile: /etc/roots.crt
  certificateLifetimeSeconds: 7200
  identityAuthorityDays: 90
  interceptionAuthorityDays: 90
)");
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  const EgressConfig& egress = config->egress;
  EXPECT_EQ(egress.settings.proxy_user, 3002);
  EXPECT_EQ(egress.settings.gateway_user, 3003);
  EXPECT_EQ(egress.settings.trust_domain, "agents.example.com");
  EXPECT_EQ(egress.settings.cluster_ranges.size(), 3U);
  EXPECT_EQ(egress.settings.listen_address, "::");
  EXPECT_EQ(egress.settings.resolvers, std::vector<std::string>{"10.96.0.10"});
  EXPECT_EQ(egress.settings.dns_namespace, "dns-system");
  EXPECT_EQ(egress.settings.dns_pod_labels, (std::map<std::string, std::string>{{"app", "dns"}}));
  EXPECT_EQ(egress.settings.shut_targets, std::vector<std::string>{"tcp://10.96.0.1:443"});
  EXPECT_EQ(egress.settings.google_audience, "//iam.googleapis.com/x");
  EXPECT_EQ(egress.settings.token_seconds, 1200);
  EXPECT_EQ(egress.public_roots_file, "/etc/roots.crt");
  EXPECT_EQ(egress.certificate_lifetime, std::chrono::hours(2));
  EXPECT_EQ(egress.identity.lifetime, std::chrono::hours(90 * 24));
  EXPECT_EQ(egress.interception.overlap, std::chrono::hours(15 * 24));
}

TEST(OperatorConfigTest, NamesEveryFieldOfEgressThatIsWrong) {
  const auto config = ParseOperatorConfig(kHeader + R"(
egress:
  images: {proxy: r.example/envoy:1}
  trustDomain: Not_A_Domain
  clusterRanges: [10.0.0.0/33, pods]
  listenAddress: 127.0.0.1
  resolvers: [dns.example.com]
  dns: {namespace: "-"}
  shutTargets: []
  certificateLifetimeSeconds: 5
  identityAuthorityDays: 1
  unknown: 1
)");
  ASSERT_FALSE(config.ok());
  for (const char* field :
       {"egress.images.canary", "egress.images.credentials", "egress.trustDomain",
        "\"10.0.0.0/33\"", "\"pods\"", "egress.listenAddress", "egress.resolvers",
        "egress.dns.namespace", "egress.shutTargets", "egress.certificateLifetimeSeconds",
        "egress.identityAuthorityDays", "egress.unknown"}) {
    EXPECT_THAT(config.status().message(), HasSubstr(field));
  }
}

}  // namespace
}  // namespace stockade::sandbox_operator
