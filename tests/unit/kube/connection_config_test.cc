#include "kube/connection_config.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "tests/fakes/temporary_directory.h"
#include "tests/fakes/test_authority.h"

namespace stockade::kube {
namespace {

using stockade::testing::TemporaryDirectory;

using testing::TestAuthority;
using testing::TestIdentity;

// A kubeconfig of one context from what its cluster and user hold, in YAML's flow style.
std::string Kubeconfig(const std::string& cluster, const std::string& user = {}) {
  return "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
         "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
         "clusters: [{name: k, cluster: {" +
         cluster + "}}]\nusers: [{name: u, user: {" + user + "}}]\n";
}

const char* const kServer = "server: 'https://api.example:6443'";

class KubeconfigTest : public ::testing::Test {
 protected:
  [[nodiscard]] Result<ConnectionConfig> Parse(const std::string& text,
                                               const std::string& context = {}) const {
    return ParseKubeconfig(text, directory_.path(), context);
  }

  // The message with which `text` is refused.
  [[nodiscard]] std::string Refusal(const std::string& text,
                                    const std::string& context = {}) const {
    const auto config = Parse(text, context);
    EXPECT_FALSE(config.ok()) << text;
    EXPECT_EQ(config.status().code(), StatusCode::kBadRequest);
    return config.status().message();
  }

