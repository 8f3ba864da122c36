#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace stockade::webhook {

// How the webhook makes and rotates its own serving certificate. A plain value; its defaults are
// those of the configuration file.
struct SelfManagedCertificates {
  std::string namespace_name;  // of the Secret, the Lease and the Service; empty: this pod's
  std::string secret = "stockade-webhook-tls";
  std::string lease = "stockade-webhook";
  std::string service = "stockade-webhook";
  std::vector<std::string> names;  // DNS names and IP addresses beside those of the Service
  // The ValidatingWebhookConfigurations whose caBundles are kept.
  std::vector<std::string> configurations = {"stockade"};
  std::chrono::seconds authority_lifetime = std::chrono::hours(365 * 24);
  std::chrono::seconds leaf_lifetime = std::chrono::hours(30 * 24);
  // From a new authority in every caBundle to its first leaf, and from its first leaf to the end
  // of the old one.
  std::chrono::seconds overlap = std::chrono::hours(1);

  // What the API server calls the webhook by, and `names`.
  [[nodiscard]] std::vector<std::string> ServerNames() const {
    std::vector<std::string> all = {service + "." + namespace_name + ".svc"};
    all.insert(all.end(), names.begin(), names.end());
    return all;
  }
};

}  // namespace stockade::webhook
