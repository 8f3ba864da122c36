#include "operator/authority_keeper.h"

#include <algorithm>
#include <utility>

#include "api/names.h"
#include "base/base64.h"

namespace stockade::sandbox_operator {
namespace {

using codec::Json;
using std::chrono::milliseconds;

constexpr const char* kIdentityKey = "identity";
constexpr const char* kInterceptionKey = "interception";
// Under which gateways have their names: the authority of identities can vouch for no other server.
constexpr std::string_view kGatewayDomain = "gateway.stockade.internal";
// A Secret that somebody deleted or changed is noticed by then.
constexpr milliseconds kLookAgain = std::chrono::minutes(10);

Result<pki::AuthoritySet> ReadSet(codec::JsonView secret, const char* key) {
  const std::string where = std::string("Secret ") + std::string(kAuthoritiesSecret) + ": " + key;
  auto text = DecodeBase64(secret["data"][key].StringOrEmpty());
  if (!text || text->empty()) {
    return Status(StatusCode::kBadRequest,
                  where +
                      " is missing or no base64; restore the Secret, or delete it to have new "
                      "authorities made");
  }
  auto set = pki::AuthoritySet::Parse(*text);
  pki::Wipe(*text);
  if (!set.ok()) return set.status().WithContext(where);
  return set;
}

Status WriteSet(const pki::AuthoritySet& set, const char* key, Json& secret) {
  const auto text = set.Encode();
  if (!text.ok()) return text.status();
  secret["data"][key] = EncodeBase64(text->view());
  return Status::Ok();
}

void WipeData(Json& secret) {
  for (Json& value : secret["data"]) {
    if (value.is_string()) pki::Wipe(value.get_ref<std::string&>());
  }
}

}  // namespace

AuthorityKeeper::AuthorityKeeper(kube::Client& client, const Clock& clock, Logger& logger,
                                 Settings settings)
    : client_(client), clock_(clock), logger_(logger), settings_(std::move(settings)) {}

std::shared_ptr<const Authorities> AuthorityKeeper::Current() const {
  const MutexLock lock(mutex_);
  return current_;
}

Result<bool> AuthorityKeeper::Advance(pki::AuthoritySet& set, const pki::RotationPolicy& policy,
                                      const pki::AuthorityOptions& options, pki::TimePoint now,
                                      pki::TimePoint& wait_until) const {
  bool changed = false;
  while (true) {
    const pki::RotationStep step = set.Next(policy, now);
    switch (step.action) {
      case pki::RotationAction::kWait:
        wait_until = std::min(wait_until, step.wait_until);
        return changed;
      case pki::RotationAction::kCreate: {
        const auto authority = pki::Authority::Create(options, now);
        if (!authority.ok()) return authority.status();
        set.Add(*authority);
        break;
      }
      case pki::RotationAction::kPublish:
        // Once it is stored every certificate that was issued before is issued again, with it among
        // those that are trusted: see Issued.
        set.SetPublished(step.index, now);
        break;
      case pki::RotationAction::kActivate:
        set.SetSigning(step.index, now);
        break;
      case pki::RotationAction::kDrop:
        set.Drop(step.index);
        break;
    }
    changed = true;
  }
}

Status AuthorityKeeper::Store(const Sets& sets, const Json& live) {
  Json secret = {{"apiVersion", "v1"},
                 {"kind", "Secret"},
                 {"metadata",
                  {{"name", kAuthoritiesSecret},
                   {"namespace", settings_.namespace_name},
                   {"labels", {{api::kManagedByLabel, api::kManagedByValue}}}}},
                 {"type", "Opaque"}};
  const bool exists = live.is_object();
  if (exists) secret["metadata"] = live["metadata"];
  Status written = WriteSet(sets.identity, kIdentityKey, secret);
  if (written.ok()) written = WriteSet(sets.interception, kInterceptionKey, secret);
  if (written.ok()) {
    const auto answer = exists ? client_.Update(kube::kSecrets, settings_.namespace_name,
                                                kAuthoritiesSecret, secret)
                               : client_.Create(kube::kSecrets, settings_.namespace_name, secret);
    written = answer.status();
  }
  WipeData(secret);
  return written.WithContext("storing Secret " + std::string(kAuthoritiesSecret));
}

Status AuthorityKeeper::Publish(const Sets& sets, pki::TimePoint now) {
  auto identity = sets.identity.Signer(now);
  if (!identity.ok()) return identity.status();
  auto interception = sets.interception.Signer(now);
  if (!interception.ok()) return interception.status();
  auto made = std::make_shared<const Authorities>(
      Authorities{{std::move(identity).value(), sets.identity.Bundle()},
                  {std::move(interception).value(), sets.interception.Bundle()},
                  sets.interception.Successions(settings_.interception, now)});
  {
    const MutexLock lock(mutex_);
    const bool same =
        current_ && current_->identity.bundle == made->identity.bundle &&
        current_->interception.bundle == made->interception.bundle &&
        current_->identity.signer.certificate() == made->identity.signer.certificate() &&
        current_->interception.signer.certificate() == made->interception.signer.certificate();
    if (same) return Status::Ok();
    current_ = std::move(made);
  }
  if (changed_) changed_();
  return Status::Ok();
}

runtime::ReconcileResult AuthorityKeeper::Reconcile() {
  runtime::ReconcileResult result = ReconcileOnce();
  looked_up_ = true;
  return result;
}

runtime::ReconcileResult AuthorityKeeper::ReconcileOnce() {
  const pki::TimePoint now = clock_.Now();
  Sets sets;
  Json live;
  const auto found = client_.Get(kube::kSecrets, settings_.namespace_name, kAuthoritiesSecret);
  if (found.ok()) {
    auto identity = ReadSet(found->root(), kIdentityKey);
    if (!identity.ok()) return {identity.status(), std::nullopt};
    auto interception = ReadSet(found->root(), kInterceptionKey);
    if (!interception.ok()) return {interception.status(), std::nullopt};
    sets = {std::move(identity).value(), std::move(interception).value()};
    live = Json{{"metadata", found->root()["metadata"].ToJson()}};
  } else if (found.status().code() != StatusCode::kNotFound) {
    return {found.status().WithContext("reading Secret " + std::string(kAuthoritiesSecret)),
            std::nullopt};
  } else if (stored_) {
    sets = *stored_;
  }

  pki::TimePoint wait_until = pki::TimePoint::max();
  const auto identity = Advance(sets.identity, settings_.identity,
                                {.name = "Stockade sandbox identities",
                                 .lifetime = settings_.identity.lifetime,
                                 .permitted_names = {std::string(kGatewayDomain)},
                                 .permitted_trust_domain = {}},
                                now, wait_until);
  if (!identity.ok()) return {identity.status(), std::nullopt};
  const auto interception = Advance(sets.interception, settings_.interception,
                                    {.name = "Stockade egress gateways",
                                     .lifetime = settings_.interception.lifetime,
                                     .permitted_names = {},
                                     .permitted_trust_domain = {}},
                                    now, wait_until);
  if (!interception.ok()) return {interception.status(), std::nullopt};
  if (*identity || *interception || !live.is_object()) {
    if (Status stored = Store(sets, live); !stored.ok()) return {stored, std::nullopt};
    logger_.Info(
        "the authorities of egress gateways were stored",
        {{"identities", static_cast<std::int64_t>(sets.identity.authorities().size())},
         {"interception", static_cast<std::int64_t>(sets.interception.authorities().size())}});
  }
  stored_ = sets;
  if (Status published = Publish(sets, now); !published.ok()) return {published, std::nullopt};
  milliseconds again = kLookAgain;
  if (wait_until < now + again) {
    again = std::max(milliseconds(1000), std::chrono::ceil<milliseconds>(wait_until - now));
  }
  return {Status::Ok(), again};
}

}  // namespace stockade::sandbox_operator
