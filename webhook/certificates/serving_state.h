#pragma once

#include <optional>
#include <string_view>

#include "base/status.h"
#include "codec/json.h"
#include "pki/authority_set.h"

namespace stockade::webhook {

// What the replicas share by a Secret: the authorities with their keys, and the serving identity.
// Its members: `authorities.json` is what the rotation goes on from; `tls.crt`, `tls.key` and
// `ca.crt` are named as everywhere, `ca.crt` being what is to stand in the caBundles. A plain
// value.
struct ServingState {
  pki::AuthoritySet authorities;
  std::optional<pki::Identity> leaf;
};

inline constexpr std::string_view kAuthoritiesMember = "authorities.json";

// From a v1 Secret. An empty one gives an empty state: whoever does not want the webhook to create
// Secrets makes it so. AlreadyExists when it holds something else and is none of ours; BadRequest
// for one of ours that is broken.
Result<ServingState> DecodeServingState(codec::JsonView secret);

// The Secret's `data`. The keys in it are for the one request that writes them.
Result<codec::Json> EncodeServingState(const ServingState& state);

}  // namespace stockade::webhook
