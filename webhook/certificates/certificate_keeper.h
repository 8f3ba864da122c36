#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "codec/json.h"
#include "kube/client.h"
#include "kube/resource.h"
#include "pki/authority_set.h"
#include "webhook/certificates/options.h"
#include "webhook/certificates/serving_state.h"

namespace stockade::webhook {

inline constexpr kube::Resource kSecrets{"", "v1", "secrets", "Secret"};
inline constexpr kube::Resource kValidatingWebhookConfigurations{
    "admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration", /*namespaced=*/false};

// Keeps the webhook's serving certificate: level-triggered, one pass at a time, each from what the
// cluster holds now.
//
// Follow serves what the Secret holds, in every replica. Lead, in the one that holds the Lease,
// also takes the steps of pki::AuthorityRotation and keeps the caBundles. Every write carries the
// resourceVersion that it was decided on, so that two that think they lead disturb nothing but each
// other. The order in which nothing that is served is not trusted, or no longer: an authority is in
// the Secret and in every caBundle for an overlap before its first leaf is in the Secret, and the
// old one stays in both for an overlap after.
//
// A Secret that was deleted or broken is made anew with new authorities; the old ones, without
// their keys, stay trusted and the old leaf stays served until the new ones have taken their place.
// For one thread.
class CertificateKeeper {
 public:
  // Takes a certificate and its key in PEM, to be served from now on.
  using Serve = std::function<void(std::string certificate, std::string key)>;

  // `options` with a namespace. The client, clock and logger must outlive the keeper.
  CertificateKeeper(SelfManagedCertificates options, kube::Client& client, const Clock& clock,
                    Logger& logger, Serve serve);

  // Reads the Secret and serves its identity, if it is another one. NotFound while there is none.
  Status Follow();
  // Takes the steps that are due, then does as Follow. Returns when the next step is.
  Result<pki::TimePoint> Lead();

 private:
  // The Secret as it was read, and what it says.
  struct Stored {
    codec::Json secret;  // null: there is none, or not one that can be used
    ServingState state;
  };

  Result<Stored> Read();
  // What is left of the last state when the Secret is gone or broken.
  [[nodiscard]] ServingState Remains() const;
  // True when there is a next step that was taken, and stored.
  Result<bool> Step(Stored& stored, pki::TimePoint& next);
  // When the leaf is to be renewed: `now` when it is not one that this signer would issue.
  [[nodiscard]] pki::TimePoint RenewLeafAt(const ServingState& state, pki::TimePoint now) const;
  Status IssueLeaf(ServingState& state, pki::TimePoint now);
  Status Write(const Stored& stored);
  // Every caBundle is `bundle` when it returns Ok.
  Status Publish(const std::string& bundle);
  Status PublishIn(const std::string& configuration, const std::string& encoded);
  void ServeLeafOf(const ServingState& state);

  const SelfManagedCertificates options_;
  kube::Client& client_;
  const Clock& clock_;
  Logger& logger_;
  const Serve serve_;
  std::optional<ServingState> last_;  // that was read or written
  std::string served_;                // the certificate in PEM
  std::string reported_;              // what is wrong with the Secret
};

}  // namespace stockade::webhook
