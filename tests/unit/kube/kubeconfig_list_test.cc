// Several kubeconfigs merged into one, where they come from, and their exec plugins.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "kube/connection_config.h"
#include "kube/exec_plugin.h"
#include "tests/fakes/temporary_directory.h"
#include "tests/fakes/test_authority.h"
#include "tests/unit/kube/exec_fixture.h"

namespace stockade::kube {
namespace {

// Sets an environment variable, or takes it away, for as long as it lives.
class ScopedVariable {
 public:
  ScopedVariable(const char* name, const std::optional<std::string>& value) : name_(name) {
    if (const char* const old = std::getenv(name)) old_ = old;
    Set(value);
  }
  ~ScopedVariable() { Set(old_); }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  void Set(const std::optional<std::string>& value) const {
    value ? ::setenv(name_, value->c_str(), 1) : ::unsetenv(name_);
  }

  const char* const name_;
  std::optional<std::string> old_;
};

class KubeconfigListTest : public ::testing::Test {
 protected:
  // A file in a directory of its own below the test's. Returns its path.
  [[nodiscard]] std::string Write(const std::string& directory, const std::string& text) const {
    std::filesystem::create_directories(directory_.PathOf(directory));
    return directory_.Write(directory + "/config", text);
  }

  static Result<ConnectionConfig> LoadList(const std::string& list,
                                           const std::string& context = {}) {
    const ScopedVariable variable("KUBECONFIG", list);
    return LoadConnectionConfig("", context);
  }

