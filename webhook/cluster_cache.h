#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/agent_sandbox.h"
#include "api/resources.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/status.h"
#include "codec/json.h"
#include "kube/connection_config.h"
#include "kube/resource.h"
#include "kube/watcher.h"
#include "policy/policy_set.h"
#include "runtime/informer.h"
#include "webhook/cluster_view.h"

namespace stockade::webhook {

// What the webhook keeps of each kind that it watches: the few fields that a review asks for.
struct CachedNamespace : runtime::CachedObject {
  std::shared_ptr<const api::StringMap> labels;
};
struct CachedPolicyObject : runtime::CachedObject {
  policy::SharedPolicy policy;
};
struct CachedSandboxAccess : runtime::CachedObject {
  api::Access access;
  api::Isolation isolation = api::Isolation::kGVisor;
  std::shared_ptr<const api::StringMap> pod_labels;  // of the template
  bool has_gateway = false;
  bool may_be_idle = false;  // spec.lifecycle.idle is set
};
struct CachedSandboxPod : runtime::CachedObject {
  std::shared_ptr<const api::StringMap> labels;
};

Result<CachedNamespace> DecodeNamespace(codec::JsonView object);
// Never an error: a policy that cannot be understood must not look like one that is not there.
Result<CachedPolicyObject> DecodePolicyObject(codec::JsonView object);
// Of a sandbox that cannot be decoded as a whole, what can be read; an access that cannot is Deny.
Result<CachedSandboxAccess> DecodeSandboxAccess(codec::JsonView object);
Result<CachedSandboxPod> DecodeSandboxPod(codec::JsonView object);

// ClusterView by informers: namespaces, AgentSandboxPolicies, AgentSandboxes, and pods with the
// sandbox label, which outlive their sandbox and have labels that the cluster adds to them. Start,
// and Stop before the io thread ends; questions from any thread.
//
// The API server admits an object into a namespace as soon as it knows the namespace, which may be
// a moment before the watch tells us of it. So a question about a namespace that is not known waits
// for up to kNamespaceWait; kube-apiserver's own NamespaceLifecycle does the same. A wait occupies
// the thread that serves the request, so after one in vain nobody waits for kImpatience: whoever
// reaches the webhook and asks about namespaces that he made up cannot hold the others' reviews up.
class ClusterCache final : public ClusterView {
 public:
  static constexpr std::chrono::milliseconds kNamespaceWait{1000};
  static constexpr std::chrono::seconds kImpatience{2};

  using RuntimeClasses = std::array<std::string, api::kDefaultRuntimeClasses.size()>;

  // `runtime_classes` by api::Isolation, as the operator has them. With `watched`, sandboxes and
  // pods are kept of these namespaces alone, and of another one nothing is known.
  ClusterCache(RuntimeClasses runtime_classes, Logger& logger,
               std::vector<std::string> watched = {});

  void Start(kube::IoThread& io, const std::shared_ptr<const kube::ConnectionConfig>& connection);
  void Stop();

  [[nodiscard]] Status CheckSynced() const override;
  [[nodiscard]] Result<std::vector<policy::SharedPolicy>> PoliciesOf(
      std::string_view namespace_name) const override;
  [[nodiscard]] Result<std::optional<api::Access>> AccessOf(
      std::string_view namespace_name, std::string_view sandbox) const override;
  [[nodiscard]] std::string UidOfIdling(std::string_view namespace_name,
                                        std::string_view sandbox) const override;
  [[nodiscard]] Result<std::optional<std::string>> SandboxSelectedBy(
      std::string_view namespace_name, const api::LabelSelector& pod_selector) const override;
  [[nodiscard]] Result<std::optional<std::string>> GatewaySelectedBy(
      std::string_view namespace_name, const api::LabelSelector& pod_selector) const override;
  [[nodiscard]] Result<bool> RuntimeClassInUse(std::string_view runtime_class) const override;

 private:
  [[nodiscard]] std::array<const runtime::Synced*, 4> All() const {
    return {&namespaces_, &policies_, &sandboxes_, &pods_};
  }
  // Ok once every cache has synced, and unless that namespace is none of those that are watched.
  [[nodiscard]] Status CheckKnown(std::string_view namespace_name) const;
  // Of a namespace, or all where it is empty.
  [[nodiscard]] std::vector<std::shared_ptr<const CachedSandboxAccess>> SandboxesOf(
      std::string_view namespace_name) const;
  // Null when the namespace is not known in time.
  [[nodiscard]] std::shared_ptr<const CachedNamespace> FindNamespace(
      std::string_view namespace_name) const;

  const RuntimeClasses runtime_classes_;
  const std::vector<std::string> watched_;
  runtime::Informer<CachedNamespace> namespaces_;
  // Each object holds its policy compiled; a list of the store is one moment of all of them.
  runtime::Informer<CachedPolicyObject> policies_;
  runtime::Informer<CachedSandboxAccess> sandboxes_;
  runtime::Informer<CachedSandboxPod> pods_;
  mutable Mutex waiting_;
  mutable std::condition_variable_any namespace_seen_;
  mutable std::chrono::steady_clock::time_point impatient_until_ STOCKADE_GUARDED_BY(waiting_);
};

}  // namespace stockade::webhook
