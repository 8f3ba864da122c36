#include "cli/cluster.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/version.h"
#include "cli/configuration.h"
#include "kube/connection_config.h"
#include "kube/transport.h"

namespace stockade::cli {
namespace {

constexpr std::chrono::seconds kDeadline{15};

// The file that kubectl reads when neither --kubeconfig nor KUBECONFIG names one.
std::string DefaultKubeconfig(const std::string& home) {
  const char* listed = std::getenv("KUBECONFIG");
  if ((listed != nullptr && *listed != '\0') || home.empty()) return "";
  std::string path = home + "/.kube/config";
  std::error_code error;
  return std::filesystem::exists(path, error) ? path : "";
}

}  // namespace

Result<Cluster> ConnectToCluster(const Invocation& invocation) {
  const ParsedFlags& flags = invocation.flags;
  std::string kubeconfig(flags.Value("kubeconfig"));
  if (kubeconfig.empty()) kubeconfig = DefaultKubeconfig(invocation.environment.home);
  auto config = kube::LoadConnectionConfig(kubeconfig, std::string(flags.Value("context")));
  if (!config.ok()) return config.status();
  config->user_agent = "stockade/" STOCKADE_VERSION;
  Cluster cluster;
  cluster.default_namespace = config->default_namespace;
  if (Status status = ReadNamespace(flags, cluster.default_namespace); !status.ok()) return status;
  auto shared = std::make_shared<const kube::ConnectionConfig>(std::move(config).value());
  cluster.client =
      std::make_unique<kube::Client>(kube::MakeBeastTransport(std::move(shared)), kDeadline);
  return cluster;
}

Result<std::optional<codec::JsonDocument>> Find(kube::Client& client,
                                                const kube::Resource& resource,
                                                const std::string& namespace_name,
                                                const std::string& name) {
  auto found = client.Get(resource, namespace_name, name);
  if (found.ok()) return std::optional(std::move(found).value());
  if (found.status().code() == StatusCode::kNotFound) return std::optional<codec::JsonDocument>();
  return found.status().WithContext("reading " + std::string(resource.kind) + " " + name);
}

}  // namespace stockade::cli
