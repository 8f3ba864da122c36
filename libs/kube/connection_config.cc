#include "kube/connection_config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/base64.h"
#include "base/files.h"
#include "base/strings.h"
#include "base/version.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "kube/exec_credential.h"
#include "kube/exec_plugin.h"
#include "kube/tls_context.h"

namespace stockade::kube {
namespace {

constexpr const char* kServiceAccountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount";

Status BadRequest(std::string_view where, std::string_view what) {
  return {StatusCode::kBadRequest, std::string(where) + ": " + std::string(what)};
}

std::string DefaultUserAgent() { return "stockade/" STOCKADE_VERSION " (linux/amd64)"; }

// A kubeconfig that was parsed.
struct Kubeconfig {
  codec::JsonDocument document;
  std::string directory;
};

// A cluster, user or context, and the directory that its paths are relative to.
struct NamedEntry {
  codec::JsonView value;
  const std::string& directory;
};

// The entry {name: ..., `kind`: {...}} of a list of named entries.
Result<NamedEntry> FindNamed(const std::vector<Kubeconfig>& kubeconfigs, std::string_view list,
                             std::string_view kind, std::string_view name) {
  const std::string where = std::string(list) + "[" + std::string(name) + "]";
  for (const Kubeconfig& kubeconfig : kubeconfigs) {
    codec::JsonView found;
    kubeconfig.document.root()[list].ForEachElement([&](std::size_t, codec::JsonView entry) {
      // The first of that name counts, as for kubectl.
      if (!found.exists() && entry["name"].AsString() == name) found = entry[kind];
    });
    if (!found.exists()) continue;
    if (!found.IsObject()) return BadRequest(where + "." + std::string(kind), "must be an object");
    return NamedEntry{found, kubeconfig.directory};
  }
  return BadRequest(where, "no such entry");
}

// Reads the members of one cluster, user or context. The first error stays.
class Entry {
 public:
  Entry(const NamedEntry& entry, std::string path)
      : value_(entry.value), path_(std::move(path)), directory_(entry.directory) {}

