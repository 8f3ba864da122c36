#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/resources.h"
#include "base/log.h"
#include "base/status.h"
#include "http_server/listen_address.h"
#include "policy/evaluate.h"
#include "webhook/certificates/options.h"
#include "webhook/guards/guard_config.h"

namespace stockade::webhook {

// The configuration file of stockade-webhook, checked and with its defaults. A plain value.
struct Config {
  http_server::ListenAddress listen;  // of the admission endpoint, HTTPS
  // Either the two files are set or self_managed is.
  std::string certificate_file;
  std::string key_file;
  std::optional<SelfManagedCertificates> self_managed;
  std::string client_ca_file;  // empty: callers need no certificate
  std::chrono::seconds certificate_poll{10};
  http_server::ListenAddress http;  // of /healthz and /readyz, plain HTTP
  // Whose sandboxes are looked after; empty: those of every namespace.
  std::vector<std::string> watch_namespaces;
  std::size_t threads = 2;
  std::size_t connections = 1024;
  policy::Facts facts;
  // RuntimeClasses by api::Isolation, as the operator's configuration has them.
  std::array<std::string, api::kDefaultRuntimeClasses.size()> runtime_classes = {
      std::string(api::kDefaultRuntimeClasses[0]), std::string(api::kDefaultRuntimeClasses[1]),
      std::string(api::kDefaultRuntimeClasses[2])};
  GuardConfig guards;
  LogLevel log_level = LogLevel::kInfo;
};

// Reads the YAML text of a configuration file. BadRequest lists every problem, one a line:
// "listen.addres: is not a known field; did you mean "address"?".
Result<Config> ParseConfig(std::string_view text);

// As above, from a file of at most 1 MiB; the message begins with the file's name.
Result<Config> LoadConfig(const std::string& file);

}  // namespace stockade::webhook
