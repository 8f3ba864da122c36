#include "pki/authority_set.h"

#include <chrono>
#include <cstdint>
#include <utility>

#include "codec/json.h"
#include "codec/object_reader.h"

namespace stockade::pki {
namespace {

using codec::Json;

// The year 9999 in seconds since 1970: no certificate ends later.
constexpr std::int64_t kLatest = 253'402'300'799;

std::int64_t Seconds(TimePoint time) { return std::chrono::system_clock::to_time_t(time); }

std::optional<TimePoint> ReadTime(codec::ObjectReader& reader, std::string_view key) {
  std::int64_t seconds = -1;
  reader.Int(key, 0, kLatest, seconds);
  if (seconds < 0) return std::nullopt;
  return std::chrono::system_clock::from_time_t(seconds);
}

std::optional<StoredAuthority> ReadAuthority(codec::JsonView value, const std::string& path,
                                             std::vector<codec::FieldError>& errors) {
  codec::ObjectReader reader(value, path, errors);
  std::string certificate_pem;
  reader.Require("certificate");
  reader.String("certificate", certificate_pem);
  const std::optional<TimePoint> published = ReadTime(reader, "published");
  const std::optional<TimePoint> signs_since = ReadTime(reader, "signsSince");
  const codec::JsonView key_pem = reader.Value("key");
  reader.Finish();
  if (!errors.empty()) return std::nullopt;

  auto certificate = Certificate::FromPem(certificate_pem);
  if (!certificate.ok()) {
    errors.push_back({path + ".certificate", certificate.status().message()});
    return std::nullopt;
  }
  StoredAuthority authority{std::move(certificate).value(), std::nullopt, published, signs_since};
  if (!authority.certificate.IsAuthority()) {
    errors.push_back({path + ".certificate", "is no authority's"});
  }
  if (key_pem.IsUnset()) return authority;
  auto key = PrivateKey::FromPem(key_pem.StringOrEmpty());
  if (!key.ok()) {
    errors.push_back({path + ".key", key.status().message()});
    return std::nullopt;
  }
  if (!authority.certificate.Matches(*key)) {
    errors.push_back({path + ".key", "does not belong to the certificate"});
  }
  authority.key = std::move(key).value();
  return authority;
}

}  // namespace

Result<AuthoritySet> AuthoritySet::Parse(std::string_view text) {
  const auto document = codec::JsonDocument::Parse(text);
  if (!document.ok()) return document.status();
  std::vector<codec::FieldError> errors;
  codec::ObjectReader reader(document->root(), "", errors);
  AuthoritySet set;
  reader.Require("authorities");
  reader.Array("authorities").ForEachElement([&](std::size_t index, codec::JsonView value) {
    auto authority = ReadAuthority(value, "authorities[" + std::to_string(index) + "]", errors);
    if (authority) set.authorities_.push_back(*std::move(authority));
  });
  reader.Finish();
  if (!errors.empty()) return codec::ToStatus(errors);
  return set;
}

Result<SecretText> AuthoritySet::Encode() const {
  Json list = Json::array();
  Status failure;
  for (const StoredAuthority& authority : authorities_) {
    Json entry = {{"certificate", authority.certificate.ToPem()}};
    if (authority.key) {
      const auto key = authority.key->ToPem();
      if (!key.ok()) {
        failure = key.status();
        break;
      }
      entry["key"] = std::string(key->view());
    }
    if (authority.published) entry["published"] = Seconds(*authority.published);
    if (authority.signs_since) entry["signsSince"] = Seconds(*authority.signs_since);
    list.push_back(std::move(entry));
  }
  Json root = {{"authorities", std::move(list)}};
  std::string text = failure.ok() ? root.dump() : std::string();
  for (Json& entry : root["authorities"]) {
    if (entry.contains("key")) Wipe(entry["key"].get_ref<std::string&>());
  }
  if (!failure.ok()) return failure;
  SecretText secret(text);
  Wipe(text);
  return secret;
}

std::vector<AuthorityTimes> AuthoritySet::Times() const {
  std::vector<AuthorityTimes> times;
  times.reserve(authorities_.size());
  for (const StoredAuthority& authority : authorities_) {
    times.push_back({.not_after = authority.certificate.not_after(),
                     .can_sign = authority.key.has_value(),
                     .published = authority.published,
                     .signs_since = authority.signs_since});
  }
  return times;
}

RotationStep AuthoritySet::Next(const RotationPolicy& policy, TimePoint now) const {
  return AuthorityRotation(policy).Next(Times(), now);
}

Result<Authority> AuthoritySet::Signer(TimePoint now) const {
  const auto current = AuthorityRotation::Current(Times(), now);
  if (!current || !authorities_[*current].key) {
    return Status(StatusCode::kBadRequest, "no authority signs at present");
  }
  return Authority::FromIdentity({authorities_[*current].certificate, *authorities_[*current].key});
}

std::vector<Succession> AuthoritySet::Successions(const RotationPolicy& policy,
                                                  TimePoint now) const {
  const std::vector<AuthorityTimes> times = Times();
  const AuthorityRotation rotation(policy);
  std::vector<Succession> successions;
  for (std::size_t i = AuthorityRotation::Current(times, now).value_or(0); i < times.size(); ++i) {
    const auto from = rotation.SignsFrom(times, i, now);
    if (!from) continue;
    successions.push_back({.certificate = authorities_[i].certificate,
                           .published = authorities_[i].published.value_or(*from),
                           .signs_from = *from});
  }
  return successions;
}

std::vector<Certificate> AuthoritySet::Certificates() const {
  std::vector<Certificate> certificates;
  certificates.reserve(authorities_.size());
  for (const StoredAuthority& authority : authorities_) {
    certificates.push_back(authority.certificate);
  }
  return certificates;
}

std::string AuthoritySet::Bundle() const { return EncodeBundle(Certificates()); }

void AuthoritySet::AddTrusted(Certificate certificate) {
  const TimePoint begin = certificate.not_before();
  authorities_.insert(authorities_.begin(),
                      StoredAuthority{std::move(certificate), std::nullopt, begin, begin});
}

void AuthoritySet::Drop(std::size_t index) {
  authorities_.erase(authorities_.begin() + static_cast<std::ptrdiff_t>(index));
}

}  // namespace stockade::pki
