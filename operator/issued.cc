#include "operator/issued.h"

#include <charconv>
#include <functional>
#include <set>
#include <utility>

#include "api/gateway_names.h"
#include "api/names.h"
#include "base/base64.h"
#include "base/digest.h"
#include "kube/resource.h"
#include "render/envoy/envoy.h"
#include "render/envoy/paths.h"

namespace stockade::sandbox_operator {
namespace {

using codec::Json;

constexpr std::size_t kNameDigits = 10;
constexpr std::size_t kNoteDigits = 32;

struct Owner {
  std::string_view api_version;
  std::string_view kind;
  const std::string& name;
  const std::string& uid;
};

Owner OwnerOf(const GatewayService& gateway) {
  return {"v1", kube::kServices.kind, gateway.name, gateway.uid};
}

Owner OwnerOfIdentity(const api::AgentSandbox& sandbox, const GatewayService& gateway) {
  if (!gateway.shared) return OwnerOf(gateway);
  return {api::kGroupVersion, api::kAgentSandboxKind, sandbox.metadata.name, sandbox.metadata.uid};
}

std::string SecretName(const std::string& gateway, std::string_view part, const std::string& uid) {
  return gateway + "-" + std::string(part) + "-" +
         Sha256Hex(uid + "/" + std::string(part)).substr(0, kNameDigits);
}

Json NewSecret(const IssueRequest& request, const Owner& owner, std::string name,
               std::string_view type) {
  return {{"apiVersion", "v1"},
          {"kind", "Secret"},
          {"metadata",
           {{"name", std::move(name)},
            {"namespace", request.sandbox.metadata.namespace_name},
            {"labels",
             {{api::kManagedByLabel, api::kManagedByValue},
              {api::kGatewayLabel, request.gateway.name}}},
            {"ownerReferences", Json::array({{{"apiVersion", owner.api_version},
                                              {"kind", owner.kind},
                                              {"name", owner.name},
                                              {"uid", owner.uid}}})}}},
          {"type", type},
          {"data", Json::object()}};
}

Status Put(Json& secret, const std::string& certificate_key, const std::string& key_key,
           const pki::Identity& identity) {
  const auto key = identity.key.ToPem();
  if (!key.ok()) return key.status();
  secret["data"][certificate_key] = EncodeBase64(identity.certificate.ToPem());
  secret["data"][key_key] = EncodeBase64(key->view());
  return Status::Ok();
}

Result<Json> IdentitySecret(const IssueRequest& request, const Owner& owner, std::string name,
                            const Result<pki::Identity>& identity) {
  if (!identity.ok()) return identity.status();
  Json secret = NewSecret(request, owner, std::move(name), "kubernetes.io/tls");
  if (Status put = Put(secret, std::string(render::envoy::kCertificateFile),
                       std::string(render::envoy::kPrivateKeyFile), *identity);
      !put.ok()) {
    return put;
  }
  secret["data"][std::string(render::envoy::kAuthoritiesFile)] =
      EncodeBase64(request.authorities.identity.bundle);
  return secret;
}

std::set<std::string> TerminatedHosts(const render::EgressProfile& profile) {
  std::set<std::string> hosts;
  for (const render::Endpoint& endpoint : profile.endpoints) {
    if (endpoint.tls == api::TlsMode::kTerminate) hosts.insert(endpoint.host);
  }
  return hosts;
}

std::string DigestOf(const Json& value) { return Sha256Hex(value.dump()).substr(0, kNoteDigits); }

Json DigestOf(const Authorities::Purpose& purpose) {
  return {{"signer", purpose.signer.certificate().Fingerprint()},
          {"bundle", Sha256Hex(purpose.bundle)}};
}

}  // namespace

std::string SandboxIdentitySecret(const api::AgentSandbox& sandbox, const GatewayService& gateway) {
  return SecretName(api::DedicatedGatewayName(sandbox.metadata.name), "sandbox",
                    OwnerOfIdentity(sandbox, gateway).uid);
}
std::string GatewayIdentitySecret(const GatewayService& gateway) {
  return SecretName(gateway.name, "gateway", gateway.uid);
}
std::string LeavesSecret(const GatewayService& gateway) {
  return SecretName(gateway.name, "leaves", gateway.uid);
}

std::string IssuedNote::ToString() const {
  return digest_ + "@" + std::to_string(std::chrono::system_clock::to_time_t(renew_at_));
}

bool IssuedNote::IsCurrent(std::string_view text, std::string_view digest, pki::TimePoint now,
                           std::chrono::seconds lifetime, pki::TimePoint& renew_at) {
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos || text.substr(0, at) != digest) return false;
  const std::string_view number = text.substr(at + 1);
  std::int64_t seconds = 0;
  const auto [rest, error] = std::from_chars(number.data(), number.data() + number.size(), seconds);
  if (error != std::errc() || rest != number.data() + number.size()) return false;
  const std::int64_t begin = std::chrono::system_clock::to_time_t(now);
  if (seconds <= begin || seconds - begin > lifetime.count()) return false;
  renew_at = std::chrono::system_clock::from_time_t(seconds);
  return true;
}

