#include "render/gateway_credentials.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/digest.h"
#include "render/envoy/paths.h"
#include "render/model_providers.h"

namespace stockade::render {
namespace {

using codec::Json;

constexpr std::size_t kMaxSessionNameBytes = 64;
constexpr std::size_t kDigestDigits = 10;

std::string PathIn(std::string_view directory, const Injection& injection, std::string_view file) {
  return std::string(directory) + "/" + injection.name + "/" + std::string(file);
}

std::string TokenFile(std::string_view cloud) {
  return std::string(kTokensDirectory) + "/" + std::string(cloud);
}

// What one credential needs; `derived` is what stockade-credentials is to write for it.
class Planner {
 public:
  Planner(const api::AgentSandbox& sandbox, const EgressSettings& settings,
          std::string session_name)
      : sandbox_(sandbox), settings_(settings), session_name_(std::move(session_name)) {}

  void Add(const Injection& injection) {
    if (injection.name == kModelCredentialName) {
      AddModel(injection);
      return;
    }
    const auto& credentials = sandbox_.spec.credentials;
    const auto credential = std::ranges::find(credentials, injection.name, &api::Credential::name);
    if (credential == credentials.end()) return;
    switch (credential->kind) {
      case api::CredentialKind::kHeader:
        AddSecret(injection, credential->secret, /*proxy_reads=*/true);
        break;
      case api::CredentialKind::kBasicAuth:
        AddSecret(injection, credential->secret, /*proxy_reads=*/false);
        AddDerived(injection, {{"kind", "basic"},
                               {"username", credential->username},
                               {"passwordFile", PathIn(envoy::kSecretsDirectory, injection,
                                                       credential->secret.key)}});
        break;
      case api::CredentialKind::kAws:
        AddAws(injection, credential->role_arn, credential->region);
        break;
    }
  }

  GatewayCredentials Take() {
    plan_.file = {{"secrets", std::move(secrets_)}, {"derived", std::move(derived_)}};
    return std::move(plan_);
  }

 private:
  void AddModel(const Injection& injection) {
    const api::EgressModel& model = *sandbox_.spec.egress->model;
    if (injection.kind == Injection::Kind::kAws) {
      AddAws(injection, model.role_arn, model.region);
      return;
    }
    // Without an audience the token would be one for the API server.
    plan_.google = !settings_.google_audience.empty();
    AddDerived(injection, {{"kind", "google"},
                           {"audience", settings_.google_audience},
                           {"tokenFile", TokenFile("google")}});
  }

  void AddAws(const Injection& injection, const std::string& role_arn, const std::string& region) {
    plan_.aws = true;
    AddDerived(injection, {{"kind", "aws"},
                           {"roleARN", role_arn},
                           {"region", region},
                           {"sessionName", session_name_},
                           {"tokenFile", TokenFile("aws")}});
  }

  void AddSecret(const Injection& injection, const api::SecretKeyRef& secret, bool proxy_reads) {
    plan_.secrets.push_back({injection.name, secret, proxy_reads});
    secrets_.push_back({{"credential", injection.name},
                        {"secret", secret.name},
                        {"key", secret.key},
                        {"file", PathIn(envoy::kSecretsDirectory, injection, secret.key)}});
  }

  void AddDerived(const Injection& injection, Json how) {
    plan_.derives = true;
    how["credential"] = injection.name;
    how["file"] = PathIn(envoy::kDerivedDirectory, injection, injection.file);
    derived_.push_back(std::move(how));
  }

  const api::AgentSandbox& sandbox_;
  const EgressSettings& settings_;
  const std::string session_name_;
  GatewayCredentials plan_;
  Json secrets_ = Json::array();
  Json derived_ = Json::array();
};

}  // namespace

std::string RoleSessionName(std::string_view namespace_name, std::string_view name) {
  std::string session = std::string(namespace_name) + "." + std::string(name);
  if (session.size() <= kMaxSessionNameBytes) return session;
  const std::string digest = "-" + Sha256Hex(session).substr(0, kDigestDigits);
  session.resize(kMaxSessionNameBytes - digest.size());
  return session + digest;
}

GatewayCredentials PlanCredentials(const api::AgentSandbox& sandbox, const EgressProfile& profile,
                                   const EgressSettings& settings, std::string_view gateway) {
  const bool shared = sandbox.spec.egress->gateway == api::GatewayMode::kShared;
  // By name, and each once, however many hosts use it.
  std::map<std::string, Injection> used;
  for (const Endpoint& endpoint : profile.endpoints) {
    if (endpoint.injection) used.emplace(endpoint.injection->name, *endpoint.injection);
  }
  Planner planner(sandbox, settings,
                  RoleSessionName(sandbox.metadata.namespace_name,
                                  shared ? gateway : std::string_view(sandbox.metadata.name)));
  for (const auto& [name, injection] : used) planner.Add(injection);
  return planner.Take();
}

}  // namespace stockade::render
