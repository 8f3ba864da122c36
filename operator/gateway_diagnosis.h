#pragma once

#include <string>

#include "operator/cached_objects.h"
#include "runtime/store.h"

namespace stockade::sandbox_operator {

// What a pod of a gateway says of why it does not run.
struct GatewayTrouble {
  std::string message;               // empty: it runs, or says nothing
  bool credentials_missing = false;  // a Secret or a key is not there; the message names it

  bool operator==(const GatewayTrouble&) const = default;
};

// Nothing of a pod that is ending. Pure.
[[nodiscard]] GatewayTrouble DiagnoseGatewayPod(const CachedPod& pod);

// Whether those that share a gateway have to look at it again: a Deployment changes many times as
// its pods come and go, and each look is one for every sandbox. Pure.
[[nodiscard]] bool ConcernsSharers(const runtime::Store<CachedDeployment>::Change& change);
[[nodiscard]] bool ConcernsSharers(const runtime::Store<CachedPod>::Change& change);

}  // namespace stockade::sandbox_operator
