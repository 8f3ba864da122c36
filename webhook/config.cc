#include "webhook/config.h"

#include <arpa/inet.h>

#include <array>
#include <vector>

#include "api/agent_sandbox.h"
#include "api/quantity.h"
#include "api/watch_namespaces.h"
#include "base/files.h"
#include "base/strings.h"
#include "codec/json.h"
#include "codec/object_reader.h"
#include "codec/yaml.h"

namespace stockade::webhook {
namespace {

using codec::FieldError;
using codec::JsonView;
using codec::ObjectReader;

constexpr std::array<std::string_view, 1> kApiVersions = {"config.stockade.dev/v1alpha1"};
constexpr std::array<std::string_view, 1> kKinds = {"WebhookConfiguration"};
constexpr std::int64_t kLongestLifetime = std::int64_t{10} * 366 * 24 * 3600;  // seconds
constexpr std::array<std::string_view, 4> kLogLevels = {"debug", "info", "warning", "error"};

void ReadAddress(ObjectReader& parent, std::string_view section, http_server::ListenAddress& out,
                 std::vector<FieldError>& errors) {
  parent.Require(section);
  const JsonView value = parent.Value(section);
  if (value.IsUnset()) return;
  ObjectReader reader(value, parent.PathOf(section), errors);
  reader.Require("address");
  std::string text;
  reader.String("address", text);
  if (!text.empty()) {
    auto address = http_server::ParseListenAddress(text);
    if (address.ok()) {
      out = std::move(address).value();
    } else {
      reader.AddError("address", address.status().message());
    }
  }
  reader.Finish();
}

// The canonical text of an IP address, which is how certificates are read; or the name as it is.
std::string CanonicalAddress(const std::string& name) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  std::array<char, INET6_ADDRSTRLEN> text{};
  for (const int family : {AF_INET, AF_INET6}) {
    if (inet_pton(family, name.c_str(), bytes.data()) == 1 &&
        inet_ntop(family, bytes.data(), text.data(), text.size()) != nullptr) {
      return text.data();
    }
  }
  return name;
}

bool IsAddress(const std::string& name) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return inet_pton(AF_INET, name.c_str(), bytes.data()) == 1 ||
         inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1;
}

// Of digits and dots, as an address that is written wrong.
bool IsNumeric(const std::string& name) {
  return name.find_first_not_of("0123456789.") == std::string::npos;
}

void ReadSeconds(ObjectReader& reader, std::string_view key, std::chrono::seconds& out) {
  std::int64_t seconds = out.count();
  reader.Int(key, 1, kLongestLifetime, seconds);
  out = std::chrono::seconds(seconds);
}

void ReadName(ObjectReader& reader, std::string_view key, std::string_view what, std::string& out) {
  reader.String(key, out);
  if (!IsDnsSubdomain(out)) reader.AddError(key, "must be the name of " + std::string(what));
}

SelfManagedCertificates ReadSelfManaged(JsonView value, std::vector<FieldError>& errors) {
  SelfManagedCertificates result;
  ObjectReader reader(value, "certificates.selfManaged", errors);
  reader.String("namespace", result.namespace_name);
  if (!result.namespace_name.empty() && !IsDnsLabel(result.namespace_name)) {
    reader.AddError("namespace", "must be the name of a namespace");
  }
  ReadName(reader, "secretName", "a Secret", result.secret);
  ReadName(reader, "leaseName", "a Lease", result.lease);
  reader.String("serviceName", result.service);
  if (!IsDnsLabel(result.service)) reader.AddError("serviceName", "must be the name of a Service");
  reader.StringList("names", result.names);
  for (std::string& name : result.names) {
    name = CanonicalAddress(name);
    if (!IsAddress(name) && (!IsDnsSubdomain(name) || IsNumeric(name))) {
      reader.AddError("names",
                      "\"" + name + "\" must be a DNS name in lower case or an IP address");
    }
  }
  reader.StringList("validatingWebhookConfigurations", result.configurations);
  if (result.configurations.empty()) {
    reader.AddError("validatingWebhookConfigurations",
                    "must name at least one, or nobody could trust the certificate");
  }
  ReadSeconds(reader, "authoritySeconds", result.authority_lifetime);
  ReadSeconds(reader, "leafSeconds", result.leaf_lifetime);
  ReadSeconds(reader, "overlapSeconds", result.overlap);
  if (result.leaf_lifetime > result.authority_lifetime / 2) {
    reader.AddError("leafSeconds", "must be at most half of authoritySeconds");
  }
  if (result.overlap > result.authority_lifetime / 6) {
    reader.AddError(
        "overlapSeconds",
        "must be at most a sixth of authoritySeconds: two overlaps have to fit into its "
        "last third");
  }
  reader.Finish();
  return result;
}

