#include "webhook/certificates/certificate_keeper.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "base/base64.h"
#include "pki/authority.h"
#include "pki/verify.h"

namespace stockade::webhook {
namespace {

using codec::Json;
using codec::JsonView;
using pki::RotationAction;
using pki::TimePoint;

// More steps than any state needs to come to rest.
constexpr int kMostSteps = 16;

constexpr std::string_view kAuthorityName = "stockade-webhook authority";

std::vector<std::string> Sorted(std::vector<std::string> names) {
  std::ranges::sort(names);
  return names;
}

std::vector<std::string> NamesOf(const pki::Certificate& leaf) {
  std::vector<std::string> names = leaf.DnsNames();
  std::vector<std::string> addresses = leaf.IpAddresses();
  names.insert(names.end(), addresses.begin(), addresses.end());
  return Sorted(std::move(names));
}

}  // namespace

CertificateKeeper::CertificateKeeper(SelfManagedCertificates options, kube::Client& client,
                                     const Clock& clock, Logger& logger, Serve serve)
    : options_(std::move(options)),
      client_(client),
      clock_(clock),
      logger_(logger),
      serve_(std::move(serve)) {}

Status CertificateKeeper::Follow() {
  auto stored = Read();
  if (!stored.ok()) return stored.status();
  if (stored->secret.is_null() || !stored->state.leaf) {
    return {StatusCode::kNotFound,
            "the Secret " + options_.secret + " holds no serving certificate yet"};
  }
  ServeLeafOf(stored->state);
  last_ = std::move(stored->state);
  return Status::Ok();
}

Result<TimePoint> CertificateKeeper::Lead() {
  TimePoint next = TimePoint::max();
  for (int i = 0; i < kMostSteps; ++i) {
    auto stored = Read();
    if (!stored.ok()) return stored.status();
    const auto stepped = Step(*stored, next);
    if (!stepped.ok()) return stepped.status();
    if (!stored->secret.is_null()) {
      ServeLeafOf(stored->state);
      last_ = std::move(stored->state);
    }
    if (!*stepped) return next;
  }
  return Status(StatusCode::kInternal, "the certificates' rotation does not come to rest");
}

Result<CertificateKeeper::Stored> CertificateKeeper::Read() {
  const auto secret = client_.Get(kSecrets, options_.namespace_name, options_.secret);
  if (secret.status().code() == StatusCode::kNotFound) return Stored{nullptr, Remains()};
  if (!secret.ok()) return secret.status().WithContext("reading the Secret " + options_.secret);
  Stored stored{secret->root().ToJson(), {}};
  auto state = DecodeServingState(secret->root());
  if (state.ok()) {
    reported_.clear();
    stored.state = state->authorities.empty() ? Remains() : std::move(state).value();
    return stored;
  }
  const Status wrong = state.status().WithContext("the Secret " + options_.secret);
  if (wrong.code() == StatusCode::kAlreadyExists) return wrong;
  if (wrong.message() != reported_) {
    reported_ = wrong.message();
    logger_.Error("the certificates' Secret is broken and is made anew", {{"error", reported_}});
  }
  // To be replaced as a whole.
  stored.secret.erase("data");
  stored.state = Remains();
  return stored;
}

ServingState CertificateKeeper::Remains() const {
  ServingState remains;
  if (!last_ || !last_->leaf || last_->leaf->certificate.not_after() <= clock_.Now())
    return remains;
  // What other replicas may serve as well: leaves of all that ever signed.
  const auto& authorities = last_->authorities.authorities();
  for (auto authority = authorities.rbegin(); authority != authorities.rend(); ++authority) {
    if (authority->signs_since) remains.authorities.AddTrusted(authority->certificate);
  }
  remains.leaf = last_->leaf;
  return remains;
}

Result<bool> CertificateKeeper::Step(Stored& stored, TimePoint& next) {
  const TimePoint now = clock_.Now();
  ServingState& state = stored.state;
  const pki::RotationPolicy policy{.lifetime = options_.authority_lifetime,
                                   .overlap = options_.overlap};
  // Before anything else, and again after each change of it: what is in the Secret may be served.
  if (!state.authorities.empty()) {
    if (Status status = Publish(state.authorities.Bundle()); !status.ok()) return status;
  }
  const pki::RotationStep step = state.authorities.Next(policy, now);
  switch (step.action) {
    case RotationAction::kCreate: {
      const auto authority = pki::Authority::Create(
          {.name = std::string(kAuthorityName), .lifetime = options_.authority_lifetime}, now);
      if (!authority.ok()) return authority.status();
      state.authorities.Add(*authority);
      logger_.Info("a new certificate authority is made",
                   {{"serial", authority->certificate().SerialNumber()},
                    {"notAfter", FormatTime(authority->certificate().not_after())}});
      break;
    }
    case RotationAction::kPublish:
      // Of after the last write above.
      state.authorities.SetPublished(step.index, clock_.Now());
      break;
    case RotationAction::kActivate:
      state.authorities.SetSigning(step.index, now);
      if (Status status = IssueLeaf(state, now); !status.ok()) return status;
      break;
    case RotationAction::kDrop:
      logger_.Info(
          "an old certificate authority is no longer trusted",
          {{"serial", state.authorities.authorities()[step.index].certificate.SerialNumber()}});
      state.authorities.Drop(step.index);
      break;
    case RotationAction::kWait: {
      const TimePoint renew_at = RenewLeafAt(state, now);
      if (now < renew_at) {
        next = std::min(step.wait_until, renew_at);
        return false;
      }
      if (Status status = IssueLeaf(state, now); !status.ok()) return status;
      break;
    }
  }
  if (Status status = Write(stored); !status.ok()) return status;
  return true;
}

TimePoint CertificateKeeper::RenewLeafAt(const ServingState& state, TimePoint now) const {
  const auto signer = state.authorities.Signer(now);
  // One whose key is gone signs nothing: its leaf has to do until its successor signs.
  if (!signer.ok()) return TimePoint::max();
  if (!state.leaf) return now;
  const pki::Certificate& leaf = state.leaf->certificate;
  const std::vector<pki::Certificate> trusted = {signer->certificate()};
  const Status verified =
      pki::Verify(leaf, {.authorities = trusted, .purpose = pki::Purpose::kServer, .now = now});
  if (!verified.ok()) return now;
  if (NamesOf(leaf) != Sorted(options_.ServerNames())) return now;
  if (leaf.not_after() > now + options_.leaf_lifetime) return now;
  // It lasts as long as its authority does, so another would not last longer.
  if (leaf.not_after() >= signer->certificate().not_after()) return TimePoint::max();
  return leaf.not_after() - options_.leaf_lifetime / 3;
}

Status CertificateKeeper::IssueLeaf(ServingState& state, TimePoint now) {
  const auto signer = state.authorities.Signer(now);
  if (!signer.ok()) return signer.status();
  auto leaf = signer->IssueServer(options_.ServerNames(), options_.leaf_lifetime, now);
  if (!leaf.ok()) return leaf.status();
  state.leaf = std::move(leaf).value();
  logger_.Info("a new serving certificate is made",
               {{"serial", state.leaf->certificate.SerialNumber()},
                {"authority", signer->certificate().SerialNumber()},
                {"notAfter", FormatTime(state.leaf->certificate.not_after())}});
  return Status::Ok();
}

Status CertificateKeeper::Write(const Stored& stored) {
  auto data = EncodeServingState(stored.state);
  if (!data.ok()) return data.status();
  Json secret = stored.secret;
  if (secret.is_null()) {
    secret = {{"apiVersion", "v1"},
              {"kind", "Secret"},
              {"metadata",
               {{"name", options_.secret},
                {"namespace", options_.namespace_name},
                {"labels", {{"app.kubernetes.io/managed-by", "stockade-webhook"}}}}},
              {"type", "Opaque"}};
  }
  secret["data"] = std::move(data).value();
  const auto written =
      stored.secret.is_null()
          ? client_.Create(kSecrets, options_.namespace_name, secret)
          : client_.Update(kSecrets, options_.namespace_name, options_.secret, secret);
  return written.status().WithContext("writing the Secret " + options_.secret);
}

Status CertificateKeeper::Publish(const std::string& bundle) {
  const std::string encoded = EncodeBase64(bundle);
  for (const std::string& configuration : options_.configurations) {
    if (Status status = PublishIn(configuration, encoded); !status.ok()) {
      return status.WithContext("keeping the caBundle of " + configuration);
    }
  }
  return Status::Ok();
}

Status CertificateKeeper::PublishIn(const std::string& configuration, const std::string& encoded) {
  const auto live = client_.Get(kValidatingWebhookConfigurations, "", configuration);
  // Nobody calls by what is not registered.
  if (live.status().code() == StatusCode::kNotFound) return Status::Ok();
  if (!live.ok()) return live.status();
  Json changed = Json::array();
  live->root()["webhooks"].ForEachElement([&](std::size_t, JsonView webhook) {
    if (webhook["clientConfig"]["caBundle"].StringOrEmpty() == encoded) return;
    changed.push_back({{"name", std::string(webhook["name"].StringOrEmpty())},
                       {"clientConfig", {{"caBundle", encoded}}}});
  });
  if (changed.empty()) return Status::Ok();
  logger_.Info("the caBundle is set",
               {{"configuration", configuration}, {"webhooks", changed.size()}});
  // Merges the webhooks by their names.
  return client_
      .Patch(kValidatingWebhookConfigurations, "", configuration, kube::PatchType::kStrategicMerge,
             {{"metadata",
               {{"resourceVersion",
                 std::string(live->root()["metadata"]["resourceVersion"].StringOrEmpty())}}},
              {"webhooks", std::move(changed)}})
      .status();
}

void CertificateKeeper::ServeLeafOf(const ServingState& state) {
  if (!state.leaf) return;
  std::string certificate = state.leaf->certificate.ToPem();
  if (certificate == served_) return;
  const auto key = state.leaf->key.ToPem();
  if (!key.ok()) {
    logger_.Error("the serving certificate cannot be used", {{"error", key.status().message()}});
    return;
  }
  served_ = certificate;
  serve_(std::move(certificate), std::string(key->view()));
}

}  // namespace stockade::webhook
