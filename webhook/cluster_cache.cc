#include "webhook/cluster_cache.h"

#include <algorithm>
#include <utility>

#include "api/gateway_names.h"
#include "api/names.h"
#include "api/watch_namespaces.h"
#include "base/intern.h"
#include "codec/object_reader.h"
#include "policy/quoting.h"

namespace stockade::webhook {
namespace {

using codec::JsonView;
using policy::SharedPolicy;

constexpr kube::Resource kAgentSandboxes{api::kGroup, api::kVersion, "agentsandboxes",
                                         api::kAgentSandboxKind};
constexpr kube::Resource kAgentSandboxPolicies{api::kGroup, api::kVersion, "agentsandboxpolicies",
                                               api::kAgentSandboxPolicyKind, /*namespaced=*/false};

// Which the Deployment's controller gives to its pods.
constexpr std::string_view kPodTemplateHashLabel = "pod-template-hash";

std::shared_ptr<const api::StringMap> SharedLabels(JsonView labels) {
  api::StringMap map;
  labels.ForEachMember(
      [&map](std::string_view key, JsonView value) { map.emplace(key, value.StringOrEmpty()); });
  return Intern(std::move(map));
}

// Deny unless it is allowed in so many words, or by the default where nothing is said.
api::Permission ReadPermission(JsonView value, api::Permission by_default) {
  if (value.IsUnset()) return by_default;
  return value.StringOrEmpty() == "Allow" ? api::Permission::kAllow : api::Permission::kDeny;
}

// With a label of which only the presence matters.
api::StringMap WithLabel(api::StringMap labels, std::string_view key) {
  labels.insert_or_assign(std::string(key), "");
  return labels;
}

Status Unavailable(std::string message) { return {StatusCode::kUnavailable, std::move(message)}; }

}  // namespace

bool MaySelectGateways(const api::LabelSelector& pod_selector) {
  const api::StringMap labels =
      WithLabel(WithLabel({{std::string(api::kManagedByLabel), std::string(api::kManagedByValue)}},
                          api::kGatewayLabel),
                kPodTemplateHashLabel);
  return pod_selector.WhereverScheduled()
      .WithAnyValueOf(api::kGatewayLabel)
      .WithAnyValueOf(kPodTemplateHashLabel)
      .Matches(labels);
}

Result<CachedNamespace> DecodeNamespace(JsonView object) {
  CachedNamespace result;
  runtime::DecodeCachedObject(object, result);
  result.labels = SharedLabels(object["metadata"]["labels"]);
  return result;
}

Result<CachedPolicyObject> DecodePolicyObject(JsonView object) {
  CachedPolicyObject result;
  runtime::DecodeCachedObject(object, result);
  result.policy = policy::CompiledPolicy::Compile(object);
  return result;
}

Result<CachedSandboxAccess> DecodeSandboxAccess(JsonView object) {
  CachedSandboxAccess result;
  runtime::DecodeCachedObject(object, result);
  const JsonView spec = object["spec"];
  const JsonView access = spec["access"];
  result.access.exec = ReadPermission(access["exec"], result.access.exec);
  result.access.attach = ReadPermission(access["attach"], result.access.attach);
  result.access.port_forward = ReadPermission(access["portForward"], result.access.port_forward);
  const auto* const isolation =
      std::ranges::find(api::kIsolationNames, spec["isolation"].StringOrEmpty());
  if (isolation != api::kIsolationNames.end()) {
    result.isolation = static_cast<api::Isolation>(isolation - api::kIsolationNames.begin());
  }
  result.pod_labels = SharedLabels(spec["podTemplate"]["metadata"]["labels"]);
  result.has_gateway = !spec["egress"].IsUnset();
  result.may_be_idle = !spec["lifecycle"]["idle"].IsUnset();
  return result;
}

Result<CachedSandboxPod> DecodeSandboxPod(JsonView object) {
  CachedSandboxPod result;
  runtime::DecodeCachedObject(object, result);
  result.labels = SharedLabels(object["metadata"]["labels"]);
  return result;
}

ClusterCache::ClusterCache(RuntimeClasses runtime_classes, Logger& logger,
                           std::vector<std::string> watched)
    : runtime_classes_(std::move(runtime_classes)),
      watched_(std::move(watched)),
      namespaces_(kube::kNamespaces, DecodeNamespace, logger),
      policies_(kAgentSandboxPolicies, DecodePolicyObject, logger),
      sandboxes_(kAgentSandboxes, DecodeSandboxAccess, logger),
      pods_(kube::kPods, DecodeSandboxPod, logger) {
  namespaces_.AddHandler([this](const runtime::Store<CachedNamespace>::Change&) {
    {
      // So that nobody misses it between looking and waiting.
      const MutexLock lock(waiting_);
    }
    namespace_seen_.notify_all();
  });
}

void ClusterCache::Start(kube::IoThread& io,
                         const std::shared_ptr<const kube::ConnectionConfig>& connection) {
  namespaces_.Start(io, connection, {});
  policies_.Start(io, connection, {});
  sandboxes_.Start(io, connection, {}, watched_);
  kube::WatchOptions sandbox_pods;
  sandbox_pods.label_selector = std::string(api::kSandboxLabel);
  pods_.Start(io, connection, sandbox_pods, watched_);
}

void ClusterCache::Stop() {
  namespaces_.Stop();
  policies_.Stop();
  sandboxes_.Stop();
  pods_.Stop();
}

Status ClusterCache::CheckSynced() const {
  std::string missing;
  for (const runtime::Synced* cache : All()) {
    if (cache->HasSynced()) continue;
    missing += (missing.empty() ? "" : ", ") + std::string(cache->name());
  }
  if (missing.empty()) return Status::Ok();
  return Unavailable("the webhook has not read the cluster's " + missing +
                     " yet, and refuses what it cannot judge; try again in a moment");
}

Status ClusterCache::CheckKnown(std::string_view namespace_name) const {
  if (Status synced = CheckSynced(); !synced.ok()) return synced;
  if (namespace_name.empty() || api::IsWatched(watched_, namespace_name)) return Status::Ok();
  return Unavailable("the webhook is not to look into the namespace " +
                     policy::Quote(namespace_name) +
                     ", and refuses what it cannot judge; correct watchNamespaces of its "
                     "configuration, or the namespaceSelector of the registration");
}

std::shared_ptr<const CachedNamespace> ClusterCache::FindNamespace(
    std::string_view namespace_name) const {
  const runtime::ObjectKey key{"", std::string(namespace_name)};
  const auto deadline = std::chrono::steady_clock::now() + kNamespaceWait;
  while (true) {
    const MutexLock lock(waiting_);
    if (auto found = namespaces_.store().Get(key)) return found;
    if (std::chrono::steady_clock::now() < impatient_until_) return nullptr;
    if (namespace_seen_.wait_until(waiting_, deadline) == std::cv_status::timeout) {
      impatient_until_ = deadline + kImpatience;
      return namespaces_.store().Get(key);
    }
  }
}

Result<std::vector<SharedPolicy>> ClusterCache::PoliciesOf(std::string_view namespace_name) const {
  if (Status known = CheckKnown(namespace_name); !known.ok()) return known;
  std::shared_ptr<const CachedNamespace> found =
      namespaces_.store().Get({"", std::string(namespace_name)});
  if (!found) found = FindNamespace(namespace_name);
  if (!found) {
    return Unavailable("the webhook does not know the namespace " + policy::Quote(namespace_name) +
                       " yet, so it cannot tell which policies apply; try again in a moment");
  }
  std::vector<SharedPolicy> selecting;
  for (const auto& object : policies_.store().List()) {
    if (object->policy->Selects(*found->labels)) selecting.push_back(object->policy);
  }
  return selecting;
}

Result<std::optional<api::Access>> ClusterCache::AccessOf(std::string_view namespace_name,
                                                          std::string_view sandbox) const {
  if (Status known = CheckKnown(namespace_name); !known.ok()) return known;
  const auto found = sandboxes_.store().Get({std::string(namespace_name), std::string(sandbox)});
  if (!found) return std::optional<api::Access>();
  return std::optional<api::Access>(found->access);
}

std::string ClusterCache::UidOfIdling(std::string_view namespace_name,
                                      std::string_view sandbox) const {
  const auto found = sandboxes_.store().Get({std::string(namespace_name), std::string(sandbox)});
  return found && found->may_be_idle ? found->uid : std::string();
}

Result<std::optional<std::string>> ClusterCache::SandboxSelectedBy(
    std::string_view namespace_name, const api::LabelSelector& pod_selector) const {
  if (Status known = CheckKnown(namespace_name); !known.ok()) return known;
  const api::LabelSelector anywhere = pod_selector.WhereverScheduled();
  const api::LabelSelector selector = anywhere.WithAnyValueOf(api::kEgressLabel);
  for (const auto& sandbox : SandboxesOf(namespace_name)) {
    api::StringMap labels = *sandbox->pod_labels;
    labels.insert_or_assign(std::string(api::kManagedByLabel), std::string(api::kManagedByValue));
    labels.insert_or_assign(std::string(api::kSandboxLabel), sandbox->key.name);
    const bool selected = sandbox->has_gateway
                              ? selector.Matches(WithLabel(std::move(labels), api::kEgressLabel))
                              : anywhere.Matches(labels);
    if (selected) return std::optional<std::string>(sandbox->key.ToString());
  }
  const auto pods = namespace_name.empty()
                        ? pods_.store().List()
                        : pods_.store().ListNamespace(std::string(namespace_name));
  for (const auto& pod : pods) {
    if (!anywhere.Matches(*pod->labels)) continue;
    const auto sandbox = pod->labels->find(std::string(api::kSandboxLabel));
    const std::string& name = sandbox == pod->labels->end() ? pod->key.name : sandbox->second;
    return std::optional<std::string>(runtime::ObjectKey{pod->key.namespace_name, name}.ToString());
  }
  return std::optional<std::string>();
}

Result<std::optional<std::string>> ClusterCache::GatewaySelectedBy(
    std::string_view namespace_name, const api::LabelSelector& pod_selector) const {
  if (Status known = CheckKnown(namespace_name); !known.ok()) return known;
  if (!MaySelectGateways(pod_selector)) return std::optional<std::string>();
  for (const auto& sandbox : SandboxesOf(namespace_name)) {
    if (sandbox->has_gateway) return std::optional<std::string>(sandbox->key.ToString());
  }
  return std::optional<std::string>();
}

std::vector<std::shared_ptr<const CachedSandboxAccess>> ClusterCache::SandboxesOf(
    std::string_view namespace_name) const {
  return namespace_name.empty() ? sandboxes_.store().List()
                                : sandboxes_.store().ListNamespace(std::string(namespace_name));
}

Result<bool> ClusterCache::RuntimeClassInUse(std::string_view runtime_class) const {
  if (Status synced = CheckSynced(); !synced.ok()) return synced;
  return std::ranges::any_of(sandboxes_.store().List(), [&](const auto& sandbox) {
    return runtime_classes_[static_cast<std::size_t>(sandbox->isolation)] == runtime_class;
  });
}

}  // namespace stockade::webhook
