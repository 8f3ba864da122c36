#pragma once

#include <string>

#include "operator/caches.h"
#include "operator/object_writer.h"

// The kinds of objects that a sandbox owns beside its pod, for EnsureOwned and RemoveOwned.
namespace stockade::sandbox_operator {

[[nodiscard]] OwnedKind<CachedService> ServiceKind(Caches& caches);
[[nodiscard]] OwnedKind<CachedConfigMap> ConfigMapKind(Caches& caches);
// What was issued for it (kIssuedAnnotation) is part of what it should be.
[[nodiscard]] OwnedKind<CachedDeployment> DeploymentKind(Caches& caches);
[[nodiscard]] OwnedKind<CachedPolicy> PolicyKind(Caches& caches);
// Claims only ever grow: a smaller request in the template leaves the claim as it is.
[[nodiscard]] OwnedKind<CachedClaim> ClaimKind(Caches& caches);

// What of a claim differs from its template and cannot be changed any more, in words; empty when
// nothing does.
[[nodiscard]] std::string DescribeImmutableDifference(const CachedClaim& live,
                                                      const codec::Json& desired);

}  // namespace stockade::sandbox_operator
