// A kubeconfig, and what an exec plugin prints. What is accepted must be fit to connect with, and
// no plugin is run by reading of it.
#include <algorithm>
#include <string>

#include "fuzzing.h"
#include "kube/connection_config.h"
#include "kube/exec_credential.h"

using stockade::fuzz::Require;

namespace {

bool IsPrintable(char c) { return c > 0x20 && c < 0x7f; }

void ReadAsCredential(const std::string& text) {
  const auto credential =
      stockade::kube::ParseExecCredential(text, "client.authentication.k8s.io/v1");
  if (!credential.ok()) {
    Require(!credential.status().message().empty(), "an error says what is wrong");
    return;
  }
  Require(std::ranges::all_of(credential->token, IsPrintable), "a token fits into a header");
  Require(!credential->token.empty() || !credential->client_key_pem.empty(),
          "a credential proves something");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(stockade::fuzz::TextOf(data, size));
  ReadAsCredential(text);
  const auto config = stockade::kube::ParseKubeconfig(text, "/nonexistent", "");
  if (!config.ok()) {
    Require(!config.status().message().empty(), "an error says what is wrong");
    return 0;
  }
  Require(!config->host.empty() && std::ranges::all_of(config->host, IsPrintable),
          "there is a host");
  Require(config->port != 0, "there is a port");
  Require(config->tls || config->host == "localhost" || config->host == "::1" ||
              config->host.starts_with("127."),
          "only this machine is spoken to without TLS", config->host);
  Require(config->path_prefix.empty() || config->path_prefix.starts_with('/'),
          "a path begins with a slash", config->path_prefix);
  Require(std::ranges::all_of(config->path_prefix, IsPrintable), "a path has no spaces");
  Require(std::ranges::all_of(config->token, IsPrintable), "a token fits into a header");
  Require(config->client_certificate_pem.empty() == config->client_key_pem.empty(),
          "a certificate and its key come together");
  Require(config->exec_plugin == nullptr || (config->token.empty() && config->token_file.empty() &&
                                             config->client_key_pem.empty()),
          "an exec plugin stands alone");
  Require(!config->default_namespace.empty(), "there is a namespace");
  return 0;
}
