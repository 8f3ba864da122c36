#include "kube/exec_credential.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "codec/yaml.h"
#include "tests/fakes/test_authority.h"
#include "tests/unit/kube/exec_fixture.h"

namespace stockade::kube {
namespace {

using codec::Json;

constexpr const char* kV1 = "client.authentication.k8s.io/v1";

codec::JsonDocument Yaml(const std::string& text) {
  auto document = codec::ParseYaml(text);
  EXPECT_TRUE(document.ok()) << text;
  return *std::move(document);
}

Result<ExecPluginConfig> Read(const std::string& members, const std::string& directory = "/etc") {
  const codec::JsonDocument document = Yaml("{" + members + "}");
  return ReadExecPlugin(document.root(), "users[u].user.exec", directory);
}

const std::string kMode = "interactiveMode: Never, ";
const std::string kVersion = "apiVersion: client.authentication.k8s.io/v1, ";
const std::string kGood = kVersion + kMode + "command: tool";

TEST(ReadExecPluginTest, ReadsEveryMember) {
  const auto plugin = Read(kGood +
                           ", args: [get, 'a b', ''], env: [{name: A, value: '1'}, {name: B}], "
                           "installHint: get it, provideClusterInfo: true");
  ASSERT_TRUE(plugin.ok()) << plugin.status().ToString();
  EXPECT_EQ(plugin->where, "users[u].user.exec");
  EXPECT_EQ(plugin->api_version, kV1);
  EXPECT_EQ(plugin->command, "tool");
  EXPECT_EQ(plugin->arguments, (std::vector<std::string>{"get", "a b", ""}));
  EXPECT_EQ(plugin->environment,
            (std::vector<std::pair<std::string, std::string>>{{"A", "1"}, {"B", ""}}));
  EXPECT_EQ(plugin->install_hint, "get it");
  EXPECT_TRUE(plugin->provide_cluster_info);
}

TEST(ReadExecPluginTest, TakesBothVersionsAndEveryModeWithoutATerminal) {
  EXPECT_TRUE(Read(kVersion + "interactiveMode: IfAvailable, command: tool").ok());
  const std::string beta = "apiVersion: client.authentication.k8s.io/v1beta1, command: tool";
  EXPECT_TRUE(Read(beta).ok()) << "v1beta1 has a default";
  EXPECT_TRUE(Read(beta + ", interactiveMode: Never, args: null, env: null").ok());
}

TEST(ReadExecPluginTest, ARelativePathIsRelativeToTheKubeconfig) {
  const struct {
    const char* command;
    const char* directory;
    const char* expected;
  } cases[] = {
      {"tool", "/etc", "tool"},
      {"./tool", "/etc", "/etc/tool"},
      {"bin/tool", "/etc", "/etc/bin/tool"},
      {"../tool", "/etc/kube", "/etc/tool"},
      {"/bin/tool", "/etc", "/bin/tool"},
      {"./tool", "", "./tool"},
      {"bin/tool", "", "bin/tool"},
      {"./tool", "etc", "etc/tool"},
  };
  for (const auto& c : cases) {
    const auto plugin =
        Read(kVersion + kMode + "command: '" + std::string(c.command) + "'", c.directory);
    ASSERT_TRUE(plugin.ok()) << plugin.status().ToString();
    EXPECT_EQ(plugin->command, c.expected) << c.command << " in " << c.directory;
  }
}

TEST(ReadExecPluginTest, NamesEachMemberThatItRefuses) {
  const struct {
    std::string members;
    const char* member;
    const char* why;
  } cases[] = {
      {kMode + "command: tool", "apiVersion", "not supported"},
      {"apiVersion: client.authentication.k8s.io/v1alpha1, command: tool", "apiVersion",
       "use client.authentication.k8s.io/v1"},
      {kVersion + "command: tool", "interactiveMode", "Never or IfAvailable"},
      {kVersion + "command: tool, interactiveMode: never", "interactiveMode", "Never"},
      {kVersion + "command: tool, interactiveMode: Always", "interactiveMode", "terminal"},
      {kVersion + kMode, "command", "is not set"},
      {kVersion + kMode + "command: 1", "command", "must be a string"},
      {kVersion + kMode + R"(command: "a\0b")", "command", "must be a string"},
      {kGood + ", args: tool", "args", "list of strings"},
      {kGood + ", args: [a, 1]", "args[1]", "must be a string"},
      {kGood + ", args: [null]", "args[0]", "must be a string"},
      {kGood + R"(, args: ["a\0b"])", "args[0]", "must be a string"},
      {kGood + ", env: {A: '1'}", "env", "must be a list"},
      {kGood + ", env: [{value: '1'}]", "env[0].name", "environment variable"},
      {kGood + ", env: [{name: A=B}]", "env[0].name", "environment variable"},
      {kGood + ", env: [{name: A, value: 1}]", "env[0].value", "must be a string"},
      {kGood + ", installHint: []", "installHint", "must be a string"},
      {kGood + ", provideClusterInfo: 'yes'", "provideClusterInfo", "true or false"},
  };
  for (const auto& c : cases) {
    const Status status = Read(c.members).status();
    EXPECT_EQ(status.code(), StatusCode::kBadRequest) << c.members;
    EXPECT_TRUE(status.message().starts_with("users[u].user.exec." + std::string(c.member) + ": "))
        << status.message();
    EXPECT_NE(status.message().find(c.why), std::string::npos) << status.message();
  }
  EXPECT_EQ(ReadExecPlugin(Yaml("tool").root(), "w", "").status().message(),
            "w: must be an object");
}

TEST(ExecInfoTest, TellsThatNobodyCanBeAsked) {
  ExecPluginConfig plugin;
  plugin.api_version = kV1;
  EXPECT_EQ(
      Json::parse(ExecInfo(plugin)),
      (Json{{"apiVersion", kV1}, {"kind", "ExecCredential"}, {"spec", {{"interactive", false}}}}));
}

TEST(ExecInfoTest, TellsTheCluster) {
  const codec::JsonDocument cluster = Yaml(R"(
server: https://api.example:6443
tls-server-name: kubernetes
certificate-authority: ca.crt
extensions:
  - {name: other, extension: {a: 1}}
  - {name: client.authentication.k8s.io/exec, extension: {audience: "x\u20ac"}}
)");
  ExecPluginConfig plugin;
  plugin.api_version = kV1;
  plugin.cluster_json = ExecClusterInfo(cluster.root(), "PEM\n");
  EXPECT_EQ(Json::parse(ExecInfo(plugin))["spec"],
            (Json{{"interactive", false},
                  {"cluster",
                   {{"server", "https://api.example:6443"},
                    {"tls-server-name", "kubernetes"},
                    {"certificate-authority-data", "UEVNCg=="},
                    {"config", {{"audience", "x\u20ac"}}}}}}));
  EXPECT_EQ(Json::parse(ExecClusterInfo(Yaml("{server: s}").root(), "")), (Json{{"server", "s"}}));
}

class ParseExecCredentialTest : public ::testing::Test {
 protected:
  static std::string Refusal(const std::string& output) {
    const auto credential = ParseExecCredential(output, kV1);
    EXPECT_EQ(credential.status().code(), StatusCode::kBadRequest) << output;
    return credential.status().message();
  }
  static std::string RefusalOfStatus(const Json& status) {
    return Refusal(FakePlugin::Answer(status));
  }

