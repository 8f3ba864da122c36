#pragma once

#include <string>

#include "codec/json.h"

namespace stockade::render {

// Digests of the fields of an object that the operator decides and that someone else could change.
// Equal for a rendered object and for the same object read back from the API server, whatever that
// server defaulted or added beside them; different as soon as one of those fields differs.
// For a pod: images, resources, the set of ephemeral containers, tolerations and the other fields
// that the API server lets anyone change after creation (quantities by value).
[[nodiscard]] std::string PodFingerprint(codec::JsonView pod);
[[nodiscard]] std::string NetworkPolicyFingerprint(codec::JsonView policy);
[[nodiscard]] std::string ServiceFingerprint(codec::JsonView service);
// Of a claim only the requested storage can change, and only upwards: see GrowthOf in claims.h.

}  // namespace stockade::render
