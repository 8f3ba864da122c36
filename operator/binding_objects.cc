#include "operator/binding_objects.h"

#include <utility>

#include "base/digest.h"
#include "runtime/informer.h"

namespace stockade::sandbox_operator {
namespace {

constexpr std::size_t kRevisionBytes = 16;

}  // namespace

Result<CachedSandboxTemplate> DecodeSandboxTemplate(codec::JsonView object) {
  auto decoded = api::DecodeAgentSandboxTemplate(object);
  if (!decoded.ok()) return decoded.status();
  CachedSandboxTemplate result;
  runtime::DecodeCachedObject(object, result);
  result.made_from = std::move(decoded).value();
  result.revision = Sha256Hex(result.made_from.sandbox_spec.text()).substr(0, kRevisionBytes);
  return result;
}

Result<CachedSandboxPool> DecodeSandboxPool(codec::JsonView object) {
  auto decoded = api::DecodeAgentSandboxPool(object);
  if (!decoded.ok()) return decoded.status();
  CachedSandboxPool result;
  runtime::DecodeCachedObject(object, result);
  result.pool = std::move(decoded).value();
  return result;
}

Result<CachedSandboxClaim> DecodeSandboxClaim(codec::JsonView object) {
  auto decoded = api::DecodeAgentSandboxClaim(object);
  if (!decoded.ok()) return decoded.status();
  CachedSandboxClaim result;
  runtime::DecodeCachedObject(object, result);
  result.claim = std::move(decoded).value();
  return result;
}

Binder BinderOf(const CachedSandbox& sandbox) {
  if (!sandbox.controller ||
      !sandbox.controller->api_version.starts_with(std::string(api::kGroup) + "/")) {
    return {};
  }
  for (const std::string_view kind : {api::kAgentSandboxPoolKind, api::kAgentSandboxClaimKind}) {
    if (sandbox.controller->kind == kind) {
      return {kind, {sandbox.key.namespace_name, sandbox.controller->name}};
    }
  }
  return {};
}

codec::Json BinderReference(const Binder& binder, const std::string& uid) {
  return {{"apiVersion", api::kGroupVersion},
          {"kind", binder.kind},
          {"name", binder.key.name},
          {"uid", uid},
          {"controller", true}};
}

}  // namespace stockade::sandbox_operator