pki::TimePoint RenewAt(const std::string& uid, pki::TimePoint now, std::chrono::seconds lifetime) {
  const auto spread = static_cast<std::int64_t>(std::hash<std::string>{}(uid) % 1000);
  return now + lifetime / 2 + lifetime * spread / 10000;
}

std::string SandboxIdentityDigest(const api::AgentSandbox& sandbox,
                                  const render::EgressProfile& profile,
                                  const GatewayService& gateway, const Authorities& authorities,
                                  const std::string& trust_domain) {
  return DigestOf(Json{{"owner", OwnerOfIdentity(sandbox, gateway).uid},
                       {"profile", profile.hash},
                       {"trustDomain", trust_domain},
                       {"identity", DigestOf(authorities.identity)}});
}

std::string GatewayDigest(const render::EgressProfile& profile, const GatewayService& gateway,
                          const Authorities& authorities) {
  return DigestOf(Json{{"owner", gateway.uid},
                       {"profile", profile.hash},
                       {"hosts", TerminatedHosts(profile)},
                       {"identity", DigestOf(authorities.identity)},
                       {"interception", DigestOf(authorities.interception)}});
}

Result<Json> IssueSandboxIdentity(const IssueRequest& request) {
  const api::ObjectMeta& metadata = request.sandbox.metadata;
  return IdentitySecret(
      request, OwnerOfIdentity(request.sandbox, request.gateway),
      SandboxIdentitySecret(request.sandbox, request.gateway),
      request.authorities.identity.signer.IssueClient({.trust_domain = request.trust_domain,
                                                       .namespace_name = metadata.namespace_name,
                                                       .profile = request.profile.hash,
                                                       .sandbox = metadata.name,
                                                       .uid = metadata.uid},
                                                      request.lifetime, request.now));
}

Result<Json> IssueGatewayIdentity(const IssueRequest& request) {
  const std::vector<std::string> names = {
      render::envoy::GatewayServerName(request.profile, request.sandbox.metadata.namespace_name)};
  return IdentitySecret(
      request, OwnerOf(request.gateway), GatewayIdentitySecret(request.gateway),
      request.authorities.identity.signer.IssueServer(names, request.lifetime, request.now));
}

Result<Json> IssueLeaves(const IssueRequest& request) {
  Json secret =
      NewSecret(request, OwnerOf(request.gateway), LeavesSecret(request.gateway), "Opaque");
  for (const std::string& host : TerminatedHosts(request.profile)) {
    const std::vector<std::string> names = {host};
    const auto leaf =
        request.authorities.interception.signer.IssueServer(names, request.lifetime, request.now);
    if (!leaf.ok()) return leaf.status().WithContext("issuing a certificate for " + host);
    const std::string file = render::envoy::LeafFileName(host);
    if (Status put = Put(secret, file + ".crt", file + ".key", *leaf); !put.ok()) return put;
  }
  return secret;
}

void WipeSecret(Json& secret) {
  for (Json& value : secret["data"]) {
    if (value.is_string()) pki::Wipe(value.get_ref<std::string&>());
  }
}

}  // namespace stockade::sandbox_operator
