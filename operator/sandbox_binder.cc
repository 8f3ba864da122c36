#include "operator/sandbox_binder.h"

#include <algorithm>
#include <utility>

#include "api/pod_view.h"
#include "base/strings.h"
#include "operator/policy_judge.h"
#include "policy/sandbox_claims.h"

namespace stockade::sandbox_operator {
namespace {

using codec::Json;

constexpr std::size_t kMaxMessage = 2048;

std::string_view LabelOf(const Binder& binder) {
  return binder.kind == api::kAgentSandboxPoolKind ? api::kPoolLabel : api::kClaimLabel;
}

Json MakeSandbox(const Binder& binder, const std::string& binder_uid, const std::string& name,
                 const CachedSandboxTemplate& made_from, const api::AgentSandboxClaim& claim) {
  return {{"apiVersion", api::kGroupVersion},
          {"kind", api::kAgentSandboxKind},
          {"metadata",
           {{"name", name},
            {"namespace", binder.key.namespace_name},
            {"labels", {{LabelOf(binder), binder.key.name}}},
            {"annotations", {{api::kTemplateRevisionAnnotation, made_from.revision}}},
            {"ownerReferences", Json::array({BinderReference(binder, binder_uid)})}}},
          {"spec", policy::SandboxSpecFor(made_from.made_from, claim)}};
}

// What the template would make is judged before anything is written, as the webhook would.
std::string FirstProblem(const Json& sandbox, const policy::Facts& facts) {
  const codec::JsonDocument document = codec::ParseTrusted(sandbox);
  const auto decoded = api::DecodeAgentSandbox(document.root());
  if (!decoded.ok()) return decoded.status().message();
  for (const policy::Finding& finding : policy::EvaluateSandbox(
           *decoded, api::PodView(document.root()["spec"]["podTemplate"], "spec.podTemplate"),
           facts)) {
    if (finding.severity != policy::Severity::kError) continue;
    return std::string(api::kSandboxSpecInTemplate) + finding.field + ": [" +
           std::string(finding.code) + "] " + finding.message;
  }
  return {};
}

}  // namespace

SandboxBinder::SandboxBinder(kube::Client& client, Caches& caches, policy::Facts facts,
                             const Clock& clock, OnChange on_change)
    : client_(client),
      caches_(caches),
      facts_(std::move(facts)),
      clock_(clock),
      on_change_(std::move(on_change)) {}

TemplateSource SandboxBinder::Resolve(const std::string& namespace_name,
                                      const std::string& template_name,
                                      const api::AgentSandboxClaim& claim) const {
  auto found = caches_.sandbox_templates.store().Get({namespace_name, template_name});
  if (!found || found->made_from.metadata.deleting) {
    return {nullptr, Blocker{"TemplateNotFound",
                             "there is no AgentSandboxTemplate \"" + template_name +
                                 "\" in the namespace; create it, or name another one",
                             false}};
  }
  // Its sandboxes have names of their own.
  const Binder nobody{api::kAgentSandboxClaimKind, {namespace_name, "template"}};
  const std::string problem =
      FirstProblem(MakeSandbox(nobody, "", nobody.key.name, *found, claim), facts_);
  if (!problem.empty()) {
    return {nullptr, Blocker{"TemplateInvalid",
                             Truncate("the AgentSandboxTemplate \"" + template_name +
                                          "\" makes no sandbox that may run: " + problem,
                                      kMaxMessage),
                             false}};
  }
  return {std::move(found), std::nullopt};
}

BoundSandbox SandboxBinder::Look(const CachedSandbox& sandbox) const {
  BoundSandbox seen = LookAt(sandbox);
  seen.forbidden = JudgeByPolicies(caches_, facts_, sandbox.sandbox).Refuses();
  return seen;
}

Result<SandboxBinder::Ptr> SandboxBinder::Create(const Binder& binder,
                                                 const std::string& binder_uid,
                                                 const std::string& name,
                                                 const CachedSandboxTemplate& made_from,
                                                 const api::AgentSandboxClaim& claim) {
  const auto created = client_.Create(kAgentSandboxes, binder.key.namespace_name,
                                      MakeSandbox(binder, binder_uid, name, made_from, claim));
  if (!created.ok()) return created.status();
  return Record(created->root());
}

Result<SandboxBinder::Ptr> SandboxBinder::Adopt(const CachedSandbox& member,
                                                const CachedSandboxClaim& claim) {
  {
    const MutexLock lock(mutex_);
    if (!adopting_.insert(member.uid).second) {
      return Status(StatusCode::kConflict, "the sandbox is being claimed");
    }
  }
  const Binder binder{api::kAgentSandboxClaimKind, claim.key};
  Json patch = {{"metadata",
                 {{"uid", member.uid},
                  {"resourceVersion", member.sandbox.metadata.resource_version},
                  {"labels", {{api::kPoolLabel, nullptr}, {api::kClaimLabel, claim.key.name}}},
                  {"ownerReferences", Json::array({BinderReference(binder, claim.uid)})}}}};
  if (!claim.claim.spec.pod_labels.empty() || !claim.claim.spec.pod_annotations.empty()) {
    patch["spec"]["podTemplate"]["metadata"] =
        policy::PodMetadataFor(claim.claim, member.sandbox.spec.pod_template);
  }
  const auto patched = client_.Patch(kAgentSandboxes, member.key.namespace_name, member.key.name,
                                     kube::PatchType::kMerge, patch);
  auto result = patched.ok() ? Record(patched->root()) : Result<Ptr>(patched.status());
  const MutexLock lock(mutex_);
  adopting_.erase(member.uid);
  if (result.ok()) adopted_[BinderUidOf(member)] = clock_.SinceBoot();
  return result;
}

std::chrono::milliseconds SandboxBinder::SinceAdoption(const std::string& pool_uid) const {
  const MutexLock lock(mutex_);
  const auto found = adopted_.find(pool_uid);
  if (found == adopted_.end()) return std::chrono::hours(1);
  return std::chrono::floor<std::chrono::milliseconds>(clock_.SinceBoot() - found->second);
}

void SandboxBinder::Forget(const std::string& pool_uid) {
  const MutexLock lock(mutex_);
  adopted_.erase(pool_uid);
}

Status SandboxBinder::Remove(const CachedSandbox& sandbox, Removal removal) {
  kube::DeleteOptions options;
  options.uid = sandbox.uid;
  options.propagation_policy = removal.foreground ? "Foreground" : "Background";
  if (removal.as_known) options.resource_version = sandbox.sandbox.metadata.resource_version;
  const auto deleted =
      client_.Delete(kAgentSandboxes, sandbox.key.namespace_name, sandbox.key.name, options);
  if (!deleted.ok()) {
    if (deleted.status().code() != StatusCode::kNotFound) {
      return deleted.status().WithContext("deleting AgentSandbox " + sandbox.key.name);
    }
  }
  // With a finalizer of somebody's it is still there, and the watch shows it as it ends.
  if (deleted.ok() && deleted->root()["kind"].StringOrEmpty() == api::kAgentSandboxKind &&
      !deleted->root()["metadata"]["finalizers"].empty()) {
    return Record(deleted->root()).status();
  }
  if (const auto change = caches_.sandboxes.store().RecordDelete(sandbox.key, sandbox.uid)) {
    on_change_(change);
  }
  return Status::Ok();
}

Status SandboxBinder::RemoveOrphans(const kube::Resource& kind, const Binder& binder,
                                    const std::string& uid) {
  const auto bound = caches_.BoundTo(binder);
  const auto is_orphan = [&uid](const Ptr& sandbox) {
    return BinderUidOf(*sandbox) != uid && !sandbox->sandbox.metadata.deleting;
  };
  if (std::ranges::none_of(bound, is_orphan)) return Status::Ok();
  // The cache may be older than whoever gave it the sandbox: before anything is lost, the API
  // server is asked.
  const auto live = client_.Get(kind, binder.key.namespace_name, binder.key.name);
  if (!live.ok() && live.status().code() != StatusCode::kNotFound) return live.status();
  const std::string now(live.ok() ? live->root()["metadata"]["uid"].StringOrEmpty() : "");
  for (const Ptr& sandbox : bound) {
    const std::string owner = BinderUidOf(*sandbox);
    if (!is_orphan(sandbox) || (!owner.empty() && owner == now)) continue;
    if (Status removed = Remove(*sandbox, {.as_known = true, .foreground = false}); !removed.ok())
      return removed;
  }
  return Status::Ok();
}

Result<SandboxBinder::Ptr> SandboxBinder::Get(const runtime::ObjectKey& key) {
  const auto live = client_.Get(kAgentSandboxes, key.namespace_name, key.name);
  if (!live.ok()) return live.status();
  return Record(live->root());
}

Result<SandboxBinder::Ptr> SandboxBinder::Record(codec::JsonView sandbox) {
  auto decoded = DecodeSandbox(sandbox);
  if (!decoded.ok()) return decoded.status();
  auto result = std::make_shared<const CachedSandbox>(*decoded);
  if (const auto change = caches_.sandboxes.store().RecordWrite(std::move(decoded).value())) {
    on_change_(change);
  }
  return Ptr(std::move(result));
}

std::optional<Blocker> ExplainSandboxRefused(const Status& error) {
  switch (error.code()) {
    case StatusCode::kForbidden:
    case StatusCode::kInvalid:
    case StatusCode::kBadRequest:
      return Blocker{
          "SandboxRefused",
          "the API server does not take the sandbox: " + Truncate(error.message(), kMaxMessage),
          false};
    default:
      return std::nullopt;
  }
}

}  // namespace stockade::sandbox_operator