  [[nodiscard]] const Status& status() const { return status_; }
  [[nodiscard]] codec::JsonView value() const { return value_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::string& directory() const { return directory_; }

  // The string, or empty when unset.
  std::string String(std::string_view key) {
    const codec::JsonView value = value_[key];
    if (!value.IsUnset() && !value.IsString()) Error(key, "must be a string");
    return std::string(value.StringOrEmpty());
  }

  // A path made absolute by the kubeconfig's directory, or empty when unset.
  std::string Path(std::string_view key) {
    std::string path = String(key);
    if (path.empty()) return path;
    if (path.find('\0') != std::string::npos) Error(key, "must be a path");
    return (std::filesystem::path(directory_) / path).lexically_normal().string();
  }

  // PEM text from `key`-data in base64, which wins, or from the file named by `key`, whose path is
  // put in `file`.
  std::string Pem(std::string_view key, std::string& file) {
    const std::string data_key = std::string(key) + "-data";
    if (const std::string encoded = String(data_key); !encoded.empty()) {
      std::optional<std::string> decoded = DecodeBase64(encoded);
      if (!decoded) Error(data_key, "must be base64");
      if (decoded && decoded->empty()) Error(data_key, "is empty");
      return std::move(decoded).value_or("");
    }
    const std::string path = Path(key);
    if (path.empty() || !status_.ok()) return {};
    Result<std::string> text = ReadPemFile(path);
    if (!text.ok()) {
      Error(key, text.status().message());
      return {};
    }
    file = path;
    return std::move(*text);
  }

  // An error when the member is set to anything but an empty value.
  void Refuse(std::string_view key, std::string_view why) {
    const codec::JsonView value = value_[key];
    const bool harmless = value.IsUnset() || value.AsString() == "" || value.AsBool() == false ||
                          ((value.IsArray() || value.IsObject()) && value.empty());
    if (!harmless) Error(key, why);
  }

  void Error(std::string_view key, std::string_view what) {
    Fail(BadRequest(path_ + "." + std::string(key), what));
  }
  void Fail(const Status& status) {
    if (status_.ok()) status_ = status;
  }

 private:
  const codec::JsonView value_;
  const std::string path_;
  const std::string& directory_;
  Status status_;
};

bool IsLoopback(const std::string& host) {
  return host == "localhost" || host == "::1" || (IsIpAddress(host) && host.starts_with("127."));
}

// scheme://host[:port][/path] into the fields of `config`; the message says what is wrong.
std::optional<std::string> ParseServer(std::string_view server, ConnectionConfig& config) {
  if (!std::ranges::all_of(server, [](char c) { return c > 0x20 && c < 0x7f; })) {
    return "must not have spaces or control characters";
  }
  std::string_view rest = server;
  if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
    config.tls = false;
  } else {
    return "must begin with https://";
  }
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view authority = rest.substr(0, slash);
  std::string_view path = rest.substr(slash);
  while (path.ends_with('/')) path.remove_suffix(1);
  if (server.find_first_of("@?#") != std::string_view::npos) {
    return "must not have user information, a query or a fragment";
  }
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return "has no ] after its IPv6 address";
    config.host = authority.substr(1, close - 1);
    authority.remove_prefix(close + 1);
    if (!IsIpAddress(config.host) || config.host.find(':') == std::string::npos) {
      return "has no IPv6 address between its brackets";
    }
    if (!authority.empty() && !authority.starts_with(':')) return "must have a : before its port";
  } else {
    const std::size_t colon = std::min(authority.find(':'), authority.size());
    config.host = ToLower(authority.substr(0, colon));
    authority.remove_prefix(colon);
    if (config.host.empty()) return "names no host";
    if (!IsIpAddress(config.host) && !IsDnsSubdomain(config.host)) return "names no valid host";
  }
  config.port = config.tls ? 443 : 80;
  if (!authority.empty()) {
    authority.remove_prefix(1);
    const auto [end, error] =
        std::from_chars(authority.data(), authority.data() + authority.size(), config.port);
    const bool number = error == std::errc() && end == authority.data() + authority.size();
    if (!number || config.port == 0) return "has a port that is not from 1 to 65535";
  }
  if (!config.tls && !IsLoopback(config.host)) {
    return "must begin with https://; http:// is for this machine only";
  }
  config.path_prefix = path;
  return std::nullopt;
}

Status ReadCluster(Entry& cluster, ConnectionConfig& config) {
  const std::string server = cluster.String("server");
  if (const auto problem = ParseServer(server, config)) {
    cluster.Error("server", "\"" + Truncate(server, 200) + "\" " + *problem);
  }
  config.tls_server_name = cluster.String("tls-server-name");
  cluster.Refuse("insecure-skip-tls-verify",
                 "is refused: give the server's certificate authority instead");
  cluster.Refuse("proxy-url", "proxies are not supported");
  config.ca_pem = cluster.Pem("certificate-authority", config.ca_file);
  return cluster.status();
}

// Records the user's exec plugin; it is not run.
void ReadExec(Entry& user, const Entry& cluster, ConnectionConfig& config) {
  const codec::JsonView exec = user.value()["exec"];
  if (exec.IsUnset() || !user.status().ok()) return;
  for (const std::string_view key : {"token", "tokenFile", "client-certificate", "client-key",
                                     "client-certificate-data", "client-key-data"}) {
    user.Refuse(key, "stands beside exec: one of the two has to go");
  }
  Result<ExecPluginConfig> plugin = ReadExecPlugin(exec, user.path() + ".exec", user.directory());
  if (!plugin.ok()) return user.Fail(plugin.status());
  if (plugin->provide_cluster_info) {
    plugin->cluster_json = ExecClusterInfo(cluster.value(), config.ca_pem);
  }
  config.exec_plugin = std::make_shared<ExecPlugin>(std::move(*plugin));
}

Status ReadUser(Entry& user, const Entry& cluster, ConnectionConfig& config) {
  user.Refuse("auth-provider", "auth providers are not supported");
  user.Refuse("username", "basic authentication is not supported");
  user.Refuse("password", "basic authentication is not supported");
  for (const std::string_view key : {"as", "as-uid", "as-groups", "as-user-extra"}) {
    user.Refuse(key, "impersonation is not supported");
  }
  config.token = user.String("token");
  config.token_file = user.Path("tokenFile");
  config.client_certificate_pem = user.Pem("client-certificate", config.client_certificate_file);
  config.client_key_pem = user.Pem("client-key", config.client_key_file);
  if (config.client_certificate_pem.empty() != config.client_key_pem.empty()) {
    user.Error(config.client_key_pem.empty() ? "client-key" : "client-certificate",
               "is missing: a client certificate and its key come together");
  }
  if (!std::ranges::all_of(config.token, [](char c) { return c > 0x20 && c < 0x7f; })) {
    user.Error("token", "must not have spaces or control characters");
  }
  ReadExec(user, cluster, config);
  return user.status();
}

std::string Environment(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

Result<std::vector<KubeconfigText>> ReadKubeconfigFile(const std::string& path) {
  Result<std::string> text = ReadSmallFile(path);
  if (!text.ok()) return text.status().WithContext("kubeconfig");
  return std::vector<KubeconfigText>{
      {std::move(*text), std::filesystem::path(path).parent_path().string()}};
}

// The files of a list as KUBECONFIG has it. Those that are missing or have nothing in them are left
// out, as kubectl does.
Result<std::vector<KubeconfigText>> ReadKubeconfigList(const std::string& paths) {
  std::vector<KubeconfigText> kubeconfigs;
  for (const std::string_view part : Split(paths, ':')) {
    const std::string path(part);
    std::error_code error;
    if (path.empty() || (!std::filesystem::exists(path, error) && !error)) continue;
    auto read = ReadKubeconfigFile(path);
    if (!read.ok()) return read.status();
    if (TrimSpace(read->front().text).empty()) continue;
    if (const auto document = codec::ParseYaml(read->front().text); !document.ok()) {
      return document.status().WithContext("kubeconfig " + path);
    }
    kubeconfigs.push_back(std::move(read->front()));
  }
  if (kubeconfigs.empty()) {
    return BadRequest("KUBECONFIG", "none of its files is there: " + Truncate(paths, 500));
  }
  return kubeconfigs;
}

// Where the API server of a pod is, for messages.
std::string InClusterError(const std::string& what) { return "in-cluster configuration: " + what; }

}  // namespace

Result<ConnectionConfig> ParseKubeconfig(const std::string& text, const std::string& directory,
                                         const std::string& context) {
  const KubeconfigText kubeconfig{text, directory};
  return ParseKubeconfigs(std::span(&kubeconfig, 1), context);
}

Result<ConnectionConfig> ParseKubeconfigs(std::span<const KubeconfigText> kubeconfigs,
                                          const std::string& context) {
  std::vector<Kubeconfig> parsed;
  std::string context_name = context;
  for (const KubeconfigText& kubeconfig : kubeconfigs) {
    Result<codec::JsonDocument> document = codec::ParseYaml(kubeconfig.text);
    if (!document.ok()) return document.status();
    const codec::JsonView root = document->root();
    if (!root.IsObject()) return BadRequest("kubeconfig", "must be an object");
    if (context_name.empty()) context_name = root["current-context"].StringOrEmpty();
    parsed.push_back({std::move(*document), kubeconfig.directory});
  }
  if (context_name.empty()) {
    return BadRequest("current-context", "is not set, and no context was asked for");
  }
  const auto context_view = FindNamed(parsed, "contexts", "context", context_name);
  if (!context_view.ok()) return context_view.status();
  Entry context_entry(*context_view, "contexts[" + context_name + "].context");
  const std::string cluster_name = context_entry.String("cluster");
  const std::string user_name = context_entry.String("user");
  const std::string namespace_name = context_entry.String("namespace");
  if (!context_entry.status().ok()) return context_entry.status();

  ConnectionConfig config;
  config.user_agent = DefaultUserAgent();
  if (!namespace_name.empty()) config.default_namespace = namespace_name;

  const auto cluster_view = FindNamed(parsed, "clusters", "cluster", cluster_name);
  if (!cluster_view.ok()) return cluster_view.status();
  Entry cluster(*cluster_view, "clusters[" + cluster_name + "].cluster");
  if (Status status = ReadCluster(cluster, config); !status.ok()) return status;

  if (!user_name.empty()) {
    const auto user_view = FindNamed(parsed, "users", "user", user_name);
    if (!user_view.ok()) return user_view.status();
    Entry user(*user_view, "users[" + user_name + "].user");
    if (Status status = ReadUser(user, cluster, config); !status.ok()) return status;
  }
  if (config.tls) {
    const auto tls = TlsContext::Make(config);
    if (!tls.ok()) return tls.status().WithContext("context " + context_name);
  }
  return config;
}

Result<ConnectionConfig> InClusterConfig(const std::string& host, const std::string& port,
                                         const std::string& directory) {
  if (host.empty() || port.empty()) {
    return Status(StatusCode::kBadRequest,
                  InClusterError("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set; "
                                 "outside a cluster give a kubeconfig"));
  }
  ConnectionConfig config;
  config.user_agent = DefaultUserAgent();
  const std::string bracketed = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (const auto problem = ParseServer("https://" + bracketed + ":" + port, config)) {
    return Status(StatusCode::kBadRequest,
                  InClusterError("the address " + bracketed + ":" + port + " " + *problem));
  }
  config.ca_file = directory + "/ca.crt";
  Result<std::string> authority = ReadSmallFile(config.ca_file);
  if (!authority.ok()) return authority.status().WithContext("in-cluster configuration");
  if (authority->empty()) {
    // It would mean the system's roots.
    return Status(StatusCode::kBadRequest,
                  InClusterError("the certificate authority " + config.ca_file + " is empty"));
  }
  config.ca_pem = std::move(*authority);
  config.token_file = directory + "/token";
  Result<std::string> token = ReadSmallFile(config.token_file);
  if (!token.ok()) return token.status().WithContext("in-cluster configuration");
  const Result<std::string> namespace_name = ReadSmallFile(directory + "/namespace");
  if (namespace_name.ok() && IsDnsLabel(TrimSpace(*namespace_name))) {
    config.default_namespace = TrimSpace(*namespace_name);
  }
  const auto tls = TlsContext::Make(config);
  if (!tls.ok()) return tls.status().WithContext("in-cluster configuration");
  return config;
}

Result<ConnectionConfig> LoadConnectionConfig(const std::string& path, const std::string& context) {
  const std::string paths = path.empty() ? Environment("KUBECONFIG") : path;
  if (paths.empty() && !context.empty()) {
    return BadRequest("context " + context, "there is no kubeconfig to choose it from");
  }
  if (paths.empty()) {
    return InClusterConfig(Environment("KUBERNETES_SERVICE_HOST"),
                           Environment("KUBERNETES_SERVICE_PORT"), kServiceAccountDirectory);
  }
  const auto kubeconfigs = path.empty() ? ReadKubeconfigList(paths) : ReadKubeconfigFile(path);
  if (!kubeconfigs.ok()) return kubeconfigs.status();
  Result<ConnectionConfig> config = ParseKubeconfigs(*kubeconfigs, context);
  Status status = config.status();
  if (config.ok() && config->exec_plugin) status = config->exec_plugin->Prepare();
  if (!status.ok()) return status.WithContext("kubeconfig " + paths);
  return config;
}

}  // namespace stockade::kube