void ReadCertificates(ObjectReader& parent, Config& config, std::vector<FieldError>& errors) {
  parent.Require("certificates");
  const JsonView value = parent.Value("certificates");
  if (value.IsUnset()) return;
  ObjectReader reader(value, "certificates", errors);
  reader.String("certificateFile", config.certificate_file);
  reader.String("keyFile", config.key_file);
  const JsonView self_managed = reader.Value("selfManaged");
  if (!self_managed.IsUnset()) config.self_managed = ReadSelfManaged(self_managed, errors);
  for (const char* file : {"certificateFile", "keyFile"}) {
    const JsonView path = reader.Value(file);
    if (!self_managed.IsUnset() && !path.IsUnset()) {
      reader.AddError(file, "must not be set beside selfManaged: the webhook makes its own");
    } else if (self_managed.IsUnset() && path.IsUnset()) {
      reader.AddError(file, "is required, unless selfManaged is set");
    } else if (path.IsString() && path.StringOrEmpty().empty()) {
      reader.AddError(file, "must be the path of a file");
    }
  }
  reader.String("clientCAFile", config.client_ca_file);
  std::int64_t seconds = config.certificate_poll.count();
  reader.Int("pollSeconds", 1, 3600, seconds);
  config.certificate_poll = std::chrono::seconds(seconds);
  reader.Finish();
}

void ReadLog(ObjectReader& parent, Config& config, std::vector<FieldError>& errors) {
  ObjectReader reader(parent.Value("log"), "log", errors);
  auto level = static_cast<std::size_t>(config.log_level);
  reader.Enum("level", kLogLevels, level);
  config.log_level = static_cast<LogLevel>(level);
  reader.Finish();
}

void ReadRuntimeClasses(JsonView value, std::vector<FieldError>& errors, Config& config) {
  ObjectReader reader(value, "runtimeClasses", errors);
  for (std::size_t i = 0; i < api::kIsolationNames.size(); ++i) {
    std::string& name = config.runtime_classes[i];
    reader.String(api::kIsolationNames[i], name);
    if (!name.empty() && !IsDnsSubdomain(name)) {
      reader.AddError(api::kIsolationNames[i], "must be the name of a RuntimeClass");
    }
  }
  reader.Finish();
}

// What the operator fills in: the same section as in its configuration, as far as it is judged.
void ReadDefaults(JsonView value, std::vector<FieldError>& errors, policy::Facts& facts) {
  ObjectReader reader(value, "defaults", errors);
  ObjectReader limits(reader.Value("limits"), "defaults.limits", errors);
  for (std::size_t i = 0; i < api::kResourceCount; ++i) {
    const JsonView limit = limits.Value(api::kResourceNames[i]);
    if (limit.IsUnset()) continue;
    const auto quantity = api::Quantity::FromJson(limit);
    if (quantity.ok() && !quantity->IsNegative() && !quantity->IsZero()) {
      facts.default_limits[i] = *quantity;
    } else {
      limits.AddError(api::kResourceNames[i], "must be a quantity above zero, such as 500m or 1Gi");
    }
  }
  limits.Finish();
  reader.Finish();
}

Config ReadConfig(JsonView root, std::vector<FieldError>& errors) {
  Config config;
  ObjectReader reader(root, "", errors);
  std::size_t only = 0;
  reader.Require("apiVersion");
  reader.Enum("apiVersion", kApiVersions, only);
  reader.Require("kind");
  reader.Enum("kind", kKinds, only);
  ReadAddress(reader, "listen", config.listen, errors);
  ReadCertificates(reader, config, errors);
  ReadAddress(reader, "http", config.http, errors);
  api::ReadWatchNamespaces(reader, "watchNamespaces", config.watch_namespaces);
  auto threads = static_cast<std::int64_t>(config.threads);
  reader.Int("threads", 1, 64, threads);
  config.threads = static_cast<std::size_t>(threads);

  ObjectReader limits(reader.Value("limits"), "limits", errors);
  auto connections = static_cast<std::int64_t>(config.connections);
  limits.Int("connections", 1, 100'000, connections);
  config.connections = static_cast<std::size_t>(connections);
  limits.Finish();

  ObjectReader policy(reader.Value("policy"), "policy", errors);
  policy.StringList("allowedMetadataPrefixes", config.facts.allowed_metadata_prefixes);
  policy.Finish();

  ReadRuntimeClasses(reader.Value("runtimeClasses"), errors, config);
  ReadDefaults(reader.Value("defaults"), errors, config.facts);
  ReadGuardConfig(reader, errors, config.guards);
  config.guards.facts = config.facts;
  config.guards.runtime_classes.assign(config.runtime_classes.begin(),
                                       config.runtime_classes.end());
  ReadLog(reader, config, errors);
  reader.Finish();
  return config;
}

}  // namespace

Result<Config> ParseConfig(std::string_view text) {
  auto document = codec::ParseYaml(text);
  if (!document.ok()) return document.status();
  if (!document->root().IsObject()) {
    return Status(StatusCode::kBadRequest,
                  "must be a map that begins with \"apiVersion: " + std::string(kApiVersions[0]) +
                      "\" and \"kind: " + std::string(kKinds[0]) + "\"");
  }
  std::vector<FieldError> errors;
  Config config = ReadConfig(document->root(), errors);
  if (errors.empty()) return config;
  std::string message;
  for (const FieldError& error : errors) {
    if (!message.empty()) message += '\n';
    message += error.path + ": " + error.message;
  }
  return Status(StatusCode::kBadRequest, message);
}

Result<Config> LoadConfig(const std::string& file) {
  auto text = ReadSmallFile(file);
  if (!text.ok()) return text.status();
  auto config = ParseConfig(*text);
  if (!config.ok()) {
    return Status(config.status().code(), file + ":\n" + config.status().message());
  }
  return config;
}

}  // namespace stockade::webhook
