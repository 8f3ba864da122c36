#include "webhook/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/fakes/temporary_directory.h"

namespace stockade::webhook {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string kHeader =
    "apiVersion: config.stockade.dev/v1alpha1\nkind: WebhookConfiguration\n";
const std::string kLeast = kHeader + R"(
listen: {address: "127.0.0.1:8443"}
certificates: {certificateFile: /tls/tls.crt, keyFile: /tls/tls.key}
http: {address: "127.0.0.1:8080"}
)";

std::string Problems(const std::string& text) {
  const auto config = ParseConfig(text);
  if (config.ok()) return {};
  EXPECT_EQ(config.status().code(), StatusCode::kBadRequest);
  return config.status().message();
}

TEST(WebhookConfigTest, LeastFileHasDefaultsForTheRest) {
  const auto config = ParseConfig(kLeast);
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_EQ(config->listen, (http_server::ListenAddress{"127.0.0.1", 8443}));
  EXPECT_EQ(config->http, (http_server::ListenAddress{"127.0.0.1", 8080}));
  EXPECT_EQ(config->certificate_file, "/tls/tls.crt");
  EXPECT_EQ(config->key_file, "/tls/tls.key");
  EXPECT_EQ(config->client_ca_file, "");
  EXPECT_EQ(config->certificate_poll, seconds(10));
  EXPECT_EQ(config->threads, 2U);
  EXPECT_EQ(config->connections, 1024U);
  EXPECT_EQ(config->log_level, LogLevel::kInfo);
  EXPECT_EQ(config->guards.operator_user,
            "system:serviceaccount:stockade-system:stockade-operator");
  EXPECT_EQ(config->facts.allowed_metadata_prefixes,
            policy::Facts::DefaultAllowedMetadataPrefixes());
  EXPECT_EQ(config->runtime_classes, (std::array<std::string, 3>{"", "gvisor", "kata"}));
  EXPECT_EQ(config->facts.default_limits, policy::Facts::DefaultLimits());
}

TEST(WebhookConfigTest, ReadsEveryField) {
  const auto config = ParseConfig(kHeader + R"(
listen: {address: "[::]:9443"}
certificates:
  certificateFile: a.crt
  keyFile: a.key
  clientCAFile: ca.crt
  pollSeconds: 1
http: {address: ":9090"}
threads: 8
limits: {connections: 64}
policy: {allowedMetadataPrefixes: [example.com, "*.example.org"]}
runtimeClasses: {Container: runc, GVisor: runsc, MicroVM: kata-qemu}
defaults: {limits: {cpu: 500m, memory: 1Gi, ephemeral-storage: 2Gi}}
guards:
  operatorUser: operator@example.com
  trustedUsers: ["system:serviceaccount:calico-system:calico-cni-plugin"]
  trustedGroups: ["system:serviceaccounts:ovn-kubernetes"]
log: {level: error}
)");
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_EQ(config->listen, (http_server::ListenAddress{"::", 9443}));
  EXPECT_EQ(config->client_ca_file, "ca.crt");
  EXPECT_EQ(config->certificate_poll, seconds(1));
  EXPECT_EQ(config->http, (http_server::ListenAddress{"0.0.0.0", 9090}));
  EXPECT_EQ(config->threads, 8U);
  EXPECT_EQ(config->connections, 64U);
  EXPECT_EQ(config->facts.allowed_metadata_prefixes,
            (std::vector<std::string>{"example.com", "*.example.org"}));
  EXPECT_EQ(config->runtime_classes, (std::array<std::string, 3>{"runc", "runsc", "kata-qemu"}));
  EXPECT_EQ(config->facts.default_limits[0].ToString(), "500m");
  EXPECT_EQ(config->facts.default_limits[1].ToString(), "1Gi");
  EXPECT_EQ(config->facts.default_limits[2].ToString(), "2Gi");
  EXPECT_EQ(config->log_level, LogLevel::kError);
  EXPECT_EQ(config->guards.operator_user, "operator@example.com");
  EXPECT_EQ(config->guards.trusted_users,
            std::vector<std::string>{"system:serviceaccount:calico-system:calico-cni-plugin"});
  EXPECT_EQ(config->guards.trusted_groups,
            std::vector<std::string>{"system:serviceaccounts:ovn-kubernetes"});
  EXPECT_EQ(config->guards.facts.allowed_metadata_prefixes,
            config->facts.allowed_metadata_prefixes);
}

const std::string kSelfManaged = kHeader + R"(
listen: {address: "127.0.0.1:8443"}
http: {address: "127.0.0.1:8080"}
certificates:
)";

