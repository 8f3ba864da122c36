#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "pki/authority.h"
#include "pki/authority_rotation.h"
#include "pki/certificate.h"
#include "pki/private_key.h"

namespace stockade::pki {

// An authority as it is kept, beside others of the same purpose.
struct StoredAuthority {
  Certificate certificate;
  std::optional<PrivateKey> key;  // none: trusted still, and signs no more
  std::optional<TimePoint> published = {};
  std::optional<TimePoint> signs_since = {};
};

// An authority that signs, or is to.
struct Succession {
  Certificate certificate;
  TimePoint published;   // since when those who verify are told of it
  TimePoint signs_from;  // may be still to come
};

// The authorities of one purpose, in the order in which they were made, as they are stored between
// two steps of their rotation. A plain value.
class AuthoritySet {
 public:
  // From what Encode gave. BadRequest for anything else, such as a key that is another's.
  static Result<AuthoritySet> Parse(std::string_view text);
  // JSON, with the keys in it.
  [[nodiscard]] Result<SecretText> Encode() const;

  // The next step of the rotation.
  [[nodiscard]] RotationStep Next(const RotationPolicy& policy, TimePoint now) const;
  // The authority that signs; BadRequest when there is none that can.
  [[nodiscard]] Result<Authority> Signer(TimePoint now) const;
  // The authority that signs, and after it those that were published and are to follow it.
  [[nodiscard]] std::vector<Succession> Successions(const RotationPolicy& policy,
                                                    TimePoint now) const;
  // What those who verify are to trust, and the same as PEM.
  [[nodiscard]] std::vector<Certificate> Certificates() const;
  [[nodiscard]] std::string Bundle() const;

  void Add(const Authority& authority) {
    authorities_.push_back({authority.certificate(), authority.key()});
  }
  // One that leaves may still be served of, but whose key is gone; `signs_since` is then the
  // beginning of its certificate. It comes before all others.
  void AddTrusted(Certificate certificate);
  void SetPublished(std::size_t index, TimePoint now) { authorities_[index].published = now; }
  void SetSigning(std::size_t index, TimePoint now) { authorities_[index].signs_since = now; }
  void Drop(std::size_t index);

  [[nodiscard]] const std::vector<StoredAuthority>& authorities() const { return authorities_; }
  [[nodiscard]] bool empty() const { return authorities_.empty(); }

 private:
  [[nodiscard]] std::vector<AuthorityTimes> Times() const;

  std::vector<StoredAuthority> authorities_;
};

}  // namespace stockade::pki
