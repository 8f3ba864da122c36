#pragma once

#include <string>
#include <string_view>

#include "api/agent_sandbox_claim.h"
#include "api/agent_sandbox_pool.h"
#include "api/agent_sandbox_template.h"
#include "api/binding_names.h"
#include "api/names.h"
#include "codec/json.h"
#include "kube/resource.h"
#include "operator/cached_objects.h"
#include "runtime/object_key.h"
#include "runtime/store.h"

// What the operator keeps of templates, pools and claims, and how a sandbox tells whose it is.
namespace stockade::sandbox_operator {

inline constexpr kube::Resource kAgentSandboxTemplates{
    api::kGroup, api::kVersion, "agentsandboxtemplates", api::kAgentSandboxTemplateKind};
inline constexpr kube::Resource kAgentSandboxPools{api::kGroup, api::kVersion, "agentsandboxpools",
                                                   api::kAgentSandboxPoolKind};
inline constexpr kube::Resource kAgentSandboxClaims{
    api::kGroup, api::kVersion, "agentsandboxclaims", api::kAgentSandboxClaimKind};

struct CachedSandboxTemplate : runtime::CachedObject {
  api::AgentSandboxTemplate made_from;
  std::string revision;  // a digest of the sandbox's spec, of a few characters
};

struct CachedSandboxPool : runtime::CachedObject {
  api::AgentSandboxPool pool;
};

struct CachedSandboxClaim : runtime::CachedObject {
  api::AgentSandboxClaim claim;
};

Result<CachedSandboxTemplate> DecodeSandboxTemplate(codec::JsonView object);
Result<CachedSandboxPool> DecodeSandboxPool(codec::JsonView object);
Result<CachedSandboxClaim> DecodeSandboxClaim(codec::JsonView object);

// A pool or a claim, by its kind and key.
struct Binder {
  std::string_view kind;  // api::kAgentSandboxPoolKind or api::kAgentSandboxClaimKind
  runtime::ObjectKey key;

  // What names it among all pools and claims.
  [[nodiscard]] std::string ToString() const { return std::string(kind) + "/" + key.ToString(); }
};

// The pool or claim that is the sandbox's controller, or was, by the label that the operator gave
// it, where the reference was taken off; an empty kind for none.
[[nodiscard]] Binder BinderOf(const CachedSandbox& sandbox);
// The uid of the pool or claim that is the sandbox's controller; empty when none is.
[[nodiscard]] std::string BinderUidOf(const CachedSandbox& sandbox);

// The owner reference by which a sandbox belongs to a pool or a claim.
[[nodiscard]] codec::Json BinderReference(const Binder& binder, const std::string& uid);

}  // namespace stockade::sandbox_operator