  const TemporaryDirectory directory_;
  const TestAuthority authority_;
  const TestIdentity client_ = authority_.Issue({.common_name = "admin"});
};

TEST_F(KubeconfigTest, ReadsDataInTheFileItself) {
  const auto config =
      Parse(Kubeconfig(std::string(kServer) + ", certificate-authority-data: " +
                           EncodeBase64(authority_.certificate()) + ", tls-server-name: kubernetes",
                       "client-certificate-data: " + EncodeBase64(client_.certificate) +
                           ", client-key-data: " + EncodeBase64(client_.key) + ", token: t0ken"));
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_EQ(config->host, "api.example");
  EXPECT_EQ(config->port, 6443);
  EXPECT_TRUE(config->tls);
  EXPECT_EQ(config->path_prefix, "");
  EXPECT_EQ(config->tls_server_name, "kubernetes");
  EXPECT_EQ(config->ca_pem, authority_.certificate());
  EXPECT_EQ(config->client_certificate_pem, client_.certificate);
  EXPECT_EQ(config->client_key_pem, client_.key);
  EXPECT_EQ(config->token, "t0ken");
  EXPECT_EQ(config->token_file, "");
  EXPECT_EQ(config->default_namespace, "default");
  EXPECT_TRUE(config->user_agent.starts_with("stockade/")) << config->user_agent;
}

TEST_F(KubeconfigTest, ReadsFilesRelativeToItsDirectory) {
  directory_.Write("ca.crt", authority_.certificate());
  directory_.Write("client.crt", client_.certificate);
  const std::string key = directory_.Write("client.key", client_.key);
  const auto config = Parse(Kubeconfig(
      std::string(kServer) + ", certificate-authority: ca.crt",
      "client-certificate: ./client.crt, client-key: " + key + ", tokenFile: tokens/../token"));
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_EQ(config->ca_pem, authority_.certificate());
  EXPECT_EQ(config->client_certificate_pem, client_.certificate);
  EXPECT_EQ(config->client_key_pem, client_.key) << "an absolute path stays";
  EXPECT_EQ(config->ca_file, directory_.path() + "/ca.crt") << "they are read again under way";
  EXPECT_EQ(config->client_certificate_file, directory_.path() + "/client.crt");
  EXPECT_EQ(config->client_key_file, key);
  EXPECT_EQ(config->token_file, directory_.path() + "/token") << "read later, so not now";
}

TEST_F(KubeconfigTest, DataWinsOverAFile) {
  directory_.Write("ca.crt", TestAuthority().certificate());
  const auto config = Parse(Kubeconfig(std::string(kServer) +
                                       ", certificate-authority: ca.crt, "
                                       "certificate-authority-data: " +
                                       EncodeBase64(authority_.certificate())));
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_EQ(config->ca_pem, authority_.certificate());
  EXPECT_EQ(config->ca_file, "");
}

TEST_F(KubeconfigTest, ReadsJson) {
  const auto config =
      Parse(R"({"current-context":"c","contexts":[{"name":"c","context":{"cluster":"k"}}],)"
            R"("clusters":[{"name":"k","cluster":{"server":"https://10.0.0.1"}}]})");
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_EQ(config->host, "10.0.0.1");
}

TEST_F(KubeconfigTest, ChoosesTheContext) {
  const std::string text = R"(
current-context: one
contexts:
  - {name: one, context: {cluster: first}}
  - {name: two, context: {cluster: second, namespace: team}}
  - {name: two, context: {cluster: first, namespace: later}}
clusters:
  - {name: first, cluster: {server: https://first.example}}
  - {name: second, cluster: {server: https://second.example}}
)";
  const auto current = Parse(text);
  ASSERT_TRUE(current.ok()) << current.status().ToString();
  EXPECT_EQ(current->host, "first.example");
  EXPECT_EQ(current->default_namespace, "default");
  const auto chosen = Parse(text, "two");
  ASSERT_TRUE(chosen.ok()) << chosen.status().ToString();
  EXPECT_EQ(chosen->host, "second.example");
  EXPECT_EQ(chosen->default_namespace, "team") << "the first entry of a name counts";
  EXPECT_EQ(Refusal(text, "three"), "contexts[three]: no such entry");
}

TEST_F(KubeconfigTest, ReadsEveryFormOfAServer) {
  const struct {
    const char* server;
    const char* host;
    std::uint16_t port;
    bool tls;
    const char* prefix;
  } cases[] = {
      {"https://api.example", "api.example", 443, true, ""},
      {"https://API.Example/", "api.example", 443, true, ""},
      {"https://api.example:1", "api.example", 1, true, ""},
      {"https://10.96.0.1:65535", "10.96.0.1", 65535, true, ""},
      {"https://[fd00::1]:6443", "fd00::1", 6443, true, ""},
      {"https://[::1]", "::1", 443, true, ""},
      {"https://api.example/k8s/clusters/a//", "api.example", 443, true, "/k8s/clusters/a"},
      {"http://127.0.0.1:8001", "127.0.0.1", 8001, false, ""},
      {"http://localhost", "localhost", 80, false, ""},
      {"http://[::1]:8001", "::1", 8001, false, ""},
  };
  for (const auto& c : cases) {
    const auto config = Parse(Kubeconfig("server: '" + std::string(c.server) + "'"));
    ASSERT_TRUE(config.ok()) << c.server << ": " << config.status().ToString();
    EXPECT_EQ(config->host, c.host) << c.server;
    EXPECT_EQ(config->port, c.port) << c.server;
    EXPECT_EQ(config->tls, c.tls) << c.server;
    EXPECT_EQ(config->path_prefix, c.prefix) << c.server;
  }
}

TEST_F(KubeconfigTest, RefusesEveryOtherServer) {
  const struct {
    const char* server;
    const char* why;
  } cases[] = {
      {"", "must begin with https://"},
      {"api.example", "must begin with https://"},
      {"ftp://api.example", "must begin with https://"},
      {"https://", "names no host"},
      {"https://:6443", "names no host"},
      {"https://a_b.example", "names no valid host"},
      {"https://api.example:", "port"},
      {"https://api.example:0", "port"},
      {"https://api.example:65536", "port"},
      {"https://api.example:x", "port"},
      {"https://api.example:443x", "port"},
      {"https://[fd00::1", "no ]"},
      {"https://[api.example]", "no IPv6 address"},
      {"https://[10.0.0.1]", "no IPv6 address"},
      {"https://[::1]443", "must have a :"},
      {"https://user@api.example", "user information"},
      {"https://api.example/?a", "query"},
      {"https://api.example/#a", "fragment"},
      {"https://api example", "spaces"},
      {"http://api.example", "for this machine only"},
      {"http://10.0.0.1", "for this machine only"},
      {"http://127.example", "for this machine only"},
  };
  for (const auto& c : cases) {
    const std::string message = Refusal(Kubeconfig("server: '" + std::string(c.server) + "'"));
    EXPECT_TRUE(message.starts_with("clusters[k].cluster.server: ")) << message;
    EXPECT_NE(message.find(c.why), std::string::npos) << message;
  }
  const std::string newline = Refusal(Kubeconfig("server: \"https://a\\r\\nX: y\""));
  EXPECT_TRUE(newline.starts_with("clusters[k].cluster.server: ")) << newline;
}

TEST_F(KubeconfigTest, NamesEachFieldThatItRefuses) {
  const struct {
    const char* field;  // of the cluster or of the user
    bool in_user;
    const char* member;
    const char* why;
  } cases[] = {
      {"insecure-skip-tls-verify", false, "insecure-skip-tls-verify: true", "is refused"},
      {"proxy-url", false, "proxy-url: 'http://proxy.example'", "not supported"},
      {"tls-server-name", false, "tls-server-name: 1", "must be a string"},
      {"certificate-authority-data", false, "certificate-authority-data: '%%%'", "base64"},
      {"certificate-authority-data", false, "certificate-authority-data: QQ", "base64"},
      {"certificate-authority-data", false, "certificate-authority-data: 'QQ==QQ=='", "base64"},
      {"certificate-authority-data", false, "certificate-authority-data: A", "base64"},
      {"certificate-authority-data", false, "certificate-authority-data: \"\\n\"", "is empty"},
      {"certificate-authority", false, "certificate-authority: missing.crt", "missing.crt"},
      {"certificate-authority", false, "certificate-authority: empty.crt", "is empty"},
      {"exec", true, "exec: tool", "must be an object"},
      {"exec.apiVersion", true, "exec: {command: tool}", "not supported"},
      {"auth-provider", true, "auth-provider: {name: gcp}", "not supported"},
      {"username", true, "username: admin", "basic authentication"},
      {"password", true, "password: secret", "basic authentication"},
      {"as", true, "as: root", "impersonation"},
      {"as-uid", true, "as-uid: '0'", "impersonation"},
      {"as-groups", true, "as-groups: [system:masters]", "impersonation"},
      {"as-user-extra", true, "as-user-extra: {scopes: [a]}", "impersonation"},
      {"token", true, "token: 12", "must be a string"},
      {"token", true, "token: 'a b'", "spaces"},
      {"token", true, "token: \"a\\nb\"", "control characters"},
      {"tokenFile", true, "tokenFile: []", "must be a string"},
      {"client-certificate", true, "client-certificate: missing.crt", "missing.crt"},
      {"client-key", true, "client-key: missing.key", "missing.key"},
      {"client-key", true, "client-key: empty.crt", "is empty"},
  };
  directory_.Write("empty.crt", "");
  for (const auto& c : cases) {
    const std::string where = c.in_user ? "users[u].user." : "clusters[k].cluster.";
    const std::string message =
        Refusal(c.in_user ? Kubeconfig(kServer, c.member)
                          : Kubeconfig(std::string(kServer) + ", " + c.member));
    EXPECT_TRUE(message.starts_with(where + c.field + ": ")) << message;
    EXPECT_NE(message.find(c.why), std::string::npos) << message;
  }
}

TEST_F(KubeconfigTest, AcceptsRefusedFieldsThatAreNotSet) {
  const auto config =
      Parse(Kubeconfig(std::string(kServer) + ", insecure-skip-tls-verify: false, proxy-url: ''",
                       "exec: null, auth-provider: null, username: '', as-groups: [], "
                       "as-user-extra: {}"));
  EXPECT_TRUE(config.ok()) << config.status().ToString();
}

TEST_F(KubeconfigTest, AClientCertificateAndItsKeyComeTogether) {
  EXPECT_TRUE(Refusal(Kubeconfig(kServer, "client-certificate-data: " + EncodeBase64("x")))
                  .starts_with("users[u].user.client-key: is missing"));
  EXPECT_TRUE(Refusal(Kubeconfig(kServer, "client-key-data: " + EncodeBase64("x")))
                  .starts_with("users[u].user.client-certificate: is missing"));
}

TEST_F(KubeconfigTest, ChecksThatCertificatesCanBeUsed) {
  const std::string message = Refusal(
      Kubeconfig(std::string(kServer) + ", certificate-authority-data: " + EncodeBase64("x")));
  EXPECT_EQ(message, "context c: certificate authority holds no PEM certificate");
}

TEST_F(KubeconfigTest, SaysWhichPartIsMissing) {
  const struct {
    const char* text;
    const char* message;
  } cases[] = {
      {"[]", "kubeconfig: must be an object"},
      {"{}", "current-context: is not set, and no context was asked for"},
      {"current-context: c", "contexts[c]: no such entry"},
      {"{current-context: c, contexts: [{name: c}]}", "contexts[c]: no such entry"},
      {"{current-context: c, contexts: [{name: c, context: x}]}",
       "contexts[c].context: must be an object"},
      {"{current-context: c, contexts: [{name: c, context: {cluster: 1}}]}",
       "contexts[c].context.cluster: must be a string"},
      {"{current-context: c, contexts: [{name: c, context: {cluster: k}}]}",
       "clusters[k]: no such entry"},
      {"{current-context: c, contexts: [{name: c, context: {cluster: k, user: u}}], "
       "clusters: [{name: k, cluster: {server: 'https://a.example'}}]}",
       "users[u]: no such entry"},
  };
  for (const auto& c : cases) EXPECT_EQ(Refusal(c.text), c.message);
  EXPECT_FALSE(Parse("a: [").ok());
  EXPECT_FALSE(Parse("").ok());
}

TEST_F(KubeconfigTest, LoadsAFileAndNamesItInErrors) {
  directory_.Write("ca.crt", authority_.certificate());
  const std::string path = directory_.Write(
      "config", Kubeconfig(std::string(kServer) + ", certificate-authority: ca.crt"));
  const auto config = LoadConnectionConfig(path, "");
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_EQ(config->ca_pem, authority_.certificate());

  const Status wrong_context = LoadConnectionConfig(path, "x").status();
  EXPECT_EQ(wrong_context.message(), "kubeconfig " + path + ": contexts[x]: no such entry");
  const Status missing = LoadConnectionConfig(path + ".missing", "").status();
  EXPECT_EQ(missing.code(), StatusCode::kBadRequest);
  EXPECT_NE(missing.message().find(path + ".missing"), std::string::npos) << missing.message();
}

class InClusterConfigTest : public KubeconfigTest {
 protected:
  InClusterConfigTest() {
    directory_.Write("ca.crt", authority_.certificate());
    directory_.Write("token", "t0ken\n");
    directory_.Write("namespace", "agents\n");
  }

  [[nodiscard]] Result<ConnectionConfig> Load(const std::string& host,
                                              const std::string& port) const {
    return InClusterConfig(host, port, directory_.path());
  }
  [[nodiscard]] std::string Refusal(const std::string& host, const std::string& port) const {
    const Status status = Load(host, port).status();
    EXPECT_EQ(status.code(), StatusCode::kBadRequest);
    EXPECT_TRUE(status.message().starts_with("in-cluster configuration: ")) << status.message();
    return status.message();
  }
};

TEST_F(InClusterConfigTest, ReadsTheServiceAccount) {
  const auto config = Load("10.96.0.1", "443");
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_EQ(config->host, "10.96.0.1");
  EXPECT_EQ(config->port, 443);
  EXPECT_TRUE(config->tls);
  EXPECT_EQ(config->ca_pem, authority_.certificate());
  EXPECT_EQ(config->token, "");
  EXPECT_EQ(config->ca_file, directory_.path() + "/ca.crt") << "rotated too";
  EXPECT_EQ(config->token_file, directory_.path() + "/token") << "rotated, so never kept";
  EXPECT_EQ(config->default_namespace, "agents");
  EXPECT_TRUE(config->user_agent.starts_with("stockade/"));
}

TEST_F(InClusterConfigTest, TakesAnIPv6Address) {
  const auto config = Load("fd00::1", "6443");
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_EQ(config->host, "fd00::1");
  EXPECT_EQ(config->port, 6443);
}

TEST_F(InClusterConfigTest, IsRefusedOutsideAPod) {
  EXPECT_NE(Refusal("", "443").find("outside a cluster give a kubeconfig"), std::string::npos);
  EXPECT_NE(Refusal("10.96.0.1", "").find("outside a cluster"), std::string::npos);
}

TEST_F(InClusterConfigTest, RefusesAnAddressThatIsNone) {
  EXPECT_NE(Refusal("10.96.0.1/x@y", "443").find("10.96.0.1/x@y"), std::string::npos);
  EXPECT_NE(Refusal("10.96.0.1", "tcp").find("port"), std::string::npos);
}

TEST_F(InClusterConfigTest, NeedsItsAuthorityAndToken) {
  directory_.Remove("token");
  EXPECT_NE(Refusal("10.96.0.1", "443").find("/token"), std::string::npos);
  directory_.Write("token", "t0ken");
  directory_.Write("ca.crt", "");
  EXPECT_NE(Refusal("10.96.0.1", "443").find("certificate authority"), std::string::npos);
  directory_.Remove("ca.crt");
  EXPECT_NE(Refusal("10.96.0.1", "443").find("/ca.crt"), std::string::npos);
}

TEST_F(InClusterConfigTest, KeepsTheUsualNamespaceWithoutAProperOne) {
  for (const char* text : {"", "Not_A_Name", "a/b"}) {
    directory_.Write("namespace", text);
    const auto config = Load("10.96.0.1", "443");
    ASSERT_TRUE(config.ok());
    EXPECT_EQ(config->default_namespace, "default") << text;
  }
  directory_.Remove("namespace");
  ASSERT_TRUE(Load("10.96.0.1", "443").ok());
}

}  // namespace
}  // namespace stockade::kube
