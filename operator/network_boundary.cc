#include "operator/network_boundary.h"

#include <algorithm>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "api/gateway_names.h"
#include "api/names.h"
#include "operator/sandbox_events.h"
#include "render/fingerprint.h"
#include "render/gateway.h"
#include "render/render.h"

namespace stockade::sandbox_operator {
namespace {

// A pod of ours, by its name and the digests on it, that somebody took the sandbox label off: no
// policy selects it.
bool LacksItsLabel(codec::JsonView pod) {
  const codec::JsonView metadata = pod["metadata"];
  return !metadata["labels"][api::kSandboxLabel].exists() &&
         metadata["name"].StringOrEmpty().starts_with(api::kSandboxObjectPrefix) &&
         metadata["annotations"][api::kSpecHashAnnotation].exists();
}

std::string Repaired(BoundaryOf whose) {
  return std::string("somebody had changed the policy that shuts the network of every ") +
         (whose == BoundaryOf::kSandboxes ? "sandbox" : "egress gateway") +
         " in this namespace; it is shut again";
}

codec::Json RenderPolicy(BoundaryOf whose, const std::string& namespace_name) {
  return whose == BoundaryOf::kSandboxes ? render::RenderDenyAllPolicy(namespace_name)
                                         : render::RenderGatewayDenyAllPolicy(namespace_name);
}

runtime::ObjectReference ReferenceTo(codec::JsonView policy) {
  const codec::JsonView metadata = policy["metadata"];
  return {kube::kNetworkPolicies.api_version(),
          std::string(kube::kNetworkPolicies.kind),
          std::string(metadata["namespace"].StringOrEmpty()),
          std::string(metadata["name"].StringOrEmpty()),
          std::string(metadata["uid"].StringOrEmpty()),
          std::string(metadata["resourceVersion"].StringOrEmpty())};
}

std::size_t GateIndex(const std::string& namespace_name, std::size_t gates) {
  return std::hash<std::string>{}(namespace_name) % gates;
}

}  // namespace

NetworkBoundary::NetworkBoundary(kube::Client& client, Caches& caches, Logger& logger,
                                 runtime::EventRecorder* events, BoundaryOf whose)
    : client_(client),
      caches_(caches),
      logger_(logger),
      events_(events),
      whose_(whose),
      name_(whose == BoundaryOf::kSandboxes ? api::kDenyAllPolicyName
                                            : api::kGatewayDenyAllPolicyName),
      wanted_fingerprint_(render::NetworkPolicyFingerprint(
          codec::ParseTrusted(RenderPolicy(whose, "any")).root())) {}

codec::Json NetworkBoundary::Render(const std::string& namespace_name) const {
  return RenderPolicy(whose_, namespace_name);
}

bool NetworkBoundary::HasPods(const std::string& namespace_name) const {
  return whose_ == BoundaryOf::kSandboxes
             ? caches_.pods.store().AnyInNamespace(namespace_name)
             : caches_.gateway_pods.store().AnyInNamespace(namespace_name);
}

bool NetworkBoundary::HasUsers(const std::string& namespace_name) const {
  return whose_ == BoundaryOf::kSandboxes
             ? caches_.sandboxes.store().AnyInNamespace(namespace_name)
             : caches_.deployments.store().AnyInNamespace(namespace_name);
}

std::shared_lock<std::shared_mutex> NetworkBoundary::Hold(const std::string& namespace_name) {
  return std::shared_lock(gates_[GateIndex(namespace_name, gates_.size())]);
}

bool NetworkBoundary::IsAsWanted(const CachedPolicy& policy) const {
  const auto managed = policy.labels.find(std::string(api::kManagedByLabel));
  return policy.fingerprint == wanted_fingerprint_ && policy.has_finalizer && !policy.has_owner &&
         managed != policy.labels.end() && managed->second == api::kManagedByValue;
}

bool NetworkBoundary::InPlace(const std::string& namespace_name) const {
  const auto policy = caches_.policies.store().Get(KeyIn(namespace_name));
  return policy && IsAsWanted(*policy);
}

Status NetworkBoundary::Record(const Result<codec::JsonDocument>& answer) {
  if (!answer.ok()) return answer.status();
  auto decoded = DecodePolicy(answer->root());
  if (!decoded.ok()) return decoded.status();
  caches_.policies.store().RecordWrite(std::move(decoded).value());
  return Status::Ok();
}

Status NetworkBoundary::Ensure(const std::string& namespace_name) {
  if (InPlace(namespace_name)) return Status::Ok();
  if (caches_.policies.store().Get(KeyIn(namespace_name))) return Repair(namespace_name);
  const auto created =
      client_.Create(kube::kNetworkPolicies, namespace_name, Render(namespace_name));
  if (created.status().code() == StatusCode::kAlreadyExists) return Repair(namespace_name);
  return Record(created).WithContext("creating NetworkPolicy " + name_);
}

Status NetworkBoundary::Repair(const std::string& namespace_name) {
  const std::string& name = name_;
  const auto live = client_.Get(kube::kNetworkPolicies, namespace_name, name);
  if (!live.ok()) {
    if (live.status().code() == StatusCode::kNotFound) {
      // The cache is behind; the event that says so brings us back.
      return {StatusCode::kConflict, "NetworkPolicy " + name_ + " was just deleted"};
    }
    return live.status();
  }
  // Another reconcile of the namespace may have been faster, or the cache be behind.
  if (auto decoded = DecodePolicy(live->root()); decoded.ok() && IsAsWanted(*decoded)) {
    return Record(live);
  }
  const codec::Json desired = Render(namespace_name);
  codec::Json repaired = live->root().ToJson();
  repaired["spec"] = desired["spec"];
  repaired["metadata"]["labels"].update(desired["metadata"]["labels"]);
  // No owner: it must outlive every one of its sandboxes, and the garbage collector must not judge.
  repaired["metadata"].erase("ownerReferences");
  codec::Json& finalizers = repaired["metadata"]["finalizers"];
  const std::string ours(api::kPodsGoneFinalizer);
  if (!finalizers.is_array()) finalizers = codec::Json::array();
  if (std::find(finalizers.begin(), finalizers.end(), ours) == finalizers.end()) {
    if (repaired["metadata"].contains("deletionTimestamp")) {
      // A finalizer cannot be added any more: it will be gone at once and is created anew.
      return {StatusCode::kConflict, "NetworkPolicy " + name_ + " is being deleted"};
    }
    finalizers.push_back(ours);
  }
  const auto updated = client_.Update(kube::kNetworkPolicies, namespace_name, name, repaired);
  if (updated.ok()) {
    logger_.Warning("repaired NetworkPolicy " + name_ + ", which somebody had changed",
                    {{"namespace", namespace_name}});
    if (events_ != nullptr)
      events_->Record(RepairEvent(ReferenceTo(updated->root()), Repaired(whose_)));
  }
  return Record(updated).WithContext("repairing NetworkPolicy " + name_);
}

Status NetworkBoundary::Reconcile(const std::string& namespace_name) {
  const bool pods = HasPods(namespace_name);
  const bool users = HasUsers(namespace_name);
  const auto policy = caches_.policies.store().Get(KeyIn(namespace_name));
  if (pods) {
    const auto hold = Hold(namespace_name);
    return Ensure(namespace_name);
  }
  if (!policy) return Status::Ok();  // before the first pod its sandbox's reconcile creates it
  if (policy->deleting) return ReleaseIfUnused(namespace_name, /*keep_for_users=*/false);
  if (!users) return ReleaseIfUnused(namespace_name, /*keep_for_users=*/true);
  const auto hold = Hold(namespace_name);
  return Ensure(namespace_name);
}

Result<bool> NetworkBoundary::AnyLiveUser(const std::string& namespace_name) {
  kube::ListOptions options;
  options.namespace_name = namespace_name;
  if (whose_ == BoundaryOf::kGateways) options.label_selector = api::kGatewayLabel;
  bool any = false;
  const auto listed =
      client_.List(whose_ == BoundaryOf::kSandboxes ? kAgentSandboxes : kube::kDeployments, options,
                   [&any](codec::JsonView) { any = true; });
  if (!listed.ok()) return listed.status();
  return any;
}

Status NetworkBoundary::RemoveAccount(const std::string& namespace_name) {
  const auto deleted =
      client_.Delete(kube::kServiceAccounts, namespace_name, api::kGatewayServiceAccount, {});
  if (deleted.ok() || deleted.status().code() == StatusCode::kNotFound) return Status::Ok();
  return deleted.status().WithContext("deleting ServiceAccount stockade-gateway");
}

Result<bool> NetworkBoundary::AnyLivePod(const std::string& namespace_name) {
  kube::ListOptions options;
  options.namespace_name = namespace_name;
  // A gateway's pod that loses its label is no longer its ReplicaSet's, which then has another.
  const bool of_gateways = whose_ == BoundaryOf::kGateways;
  if (of_gateways) options.label_selector = api::kGatewayLabel;
  bool any = false;
  std::vector<std::pair<std::string, std::string>> unlabelled;  // name and uid
  const auto listed = client_.List(kube::kPods, options, [&](codec::JsonView pod) {
    const codec::JsonView metadata = pod["metadata"];
    if (of_gateways || metadata["labels"][api::kSandboxLabel].exists()) {
      any = true;
    } else if (LacksItsLabel(pod)) {
      unlabelled.emplace_back(metadata["name"].StringOrEmpty(), metadata["uid"].StringOrEmpty());
    }
  });
  if (!listed.ok()) return listed.status();
  for (const auto& [name, uid] : unlabelled) {
    const auto labelled = PutLabelBack(namespace_name, name, uid);
    if (!labelled.ok()) return labelled.status();
    any = any || *labelled != nullptr;
  }
  return any;
}

Result<std::shared_ptr<const CachedPod>> NetworkBoundary::PutLabelBack(
    const std::string& namespace_name, const std::string& pod, const std::string& uid) {
  const codec::Json patch = {
      {"metadata",
       {{"uid", uid},
        {"labels",
         {{std::string(api::kSandboxLabel), pod.substr(api::kSandboxObjectPrefix.size())}}}}}};
  const auto patched =
      client_.Patch(kube::kPods, namespace_name, pod, kube::PatchType::kMerge, patch);
  if (patched.status().code() == StatusCode::kNotFound) {
    caches_.pods.store().RecordDelete({namespace_name, pod}, uid);
    return std::shared_ptr<const CachedPod>();
  }
  if (!patched.ok()) return patched.status().WithContext("labelling pod " + pod);
  logger_.Warning("put the sandbox label back on a pod",
                  {{"namespace", namespace_name}, {"pod", pod}});
  auto decoded = DecodePod(patched->root());
  if (!decoded.ok()) return decoded.status();
  caches_.pods.store().RecordWrite(*decoded);
  return std::make_shared<const CachedPod>(std::move(decoded).value());
}

Status NetworkBoundary::KeepLabelled(const std::string& namespace_name, const std::string& pod) {
  const auto cached = caches_.pods.store().Get({namespace_name, pod});
  if (cached && cached->labels.contains(std::string(api::kSandboxLabel))) return Status::Ok();
  const auto live = client_.Get(kube::kPods, namespace_name, pod);
  if (live.status().code() == StatusCode::kNotFound) return Status::Ok();
  if (!live.ok()) return live.status();
  if (!LacksItsLabel(live->root())) return Status::Ok();
  return PutLabelBack(namespace_name, pod,
                      std::string(live->root()["metadata"]["uid"].StringOrEmpty()))
      .status();
}

Status NetworkBoundary::ReleaseIfUnused(const std::string& namespace_name, bool keep_for_users) {
  // No pod is created by us from here on; what others created, only the API server knows.
  const std::unique_lock lock(gates_[GateIndex(namespace_name, gates_.size())]);
  const auto policy = caches_.policies.store().Get(KeyIn(namespace_name));
  if (!policy) return Status::Ok();
  const auto pods = AnyLivePod(namespace_name);
  if (!pods.ok()) return pods.status();
  if (*pods) return Status::Ok();
  if (keep_for_users) {
    const auto users = AnyLiveUser(namespace_name);
    if (!users.ok()) return users.status();
    if (*users) return Status::Ok();
  }

  if (whose_ == BoundaryOf::kGateways) {
    if (Status removed = RemoveAccount(namespace_name); !removed.ok()) return removed;
  }
  const std::string& name = name_;
  if (!policy->deleting) {
    kube::DeleteOptions options;
    options.uid = policy->uid;
    const auto deleted = client_.Delete(kube::kNetworkPolicies, namespace_name, name, options);
    if (!deleted.ok() && deleted.status().code() != StatusCode::kNotFound) {
      return deleted.status().WithContext("deleting NetworkPolicy " + name_);
    }
  }
  const auto live = client_.Get(kube::kNetworkPolicies, namespace_name, name);
  if (live.ok()) {
    if (live->root()["metadata"]["uid"].StringOrEmpty() != policy->uid ||
        live->root()["metadata"]["deletionTimestamp"].IsUnset()) {
      return {StatusCode::kConflict, "NetworkPolicy " + name_ + " was created anew"};
    }
    codec::Json released = live->root().ToJson();
    codec::Json& finalizers = released["metadata"]["finalizers"];
    if (finalizers.is_array()) {
      std::erase(finalizers.get_ref<codec::Json::array_t&>(),
                 codec::Json(std::string(api::kPodsGoneFinalizer)));
    }
    const auto updated = client_.Update(kube::kNetworkPolicies, namespace_name, name, released);
    if (!updated.ok() && updated.status().code() != StatusCode::kNotFound) {
      return updated.status().WithContext("releasing NetworkPolicy " + name_);
    }
  } else if (live.status().code() != StatusCode::kNotFound) {
    return live.status();
  }
  caches_.policies.store().RecordDelete(KeyIn(namespace_name), policy->uid);
  logger_.Info("released NetworkPolicy " + name_ + ": nothing in the namespace needs it any more",
               {{"namespace", namespace_name}});
  return Status::Ok();
}

}  // namespace stockade::sandbox_operator