TEST(WebhookConfigTest, SelfManagedCertificatesHaveDefaults) {
  const auto config = ParseConfig(kSelfManaged + "  selfManaged: {}\n");
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  ASSERT_TRUE(config->self_managed);
  const SelfManagedCertificates& certificates = *config->self_managed;
  EXPECT_EQ(certificates.secret, "stockade-webhook-tls");
  EXPECT_EQ(certificates.service, "stockade-webhook");
  EXPECT_EQ(certificates.configurations, std::vector<std::string>{"stockade"});
  EXPECT_EQ(certificates.authority_lifetime, std::chrono::hours(365 * 24));
  EXPECT_EQ(certificates.leaf_lifetime, std::chrono::hours(30 * 24));
  EXPECT_EQ(certificates.overlap, std::chrono::hours(1));
}

TEST(WebhookConfigTest, ReadsSelfManagedCertificates) {
  const auto config = ParseConfig(kSelfManaged + R"(
  clientCAFile: ca.crt
  selfManaged:
    namespace: system
    secretName: tls
    leaseName: lease
    serviceName: hook
    names: [hook.example, "0:0::1", 127.0.0.1]
    validatingWebhookConfigurations: [a, b]
    authoritySeconds: 600
    leafSeconds: 300
    overlapSeconds: 100
)");
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  const SelfManagedCertificates& certificates = *config->self_managed;
  EXPECT_EQ(config->client_ca_file, "ca.crt");
  EXPECT_EQ(certificates.ServerNames(),
            (std::vector<std::string>{"hook.system.svc", "hook.example", "::1", "127.0.0.1"}));
  EXPECT_EQ(certificates.secret, "tls");
  EXPECT_EQ(certificates.lease, "lease");
  EXPECT_EQ(certificates.configurations, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(certificates.authority_lifetime, seconds(600));
  EXPECT_EQ(certificates.leaf_lifetime, seconds(300));
  EXPECT_EQ(certificates.overlap, seconds(100));
}

TEST(WebhookConfigTest, SaysWhatIsWrongWithSelfManagedCertificates) {
  const struct {
    const char* text;
    const char* problem;
  } kCases[] = {
      {"  certificateFile: a\n  selfManaged: {}\n",
       "certificates.certificateFile: must not be set beside selfManaged"},
      {"  keyFile: a\n", "certificates.certificateFile: is required, unless selfManaged is set"},
      {"  keyFile: \"\"\n", "certificates.keyFile: must be the path of a file"},
      {"  keyFile: a\n  selfManaged: {}\n",
       "certificates.keyFile: must not be set beside selfManaged"},
      {"  selfManaged: {secretNam: a}\n", "did you mean \"secretName\"?"},
      {"  selfManaged: {secretName: A}\n",
       "certificates.selfManaged.secretName: must be the name of a Secret"},
      {"  selfManaged: {leaseName: \"\"}\n", "leaseName: must be the name of a Lease"},
      {"  selfManaged: {serviceName: a.b}\n", "serviceName: must be the name of a Service"},
      {"  selfManaged: {namespace: a.b}\n", "namespace: must be the name of a namespace"},
      {"  selfManaged: {names: [\"*\"]}\n", "names: \"*\" must be a DNS name"},
      {"  selfManaged: {names: [1.2.3]}\n", "names: \"1.2.3\" must be"},
      {"  selfManaged: {validatingWebhookConfigurations: []}\n", "must name at least one"},
      {"  selfManaged: {overlapSeconds: 0}\n", "overlapSeconds: "},
      {"  selfManaged: {leafSeconds: 16000000}\n", "must be at most half of authoritySeconds"},
      {"  selfManaged: {overlapSeconds: 6000000}\n", "must be at most a sixth"},
  };
  for (const auto& test : kCases) {
    EXPECT_THAT(Problems(kSelfManaged + test.text), HasSubstr(test.problem)) << test.text;
  }
}

TEST(WebhookConfigTest, SaysWhatIsWrongAndWhere) {
  const struct {
    std::string text;
    const char* problem;
  } kCases[] = {
      {kLeast + "runtimeClasses: {GVisor: \"no name\"}\n",
       "runtimeClasses.GVisor: must be the name of a RuntimeClass"},
      {kLeast + "runtimeClasses: {Gvisor: x}\n", "runtimeClasses.Gvisor: is not a known field"},
      {kLeast + "defaults: {limits: {cpu: 0}}\n",
       "defaults.limits.cpu: must be a quantity above zero"},
      {kLeast + "defaults: {home: /x}\n", "defaults.home: is not a known field"},
      {kLeast + "thread: 2\n", "thread: is not a known field; did you mean \"threads\"?"},
      {kLeast + "polices: {}\n", "polices: is not a known field; did you mean \"policy\"?"},
      {kLeast + "limits: {connection: 1}\n",
       "limits.connection: is not a known field; did you mean \"connections\"?"},
      {kLeast + "policy: {allowedMetadataPrefix: []}\n",
       "did you mean \"allowedMetadataPrefixes\"?"},
      {kLeast + "log: {Level: info}\n", "log.Level: is not a known field; did you mean \"level\"?"},
      {kLeast + "bananas: 1\n", "bananas: is not a known field"},
      {kLeast + "threads: 0\n", "threads: must be an integer from 1 to 64"},
      {kLeast + "threads: 65\n", "threads: must be an integer from 1 to 64"},
      {kLeast + "threads: \"2\"\n", "threads: must be an integer"},
      {kLeast + "limits: {connections: 0}\n", "limits.connections: must be an integer"},
      {kLeast + "limits: [1]\n", "limits: must be an object"},
      {kLeast + "log: {level: warn}\n", "log.level: must be one of debug, info, warning, error"},
      {kLeast + "guards: {operatorUser: \"\"}\n", "guards.operatorUser: must be the operator's"},
      {kLeast + "guards: {trustedUser: [a]}\n", "did you mean \"trustedUsers\"?"},
      {kLeast + "guards: {trustedGroups: [\"system:authenticated\"]}\n",
       "guards.trustedGroups: must not hold system:authenticated"},
      {kLeast + "policy: {allowedMetadataPrefixes: [1]}\n",
       "policy.allowedMetadataPrefixes[0]: must be a string"},
      {kHeader + "listen: {addres: \"127.0.0.1:1\"}\n",
       "listen.addres: is not a known field; did you mean \"address\"?"},
      {kHeader + "listen: {address: localhost}\n", "listen.address: \"localhost\" has no port"},
      {kHeader + "listen: {address: 8443}\n", "listen.address: must be a string"},
      {kHeader + "listen: 8443\n", "listen: must be an object"},
      {kHeader + "http: {}\n", "http.address: is required"},
      {kHeader + "certificates: {certFile: x}\n", "certificates.certificateFile: is required"},
      {kHeader + "certificates: {pollSeconds: 0}\n",
       "certificates.pollSeconds: must be an integer from 1 to 3600"},
      {kHeader, "listen: is required"},
      {kHeader, "certificates: is required"},
      {kHeader, "http: is required"},
      {"apiVersion: config.stockade.dev/v1\nkind: WebhookConfiguration\n", "apiVersion: must be"},
      {"apiVersion: config.stockade.dev/v1alpha1\nkind: OperatorConfiguration\n", "kind: must be"},
      {"listen: {}\n", "apiVersion: is required"},
      {"", "there is no document in it"},
      {"- a\n", "must be a map that begins with"},
      {kLeast + "threads: 2\nthreads: 3\n", "threads"},
      {"a: [\n", ""},
  };
  for (const auto& test : kCases) {
    const std::string problems = Problems(test.text);
    EXPECT_NE(problems, "") << test.text;
    EXPECT_THAT(problems, HasSubstr(test.problem)) << test.text;
  }
}

TEST(WebhookConfigTest, ListsEveryProblemOnALineOfItsOwn) {
  const std::string problems = Problems(kHeader + R"(
listen: {address: nowhere}
certificates: {certificateFile: a, keyfile: b}
threads: many
)");
  EXPECT_EQ(std::count(problems.begin(), problems.end(), '\n'), 4) << problems;
  EXPECT_THAT(problems, HasSubstr("listen.address: "));
  EXPECT_THAT(problems, HasSubstr("certificates.keyFile: is required"));
  EXPECT_THAT(problems, HasSubstr("certificates.keyfile: is not a known field; did you mean "
                                  "\"keyFile\"?"));
  EXPECT_THAT(problems, HasSubstr("http: is required"));
  EXPECT_THAT(problems, HasSubstr("threads: must be an integer"));
}

class WebhookConfigFileTest : public ::testing::Test {
 protected:
  void Write(const std::string& text) const { directory_.Write("webhook.yaml", text); }

  const testing::TemporaryDirectory directory_;
  const std::string file_ = directory_.PathOf("webhook.yaml");
};

TEST_F(WebhookConfigFileTest, IsRead) {
  Write(kLeast);
  const auto config = LoadConfig(file_);
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_EQ(config->listen.port, 8443);
}

TEST_F(WebhookConfigFileTest, ErrorsNameTheFile) {
  Write(kLeast + "thread: 2\n");
  EXPECT_THAT(LoadConfig(file_).status().message(), StartsWith(file_ + ":\nthread: "));
  Write(std::string(2 << 20, '#'));
  EXPECT_EQ(LoadConfig(file_).status().message(), "cannot read " + file_ + ": larger than 1 MiB");
  EXPECT_EQ(LoadConfig(file_ + ".absent").status().message(),
            "cannot read " + file_ + ".absent: No such file or directory");
  EXPECT_EQ(LoadConfig(::testing::TempDir()).status().message(),
            "cannot read " + ::testing::TempDir() + ": not a regular file");
}

}  // namespace
}  // namespace stockade::webhook
