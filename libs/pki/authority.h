#pragma once

#include <chrono>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "pki/certificate.h"
#include "pki/private_key.h"
#include "pki/spiffe_id.h"

namespace stockade::pki {

// Every certificate is valid from this long before it was made, for clocks that are behind.
inline constexpr std::chrono::seconds kBackdating = std::chrono::minutes(5);

// A certificate and its key.
struct Identity {
  Certificate certificate;
  PrivateKey key;
};

struct AuthorityOptions {
  std::string name;  // its common name, at most 64 bytes: what people see in an error
  std::chrono::seconds lifetime{};
  // Name constraints (RFC 5280, 4.2.1.10), so that a stolen key is good for little. At most one of
  // the two. Without either it may sign for any name.
  //   DNS names, with all below each, and IP addresses of servers; every other name of these two
  //   kinds is excluded.
  std::vector<std::string> permitted_names = {};
  //   The trust domain of sandboxes' identities; names of servers are excluded altogether.
  std::string permitted_trust_domain = {};
};

// A certificate authority that signs itself and leaves: CA with path length 0, ECDSA P-256 with
// SHA-256, random serial numbers of 128 bits. Its leaves have no subject but alternative names,
// which are critical then, and end with the authority at the latest. Immutable; safe to share
// between threads.
class Authority {
 public:
  // BadRequest for options that make no sense.
  static Result<Authority> Create(const AuthorityOptions& options, TimePoint now);
  // From a certificate and a key that were kept; BadRequest when they do not belong together or are
  // no authority.
  static Result<Authority> FromIdentity(Identity identity);

  [[nodiscard]] const Certificate& certificate() const { return identity_.certificate; }
  [[nodiscard]] const PrivateKey& key() const { return identity_.key; }

  // A server's identity for DNS names (in lower case; the first label may be "*", which stands for
  // one label) and IP addresses. BadRequest names the name that is none, and says so when the
  // authority has expired.
  Result<Identity> IssueServer(std::span<const std::string> names, std::chrono::seconds lifetime,
                               TimePoint now) const;
  // A client's identity, with its SPIFFE ID as the one name.
  Result<Identity> IssueClient(const SandboxIdentity& identity, std::chrono::seconds lifetime,
                               TimePoint now) const;

 private:
  explicit Authority(Identity identity) : identity_(std::move(identity)) {}

  Identity identity_;
};

}  // namespace stockade::pki
