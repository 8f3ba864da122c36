#include "operator/binding_objects.h"

#include <array>
#include <utility>

#include "base/digest.h"
#include "runtime/informer.h"

namespace stockade::sandbox_operator {
namespace {

constexpr std::size_t kRevisionBytes = 16;

constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kLabels = {
    {{api::kPoolLabel, api::kAgentSandboxPoolKind},
     {api::kClaimLabel, api::kAgentSandboxClaimKind}}};

// The kind of the sandbox's controller if that is a pool or a claim; empty otherwise.
std::string_view ControllerKind(const CachedSandbox& sandbox) {
  if (!sandbox.controller ||
      !sandbox.controller->api_version.starts_with(std::string(api::kGroup) + "/")) {
    return {};
  }
  for (const auto& [label, kind] : kLabels) {
    if (sandbox.controller->kind == kind) return kind;
  }
  return {};
}

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
  const std::string& space = sandbox.key.namespace_name;
  if (const std::string_view kind = ControllerKind(sandbox); !kind.empty()) {
    return {kind, {space, sandbox.controller->name}};
  }
  const api::StringMap& labels = sandbox.sandbox.metadata.labels;
  for (const auto& [label, kind] : kLabels) {
    const auto found = labels.find(std::string(label));
    if (found != labels.end()) return {kind, {space, found->second}};
  }
  return {};
}

std::string BinderUidOf(const CachedSandbox& sandbox) {
  return ControllerKind(sandbox).empty() ? std::string() : sandbox.controller->uid;
}

codec::Json BinderReference(const Binder& binder, const std::string& uid) {
  return {{"apiVersion", api::kGroupVersion},
          {"kind", binder.kind},
          {"name", binder.key.name},
          {"uid", uid},
          {"controller", true},
          {"blockOwnerDeletion", true}};
}

}  // namespace stockade::sandbox_operator
