#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <shared_mutex>
#include <string>

#include "base/log.h"
#include "base/status.h"
#include "kube/client.h"
#include "operator/caches.h"
#include "runtime/event_recorder.h"

namespace stockade::sandbox_operator {

// Whose deny-all a NetworkBoundary keeps.
enum class BoundaryOf {
  kSandboxes,  // stockade-deny-all, of the pods of sandboxes
  kGateways,   // stockade-gateway-deny-all, of the pods of egress gateways
};

// Keeps the policy stockade-deny-all in every namespace that has sandboxes, from before the first
// pod to after the last: it is created before any pod, repaired whenever it differs, held by a
// finalizer while a sandbox pod exists, and released when neither pod nor sandbox is left. The name
// is reserved: a policy that carries it is ours whoever wrote it, and repairing it only narrows.
// With kGateways the same for stockade-gateway-deny-all, the pods of gateways and, in the place of
// sandboxes, the gateways' Deployments. Safe to call from any thread.
class NetworkBoundary {
 public:
  // `events` is told of repairs; null for nobody, else it outlives the boundary.
  NetworkBoundary(kube::Client& client, Caches& caches, Logger& logger,
                  runtime::EventRecorder* events = nullptr,
                  BoundaryOf whose = BoundaryOf::kSandboxes);

  // Held while a pod is created: the policy cannot be released meanwhile.
  [[nodiscard]] std::shared_lock<std::shared_mutex> Hold(const std::string& namespace_name);

  // Ok when the policy is in place as it should be. Call with Hold when a pod is to follow.
  Status Ensure(const std::string& namespace_name);

  // Looks at one namespace: ensures the policy where sandboxes or their pods are, and otherwise
  // releases it, after asking the API server itself whether a pod is left.
  Status Reconcile(const std::string& namespace_name);

  // Gives a pod of ours the sandbox label that its name stands for, and records what came of it.
  // Null when the pod is gone.
  Result<std::shared_ptr<const CachedPod>> PutLabelBack(const std::string& namespace_name,
                                                        const std::string& pod,
                                                        const std::string& uid);

  // The same for a pod that is in no cache since somebody took its label off, and whose sandbox may
  // be gone already; nothing happens when there is no such pod.
  Status KeepLabelled(const std::string& namespace_name, const std::string& pod);

  // As the cache has it: the policy exists, with our spec and our finalizer and without an owner.
  [[nodiscard]] bool InPlace(const std::string& namespace_name) const;
  [[nodiscard]] bool IsAsWanted(const CachedPolicy& policy) const;

 private:
  [[nodiscard]] codec::Json Render(const std::string& namespace_name) const;
  [[nodiscard]] runtime::ObjectKey KeyIn(const std::string& namespace_name) const {
    return {namespace_name, name_};
  }
  // As the caches have it: pods that it has to shut, and what such pods may come from.
  [[nodiscard]] bool HasPods(const std::string& namespace_name) const;
  [[nodiscard]] bool HasUsers(const std::string& namespace_name) const;
  Status Repair(const std::string& namespace_name);
  Status ReleaseIfUnused(const std::string& namespace_name, bool keep_for_users);
  // As the API server itself has it now. A pod of ours without its label gets it back.
  Result<bool> AnyLivePod(const std::string& namespace_name);
  Result<bool> AnyLiveUser(const std::string& namespace_name);
  // The account that gateways run as goes with the last of them.
  Status RemoveAccount(const std::string& namespace_name);
  Status Record(const Result<codec::JsonDocument>& answer);

  kube::Client& client_;
  Caches& caches_;
  Logger& logger_;
  runtime::EventRecorder* const events_;
  const BoundaryOf whose_;
  const std::string name_;  // of the policy
  const std::string wanted_fingerprint_;
  // One lock for many namespaces: two that share one only wait for each other a little.
  std::array<std::shared_mutex, 64> gates_;
};

}  // namespace stockade::sandbox_operator
