// A kubeconfig. What is accepted must be fit to connect with.
#include <algorithm>
#include <string>

#include "fuzzing.h"
#include "kube/connection_config.h"

using stockade::fuzz::Require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(stockade::fuzz::TextOf(data, size));
  const auto config = stockade::kube::ParseKubeconfig(text, "/nonexistent", "");
  if (!config.ok()) {
    Require(!config.status().message().empty(), "an error says what is wrong");
    return 0;
  }
  const auto printable = [](char c) { return c > 0x20 && c < 0x7f; };
  Require(!config->host.empty() && std::ranges::all_of(config->host, printable), "there is a host");
  Require(config->port != 0, "there is a port");
  Require(config->tls || config->host == "localhost" || config->host == "::1" ||
              config->host.starts_with("127."),
          "only this machine is spoken to without TLS", config->host);
  Require(config->path_prefix.empty() || config->path_prefix.starts_with('/'),
          "a path begins with a slash", config->path_prefix);
  Require(std::ranges::all_of(config->path_prefix, printable), "a path has no spaces");
  Require(std::ranges::all_of(config->token, printable), "a token fits into a header");
  Require(config->client_certificate_pem.empty() == config->client_key_pem.empty(),
          "a certificate and its key come together");
  Require(!config->default_namespace.empty(), "there is a namespace");
  return 0;
}
