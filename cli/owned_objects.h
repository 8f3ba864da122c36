#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/agent_sandbox.h"
#include "codec/json.h"
#include "kube/resource.h"
#include "render/render.h"

namespace stockade::cli {

// One object that the operator makes for a sandbox.
struct OwnedObject {
  kube::Resource resource;
  codec::Json object;

  [[nodiscard]] std::string name() const { return object["metadata"]["name"]; }
  // "Pod asb-minimal".
  [[nodiscard]] std::string Title() const;
};

// Everything that the operator makes for a sandbox, in the order in which it writes: the
// namespace's deny-all, claims, Service, allowance, and the pod last, which a suspended sandbox has
// not.
[[nodiscard]] std::vector<OwnedObject> OwnedObjects(const api::AgentSandbox& sandbox,
                                                    const render::Profile& profile);

// The same object without what only a cluster can tell, for people to read: no owner reference to a
// sandbox that has no uid yet.
void DropUnknownOwner(codec::Json& object);

}  // namespace stockade::cli