  const testing::TestAuthority authority_;
  const testing::TestIdentity client_ = authority_.Issue({.common_name = "admin"});
};

TEST_F(ParseExecCredentialTest, ReadsATokenAndItsEnd) {
  const auto credential = ParseExecCredential(
      FakePlugin::Answer({{"token", "t0ken"}, {"expirationTimestamp", "2026-11-24T04:15:20Z"}}) +
          "\n",
      kV1);
  ASSERT_TRUE(credential.ok()) << credential.status().ToString();
  EXPECT_EQ(credential->token, "t0ken");
  EXPECT_EQ(credential->client_key_pem, "");
  ASSERT_TRUE(credential->expires.has_value());
  EXPECT_EQ(FormatTime(*credential->expires), "2026-11-24T04:15:20Z");
}

TEST_F(ParseExecCredentialTest, ReadsAClientCertificateWithoutAnEnd) {
  const auto credential =
      ParseExecCredential(FakePlugin::Answer(FakePlugin::Certificate(client_)), kV1);
  ASSERT_TRUE(credential.ok()) << credential.status().ToString();
  EXPECT_EQ(credential->token, "");
  EXPECT_EQ(credential->client_certificate_pem, client_.certificate);
  EXPECT_EQ(credential->client_key_pem, client_.key);
  EXPECT_FALSE(credential->expires.has_value());
}

TEST_F(ParseExecCredentialTest, RefusesWhatIsNoCredential) {
  EXPECT_EQ(Refusal(""), "printed no JSON");
  EXPECT_EQ(Refusal("token: t0ken"), "printed no JSON");
  EXPECT_EQ(Refusal("{}"), "printed no ExecCredential");
  EXPECT_EQ(Refusal("[1]"), "printed no ExecCredential");
  EXPECT_NE(Refusal(R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1",
                        "status":{"token":"a"}})")
                .find("another apiVersion"),
            std::string::npos);
  EXPECT_NE(RefusalOfStatus(nullptr).find("without a status"), std::string::npos);
  EXPECT_NE(RefusalOfStatus({{"token", 1}}).find("status.token"), std::string::npos);
  EXPECT_NE(RefusalOfStatus(Json::object()).find("neither a token nor"), std::string::npos);
  EXPECT_NE(RefusalOfStatus({{"token", "a\nb"}}).find("control characters"), std::string::npos);
  EXPECT_NE(RefusalOfStatus({{"token", "a"}, {"expirationTimestamp", "soon"}}).find("no time"),
            std::string::npos);
}

TEST_F(ParseExecCredentialTest, RefusesACertificateThatCannotBeUsed) {
  EXPECT_NE(RefusalOfStatus({{"clientKeyData", client_.key}}).find("without its key"),
            std::string::npos);
  Json other = FakePlugin::Certificate(client_);
  other["clientKeyData"] = authority_.Issue({}).key;
  EXPECT_NE(RefusalOfStatus(other).find("do not belong together"), std::string::npos);
  other["clientCertificateData"] = "PEM";
  EXPECT_NE(RefusalOfStatus(other).find("no PEM certificate"), std::string::npos);
}

TEST_F(ParseExecCredentialTest, NeverRepeatsASecret) {
  for (const std::string& message :
       {Refusal("secret"), RefusalOfStatus({{"token", "secret secret"}}),
        RefusalOfStatus({{"clientKeyData", "secret"}, {"clientCertificateData", "secret"}}),
        RefusalOfStatus({{"token", "secret"}, {"expirationTimestamp", "secret"}})}) {
    EXPECT_EQ(message.find("secret"), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace stockade::kube
