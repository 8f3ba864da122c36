#include "webhook/certificates/serving_state.h"

#include <string>
#include <utility>

#include "base/base64.h"

namespace stockade::webhook {
namespace {

using codec::Json;
using codec::JsonView;

// A member of a Secret's data, decoded; empty without it.
Result<std::string> Member(JsonView data, std::string_view name) {
  auto decoded = DecodeBase64(data[name].StringOrEmpty());
  if (decoded) return *std::move(decoded);
  return Status(StatusCode::kBadRequest, std::string(name) + ": is no base64");
}

Result<std::optional<pki::Identity>> DecodeLeaf(JsonView data) {
  const auto certificate_pem = Member(data, "tls.crt");
  if (!certificate_pem.ok()) return certificate_pem.status();
  auto key_pem = Member(data, "tls.key");
  if (!key_pem.ok()) return key_pem.status();
  if (certificate_pem->empty() && key_pem->empty()) return std::optional<pki::Identity>();
  auto certificate = pki::Certificate::FromPem(*certificate_pem);
  if (!certificate.ok()) return certificate.status().WithContext("tls.crt");
  auto key = pki::PrivateKey::FromPem(*key_pem);
  pki::Wipe(*key_pem);
  if (!key.ok()) return key.status().WithContext("tls.key");
  if (!certificate->Matches(*key)) {
    return Status(StatusCode::kBadRequest,
                  "tls.key: does not belong to the certificate in tls.crt");
  }
  return std::optional<pki::Identity>({std::move(certificate).value(), std::move(key).value()});
}

}  // namespace

Result<ServingState> DecodeServingState(JsonView secret) {
  const JsonView data = secret["data"];
  ServingState state;
  if (data.empty()) return state;
  if (!data[kAuthoritiesMember].exists()) {
    return Status(StatusCode::kAlreadyExists,
                  "it holds something that the webhook has not made: delete it, or name another in "
                  "certificates.selfManaged.secretName");
  }
  auto text = Member(data, kAuthoritiesMember);
  if (!text.ok()) return text.status();
  auto authorities = pki::AuthoritySet::Parse(*text);
  pki::Wipe(*text);
  if (!authorities.ok()) return authorities.status().WithContext(kAuthoritiesMember);
  state.authorities = std::move(authorities).value();
  auto leaf = DecodeLeaf(data);
  if (!leaf.ok()) return leaf.status();
  state.leaf = std::move(leaf).value();
  return state;
}

Result<Json> EncodeServingState(const ServingState& state) {
  const auto authorities = state.authorities.Encode();
  if (!authorities.ok()) return authorities.status();
  Json data = {{std::string(kAuthoritiesMember), EncodeBase64(authorities->view())},
               {"ca.crt", EncodeBase64(state.authorities.Bundle())}};
  if (state.leaf) {
    const auto key = state.leaf->key.ToPem();
    if (!key.ok()) return key.status();
    data["tls.crt"] = EncodeBase64(state.leaf->certificate.ToPem());
    data["tls.key"] = EncodeBase64(key->view());
  }
  return data;
}

}  // namespace stockade::webhook