  const testing::TemporaryDirectory directory_;
};

const char* const kContexts = R"(
contexts:
  - {name: one, context: {cluster: k, user: u, namespace: first}}
clusters:
  - {name: k, cluster: {server: https://first.example}}
)";
const char* const kUsers = R"(
current-context: two
contexts:
  - {name: one, context: {cluster: k, user: u, namespace: second}}
  - {name: two, context: {cluster: k, user: u}}
clusters:
  - {name: k, cluster: {server: https://second.example, tls-server-name: second}}
users:
  - {name: u, user: {tokenFile: token}}
)";

TEST_F(KubeconfigListTest, TheFirstFileThatHasAnEntryCountsAndItsPathsAreRelativeToIt) {
  const std::string list = Write("a", kContexts) + ":" + Write("b", kUsers);
  const auto current = LoadList(list);
  ASSERT_TRUE(current.ok()) << current.status().ToString();
  EXPECT_EQ(current->default_namespace, "default") << "context two, which the second file sets";
  EXPECT_EQ(current->host, "first.example");
  EXPECT_EQ(current->tls_server_name, "") << "entries of one name are not mixed";
  EXPECT_EQ(current->token_file, directory_.PathOf("b/token"));
  const auto chosen = LoadList(list, "one");
  ASSERT_TRUE(chosen.ok()) << chosen.status().ToString();
  EXPECT_EQ(chosen->default_namespace, "first");
  const auto reversed = LoadList(Write("b", kUsers) + ":" + Write("a", kContexts), "one");
  ASSERT_TRUE(reversed.ok()) << reversed.status().ToString();
  EXPECT_EQ(reversed->default_namespace, "second");
  EXPECT_EQ(reversed->host, "second.example");
}

TEST_F(KubeconfigListTest, TheFirstCurrentContextCounts) {
  const std::string first = Write("a", "current-context: one" + std::string(kContexts));
  const auto config = LoadList(first + ":" + Write("b", kUsers));
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_EQ(config->default_namespace, "first");
}

TEST_F(KubeconfigListTest, LeavesOutFilesThatAreMissingOrEmpty) {
  const std::string missing = directory_.PathOf("missing");
  const auto config = LoadList(":" + missing + ":" + Write("empty", "\n") + ":" +
                               Write("a", kContexts) + ":" + Write("b", kUsers) + ":");
  EXPECT_TRUE(config.ok()) << config.status().ToString();
  const Status none = LoadList(missing + ":" + missing).status();
  EXPECT_EQ(none.code(), StatusCode::kBadRequest);
  EXPECT_EQ(none.message(), "KUBECONFIG: none of its files is there: " + missing + ":" + missing);
}

TEST_F(KubeconfigListTest, NamesTheFileThatCannotBeRead) {
  const std::string broken = Write("broken", "a: [");
  const Status status = LoadList(Write("a", kContexts) + ":" + broken).status();
  EXPECT_EQ(status.code(), StatusCode::kBadRequest);
  EXPECT_TRUE(status.message().starts_with("kubeconfig " + broken + ": ")) << status.message();
  const std::string directory = directory_.path();
  EXPECT_NE(LoadList(directory).status().message().find("not a regular file"), std::string::npos);
}

TEST_F(KubeconfigListTest, AFileThatIsAskedForWinsOverTheEnvironment) {
  const ScopedVariable variable("KUBECONFIG", Write("b", kUsers));
  const std::string text = "current-context: one" + std::string(kContexts) +
                           "users: [{name: u, user: {token: t0ken}}]\n";
  const auto config = LoadConnectionConfig(Write("a", text), "");
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_EQ(config->host, "first.example");
  // And is one file, whatever its name.
  const Status status = LoadConnectionConfig(directory_.PathOf("a:b"), "").status();
  EXPECT_NE(status.message().find("a:b: No such file"), std::string::npos) << status.message();
}

TEST_F(KubeconfigListTest, WithoutAKubeconfigThereIsNoContextToChoose) {
  const ScopedVariable variable("KUBECONFIG", std::nullopt);
  const ScopedVariable host("KUBERNETES_SERVICE_HOST", std::nullopt);
  EXPECT_EQ(LoadConnectionConfig("", "x").status().message(),
            "context x: there is no kubeconfig to choose it from");
  EXPECT_TRUE(
      LoadConnectionConfig("", "").status().message().starts_with("in-cluster configuration: "));
}

class KubeconfigExecTest : public KubeconfigListTest {
 protected:
  static std::string Kubeconfig(const std::string& exec, const std::string& other = {}) {
    return "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
           "clusters: [{name: k, cluster: {server: 'https://api.example'}}]\n"
           "users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, "
           "interactiveMode: Never, " +
           exec + "}" + other + "}}]\n";
  }
  // A script beside the kubeconfig of directory "a" that runs there.
  void WritePlugin(const std::string& script) const {
    std::filesystem::create_directories(directory_.PathOf("a"));
    const std::string path = directory_.Write(
        "a/plugin", "#!/bin/sh\ncd " + directory_.PathOf("a") + " || exit 1\n" + script);
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  }
};

TEST_F(KubeconfigExecTest, ReadingRunsNothingAndLoadingRunsItOnce) {
  WritePlugin("echo x >>runs; printf '%s' '" + FakePlugin::Answer({{"token", "t0ken"}}) + "'");
  const std::string text = Kubeconfig("command: ./plugin");
  const auto parsed = ParseKubeconfig(text, directory_.PathOf("a"), "");
  ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
  EXPECT_NE(parsed->exec_plugin, nullptr);
  EXPECT_FALSE(std::filesystem::exists(directory_.PathOf("a/runs")));
  const auto loaded = LoadConnectionConfig(Write("a", text), "");
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  EXPECT_EQ((*loaded->exec_plugin->Current())->token, "t0ken");
  EXPECT_EQ(std::filesystem::file_size(directory_.PathOf("a/runs")), 2U);
}

TEST_F(KubeconfigExecTest, LoadingFailsWithThePlugin) {
  WritePlugin("exit 7");
  const std::string path = Write("a", Kubeconfig("command: ./plugin"));
  const Status status = LoadConnectionConfig(path, "").status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_TRUE(status.message().starts_with("kubeconfig " + path +
                                           ": users[u].user.exec: the command \"" +
                                           directory_.PathOf("a/plugin") + "\" failed"))
      << status.message();
}

TEST_F(KubeconfigExecTest, ThePluginIsToldItsClusterWhenItWants) {
  WritePlugin("printf '%s' \"$KUBERNETES_EXEC_INFO\" >info; printf '%s' '" +
              FakePlugin::Answer({{"token", "t0ken"}}) + "'");
  const auto told = [&](const std::string& exec) {
    const auto config = LoadConnectionConfig(Write("a", Kubeconfig(exec)), "");
    EXPECT_TRUE(config.ok()) << config.status().ToString();
    std::ifstream stream(directory_.PathOf("a/info"));
    return codec::Json::parse(stream, nullptr, false)["spec"];
  };
  EXPECT_EQ(told("command: ./plugin"), (codec::Json{{"interactive", false}}));
  EXPECT_EQ(
      told("command: ./plugin, provideClusterInfo: true"),
      (codec::Json{{"interactive", false}, {"cluster", {{"server", "https://api.example"}}}}));
}

TEST_F(KubeconfigExecTest, StandsBesideNoOtherCredential) {
  for (const char* member : {"token", "tokenFile", "client-certificate-data", "client-key"}) {
    const std::string text = Kubeconfig("command: ./plugin", ", " + std::string(member) + ": x");
    const Status status = ParseKubeconfig(text, directory_.path(), "").status();
    EXPECT_EQ(status.code(), StatusCode::kBadRequest) << member;
    EXPECT_TRUE(status.message().starts_with("users[u].user.")) << status.message();
  }
  const Status status =
      ParseKubeconfig(Kubeconfig("command: ./plugin", ", token: x"), "/", "").status();
  EXPECT_EQ(status.message(), "users[u].user.token: stands beside exec: one of the two has to go");
}

}  // namespace
}  // namespace stockade::kube
