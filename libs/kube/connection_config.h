#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"

namespace stockade::kube {

// Where the API server is and how to prove both sides' identity, read from a kubeconfig or from a
// pod's service account. A plain value. PEM data is kept in memory; credentials that live in files
// stay paths where they may be rotated under us.
struct ConnectionConfig {
  std::string host;  // name or address, IPv6 without brackets
  std::uint16_t port = 443;
  bool tls = true;              // false only for plain http:// servers of tests
  std::string path_prefix;      // of the server's URL, without a trailing slash
  std::string tls_server_name;  // to verify instead of host; empty for host
  std::string ca_pem;           // empty: the system's roots
  std::string client_certificate_pem;
  std::string client_key_pem;
  std::string token;       // bearer token, fixed
  std::string token_file;  // bearer token, read again at least once a minute; wins over token
  std::string default_namespace = "default";
  std::string user_agent;
};

// From kubeconfig text in YAML or JSON; file references are relative to `directory`. `context` may
// be empty for the current one. BadRequest names the field and what is wrong with it. Refused:
// insecure-skip-tls-verify, proxies, impersonation, basic authentication, exec plugins and auth
// providers, and http:// to any other machine.
Result<ConnectionConfig> ParseKubeconfig(const std::string& text, const std::string& directory,
                                         const std::string& context);

// From a pod's service account: `host` and `port` of the API server, and the directory that holds
// ca.crt, token and namespace. An empty host is BadRequest: this is no pod.
Result<ConnectionConfig> InClusterConfig(const std::string& host, const std::string& port,
                                         const std::string& directory);

// From the file `path`, or, when it is empty, from the service account mounted into this pod
// (KUBERNETES_SERVICE_HOST and /var/run/secrets/kubernetes.io/serviceaccount).
Result<ConnectionConfig> LoadConnectionConfig(const std::string& path, const std::string& context);

}  // namespace stockade::kube
