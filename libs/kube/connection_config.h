#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/status.h"

namespace stockade::kube {

class ExecPlugin;

// Where the API server is and how to prove both sides' identity, read from a kubeconfig or from a
// pod's service account. A plain value, but for the exec plugin, which its copies share. PEM data
// is kept in memory; that of files, which may be rotated under us, together with where it came
// from.
struct ConnectionConfig {
  std::string host;  // name or address, IPv6 without brackets
  std::uint16_t port = 443;
  bool tls = true;              // false only for plain http:// servers of tests
  std::string path_prefix;      // of the server's URL, without a trailing slash
  std::string tls_server_name;  // to verify instead of host; empty for host
  std::string ca_pem;           // empty: the system's roots
  std::string client_certificate_pem;
  std::string client_key_pem;
  // Where the three above came from, when that was a file: TlsSource reads it again.
  std::string ca_file;
  std::string client_certificate_file;
  std::string client_key_file;
  std::string token;       // bearer token, fixed
  std::string token_file;  // bearer token, read again at least once a minute; wins over token
  // Asked for a token or a client certificate, in place of all the others; null for none.
  std::shared_ptr<ExecPlugin> exec_plugin;
  std::string default_namespace = "default";
  std::string user_agent;
};

// One kubeconfig's text in YAML or JSON, and the directory that its paths are relative to.
struct KubeconfigText {
  std::string text;
  std::string directory;
};

// From kubeconfigs, merged as kubectl merges them: the first that sets current-context counts, and
// of the entries of one name the first, as a whole. `context` may be empty for the current one.
// BadRequest names the field and what is wrong with it. Refused: insecure-skip-tls-verify, proxies,
// impersonation, basic authentication, auth providers, an exec plugin beside another credential,
// and http:// to any other machine. An exec plugin is not run.
Result<ConnectionConfig> ParseKubeconfigs(std::span<const KubeconfigText> kubeconfigs,
                                          const std::string& context);
// The same for one.
Result<ConnectionConfig> ParseKubeconfig(const std::string& text, const std::string& directory,
                                         const std::string& context);

// From a pod's service account: `host` and `port` of the API server, and the directory that holds
// ca.crt, token and namespace. An empty host is BadRequest: this is no pod.
Result<ConnectionConfig> InClusterConfig(const std::string& host, const std::string& port,
                                         const std::string& directory);

// From the kubeconfig `path`; when it is empty, from those that the environment variable KUBECONFIG
// lists with ':' between them, of which some may be missing; and without that from the service
// account mounted into this pod (KUBERNETES_SERVICE_HOST and
// /var/run/secrets/kubernetes.io/serviceaccount), where no `context` can be chosen. An exec plugin
// is run here for the first time, which may take as long as it is allowed; Unavailable when it
// fails.
Result<ConnectionConfig> LoadConnectionConfig(const std::string& path, const std::string& context);

}  // namespace stockade::kube
