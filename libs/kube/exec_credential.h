#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "codec/json.h"

// The text side of exec plugins, as Kubernetes' client.authentication.k8s.io/v1 and v1beta1 define
// them: what a kubeconfig says of one, what the plugin is told and what it answers. Nothing here
// runs anything.
namespace stockade::kube {

// users[NAME].user.exec of a kubeconfig. A plain value.
struct ExecPluginConfig {
  std::string where;  // "users[NAME].user.exec", for messages
  std::string api_version;
  std::string command;  // a path when it has a slash, otherwise to be found in PATH
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment;  // besides the program's own
  std::string install_hint;
  bool provide_cluster_info = false;
  std::string cluster_json;  // spec.cluster of what the plugin is told; empty: it is told none
};

// A credential that a plugin printed. A plain value.
struct ExecCredential {
  std::string token;
  std::string client_certificate_pem;
  std::string client_key_pem;
  // When it is worth nothing any more; unset: only the API server can tell.
  std::optional<std::chrono::system_clock::time_point> expires;
};

// Reads users[NAME].user.exec; a relative command with a slash is relative to `directory`.
// BadRequest names the member. interactiveMode Always is refused: there is no terminal.
Result<ExecPluginConfig> ReadExecPlugin(codec::JsonView exec, const std::string& where,
                                        const std::string& directory);

// `cluster` of a kubeconfig as the plugin is told of it, with `ca_pem` as its authority.
std::string ExecClusterInfo(codec::JsonView cluster, const std::string& ca_pem);

// The value of KUBERNETES_EXEC_INFO.
std::string ExecInfo(const ExecPluginConfig& plugin);

// What the plugin printed. BadRequest says what is wrong with it, without any part of it.
Result<ExecCredential> ParseExecCredential(std::string_view output, std::string_view api_version);

}  // namespace stockade::kube
