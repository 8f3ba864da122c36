#include "render/egress_profile.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/digest.h"
#include "base/strings.h"
#include "render/model_providers.h"

namespace stockade::render {
namespace {

using api::EgressEntry;
using codec::Json;

// Raised when the same section comes to mean another gateway.
constexpr int kProfileVersion = 1;

using HostPort = std::pair<std::string, std::int64_t>;

bool Contains(const std::vector<std::int64_t>& ports, std::int64_t port) {
  return std::ranges::find(ports, port) != ports.end();
}

RequestRule RuleOf(const char* list, std::size_t index, const EgressEntry& entry) {
  RequestRule rule{.name = std::string(list) + "[" + std::to_string(index) + "]",
                   .methods = entry.methods};
  for (const std::string& path : entry.paths) {
    rule.paths.push_back({PathMatch::Kind::kPrefix, path});
  }
  return rule;
}

// The entries of the same host and port, which add up. A wildcard stands for the hosts that have
// none: what it opens must not widen what was said of one of them, and of its credential.
void AddAllowed(const api::Egress& egress, Endpoint& endpoint) {
  for (std::size_t i = 0; i < egress.allow.size(); ++i) {
    const EgressEntry& entry = egress.allow[i];
    if (entry.host != endpoint.host || !Contains(api::AllowedPorts(entry), endpoint.port)) continue;
    endpoint.allow.push_back(RuleOf("allow", i, entry));
    endpoint.encoded_slash |= entry.encoded_slash;
    endpoint.pass_client_credentials |= entry.client_credentials == api::ClientCredentials::kPass;
    endpoint.web_socket |= entry.web_socket;
    endpoint.private_ranges.insert(endpoint.private_ranges.end(), entry.private_ranges.begin(),
                                   entry.private_ranges.end());
  }
}

// Inside a tunnel no request is seen: there a deny of some requests denies the host.
void AddDenied(const api::Egress& egress, Endpoint& endpoint) {
  for (std::size_t i = 0; i < egress.deny.size(); ++i) {
    const EgressEntry& entry = egress.deny[i];
    if (!entry.ports.empty() && !Contains(entry.ports, endpoint.port)) continue;
    const bool covers = api::CoversHost(entry.host, endpoint.host);
    if (!covers && !api::CoversHost(endpoint.host, entry.host)) continue;
    RequestRule rule = RuleOf("deny", i, entry);
    if (!covers) rule.host = entry.host;
    if (endpoint.tls == api::TlsMode::kTunnel) {
      rule.methods.clear();
      rule.paths.clear();
    }
    endpoint.deny.push_back(std::move(rule));
  }
}

}  // namespace

const RequestRule* Endpoint::WhollyDeniedBy() const {
  const auto denied = std::ranges::find_if(
      deny, [](const RequestRule& rule) { return rule.host.empty() && rule.IsBlanket(); });
  return denied == deny.end() ? nullptr : &*denied;
}

std::vector<std::string> ReachableHosts(const EgressProfile& profile) {
  std::vector<std::string> hosts;
  for (const Endpoint& endpoint : profile.endpoints) {
    if (endpoint.WhollyDeniedBy() == nullptr) hosts.push_back(endpoint.HostAndPort());
  }
  return hosts;
}

std::optional<Injection> FindInjection(const std::vector<api::Credential>& credentials,
                                       std::string_view name) {
  const auto found = std::ranges::find(credentials, name, &api::Credential::name);
  if (name.empty() || found == credentials.end()) return std::nullopt;
  Injection injection;
  injection.name = found->name;
  switch (found->kind) {
    case api::CredentialKind::kHeader:
      injection.file = found->secret.key;
      injection.header = ToLower(found->header);
      injection.prefix = found->prefix;
      break;
    case api::CredentialKind::kBasicAuth:
      injection.source = Injection::Source::kDerived;
      injection.file = "basic";
      injection.header = "authorization";
      injection.prefix = "Basic ";
      break;
    case api::CredentialKind::kAws:
      injection.kind = Injection::Kind::kAws;
      injection.source = Injection::Source::kDerived;
      injection.file = "aws";
      injection.region = found->region;
      injection.service = found->service;
      break;
  }
  return injection;
}

std::string EgressProfileHash(const api::Egress& egress,
                              const std::vector<api::Credential>& credentials) {
  Json section = api::ToJson(egress);
  section.erase("gateway");
  // By name: the order in which they are written means nothing.
  Json by_name = Json::object();
  for (const api::Credential& credential : credentials) {
    by_name[credential.name] = api::ToJson(credential);
  }
  const Json all = {{"version", kProfileVersion},
                    {"egress", std::move(section)},
                    {"credentials", std::move(by_name)}};
  return Sha256Hex(all.dump(-1, ' ', false, Json::error_handler_t::replace));
}

EgressProfile MakeEgressProfile(const api::Egress& egress,
                                const std::vector<api::Credential>& credentials) {
  std::map<HostPort, Endpoint> endpoints;
  for (const EgressEntry& entry : egress.allow) {
    for (const std::int64_t port : api::AllowedPorts(entry)) {
      Endpoint& endpoint = endpoints[{entry.host, port}];
      endpoint.host = entry.host;
      endpoint.port = port;
      endpoint.tls = entry.tls;
      if (!entry.credential.empty()) {
        endpoint.injection = FindInjection(credentials, entry.credential);
      }
    }
  }
  for (auto& [key, endpoint] : endpoints) AddAllowed(egress, endpoint);
  if (egress.model) {
    const ModelEndpoint model = ResolveModel(*egress.model, credentials);
    Endpoint& endpoint = endpoints[{model.host, api::kHttpsPort}];
    endpoint.host = model.host;
    endpoint.tls = api::TlsMode::kTerminate;
    endpoint.injection = model.injection;
    endpoint.encoded_slash |= model.encoded_slash;
    endpoint.allow.push_back({.name = "model", .methods = {"POST"}, .paths = model.paths});
  }
  EgressProfile profile;
  for (auto& [key, endpoint] : endpoints) {
    AddDenied(egress, endpoint);
    profile.endpoints.push_back(std::move(endpoint));
  }
  for (std::size_t i = 0; i < egress.deny.size(); ++i) {
    const EgressEntry& entry = egress.deny[i];
    const auto add = [&](std::int64_t port) {
      profile.denied.push_back({"deny[" + std::to_string(i) + "]", entry.host, port,
                                entry.methods.empty() && entry.paths.empty()});
    };
    if (entry.ports.empty()) add(0);
    for (const std::int64_t port : entry.ports) add(port);
  }
  profile.audit = egress.audit;
  profile.hash = EgressProfileHash(egress, credentials);
  return profile;
}

}  // namespace stockade::render
