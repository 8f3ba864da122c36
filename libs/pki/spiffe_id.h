#pragma once

#include <string>

#include "base/status.h"

namespace stockade::pki {

// Who a sandbox is to its egress gateway: spiffe://TRUST-DOMAIN/ns/N/profile/HASH/sandbox/NAME/UID,
// by the SPIFFE ID specification. A plain value.
struct SandboxIdentity {
  std::string trust_domain;    // "stockade.example"
  std::string namespace_name;  // of the sandbox
  std::string profile;         // hash of what its gateway allows
  std::string sandbox;
  std::string uid;  // of the sandbox: one of the same name that comes later is another

  bool operator==(const SandboxIdentity&) const = default;
};

// The identity as a URI. BadRequest names the part that does not fit into one.
Result<std::string> SpiffeId(const SandboxIdentity& identity);

// What the URIs of all sandboxes of a gateway begin with, its last slash included, so that no other
// profile's begins with it: "spiffe://TRUST-DOMAIN/ns/N/profile/HASH/".
Result<std::string> SpiffeIdPrefix(const std::string& trust_domain,
                                   const std::string& namespace_name, const std::string& profile);

}  // namespace stockade::pki
